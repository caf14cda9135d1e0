-- name: lock_heard
-- Waits until nobody else counts events under this name.
select pg_advisory_xact_lock(hashtextextended('yiwang/heard/' || %(name)s, 0));

-- name: lock_heard_around
-- Waits until nobody else counts events under this name around this place.
select lock_nearby('yiwang/heard/' || %(name)s, %(lon)s, %(lat)s, %(metres)s);

-- name: heard
-- Events of a category around a moment, in a cell or a box where one is given; at most so many on either side, the nearest.
with around as (
  select e.source, e.id, e.origin, e.kind, e.category, e.at, e.lon, e.lat, e.cell, e.score, e.zones
    from event e
   where e.category = %(category)s and e.origin <> 'rule' and e.at between %(since)s and %(until)s
     and (%(cell)s::int is null or e.cell = %(cell)s)
     and (%(west)s::float8 is null
          or e.lon between %(west)s and %(east)s and e.lat between %(south)s and %(north)s)
), chosen as (
  (select * from around where at <= %(at)s order by at desc limit %(most)s)
   union all
  (select * from around where at > %(at)s order by at limit %(most)s)
)
select c.source, c.id, c.origin, c.kind, c.category, c.at, c.lon, c.lat, c.score, c.zones, g.code
  from chosen c left join unit_grid g on g.id = c.cell;
