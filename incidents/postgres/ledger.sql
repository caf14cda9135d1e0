-- name: load
-- One incident by its number, as it is now; no lock, the version guards the change that follows.
select {incident_columns}
  from incident
 where number = %(number)s;

-- name: load_all
-- Several incidents by their numbers.
select {incident_columns}
  from incident
 where number = any(%(numbers)s);

-- name: open_on
-- The one open incident of a subject, else the newest of it that was merged into another, locked until the transaction ends.
select {incident_columns}
  from incident
 where id = coalesce((select o.id from incident o
                       where o.subject = %(subject)s and o.state not in ('closed', 'void')),
                     (select m.id from incident m
                       where m.subject = %(subject)s and m.merged_into is not null order by m.id desc limit 1))
   for update;

-- name: lock_nearby
-- Waits until nobody else opens an incident of this category around this place.
select lock_nearby(%(category)s, %(lon)s, %(lat)s, %(metres)s);

-- name: near
-- Open incidents of a category in a box with a recent event, locked in one order; who is within the metres is asked later.
select {incident_columns}
  from incident
 where category = %(category)s and state not in ('closed', 'void')
   and lat between %(south)s and %(north)s and lon between %(west)s and %(east)s
   and last_event_at >= %(since)s
 order by id
   for update;

-- name: open
-- A new incident with its history and facts; null when the subject already has an open one.
select incident_open(%(incident)s::jsonb, %(history)s::jsonb, %(facts)s::jsonb);

-- name: open_by
-- The same with the event that opened it; nothing at all when the subject already has an open one.
with opened as materialized (select incident_open(%(incident)s::jsonb, %(history)s::jsonb, %(facts)s::jsonb) as id)
insert into event (source, id, origin, kind, category, at, raw_lon, raw_lat, datum, lon, lat, cell, subject, score,
                   zones, text, media, raw, rule, saw, outcome, why, incident_id)
select %(source)s, %(id)s, %(origin)s, %(kind)s, %(category)s, %(at)s, %(raw_lon)s, %(raw_lat)s, %(datum)s, %(lon)s,
       %(lat)s, %(cell)s, %(subject)s, %(score)s, %(zones)s, %(text)s, %(media)s::jsonb, %(raw)s::jsonb, %(rule)s,
       %(saw)s::jsonb, %(outcome)s, %(why)s, o.id
  from opened o where o.id is not null
returning incident_id;

-- name: keep
-- The incident after its moves, if its version is still the expected one; only what they changed.
select incident_step(%(number)s, %(expected)s, %(changes)s::jsonb, %(history)s::jsonb, %(facts)s::jsonb);

-- name: sleep
-- When the system looks at an incident again, and nothing else.
update incident set wake_at = %(wake_at)s where number = %(number)s and version = %(version)s;

-- name: seen
-- What became of an event before.
select e.outcome, i.number
  from event e left join incident i on i.id = e.incident_id
 where e.source = %(source)s and e.id = %(id)s;

-- name: record
-- An event with what became of it, linked to its incident.
insert into event (source, id, origin, kind, category, at, raw_lon, raw_lat, datum, lon, lat, cell, subject, score,
                   zones, text, media, raw, rule, saw, outcome, why, incident_id)
values (%(source)s, %(id)s, %(origin)s, %(kind)s, %(category)s, %(at)s, %(raw_lon)s, %(raw_lat)s, %(datum)s, %(lon)s,
        %(lat)s, %(cell)s, %(subject)s, %(score)s, %(zones)s, %(text)s, %(media)s::jsonb, %(raw)s::jsonb, %(rule)s,
        %(saw)s::jsonb, %(outcome)s, %(why)s, (select i.id from incident i where i.number = %(number)s))
returning incident_id;
