-- name: known
-- The ids of the devices of these codes, as far as they are known.
select code, id from device where code = any(%(codes)s::text[]);

-- name: hear_of
-- Devices nobody registered yet, in order of their codes so that two workers never wait crosswise.
insert into device (code) select c from unnest(%(codes)s::text[]) c order by c
    on conflict (code) do nothing;

-- name: register
-- A device as a person describes it; what was only heard of becomes registered, its id stays.
insert into device (code, name, kind, component, raw_lon, raw_lat, datum, lon, lat, cell, registered)
values (%(code)s, %(name)s, %(kind)s, %(component)s, %(raw_lon)s, %(raw_lat)s, %(datum)s, %(lon)s, %(lat)s,
        %(cell)s, true)
    on conflict (code) do update
   set name = excluded.name, kind = excluded.kind, component = excluded.component,
       raw_lon = excluded.raw_lon, raw_lat = excluded.raw_lat, datum = excluded.datum,
       lon = excluded.lon, lat = excluded.lat, cell = excluded.cell, registered = true,
       changed_at = clock_timestamp();

-- name: find
-- One device with the code of its cell.
select d.id, d.code, d.name, d.kind, d.registered, d.component, d.raw_lon, d.raw_lat, d.datum, d.lon, d.lat,
       d.cell, u.code as cell_code, d.changed_at
  from device d left join unit_grid u on u.id = d.cell
 where d.code = %(code)s;

-- name: changed_since
-- Devices that are new or changed from an instant on, oldest change first.
select d.id, d.code, d.name, d.kind, d.registered, d.component, d.raw_lon, d.raw_lat, d.datum, d.lon, d.lat,
       d.cell, u.code as cell_code, d.changed_at
  from device d left join unit_grid u on u.id = d.cell
 where d.changed_at >= %(since)s
 order by d.changed_at, d.id;

-- name: placed
-- Where every device with a place stands.
select id, lon, lat, cell from device where lon is not null and lat is not null order by id;

-- name: move_cells
-- New cells for devices whose cell changed with an edition.
update device d set cell = g.cell, changed_at = clock_timestamp()
  from unnest(%(ids)s::int[], %(cells)s::int[]) g (id, cell)
 where d.id = g.id and d.cell is distinct from g.cell;

-- name: events_of
-- What a device told of late, the newest first: events about it, sent by it, or seen by it; `media` are what it brought, photos or not.
select e.source, e.id, e.kind, e.category, e.at, e.score, e.outcome, i.number, coalesce(e.media, '[]') as media
  from event e left join incident i on i.id = e.incident_id
 where e.received_at >= %(since)s and e.origin = 'stream'
   and (e.subject = 'device:' || %(code)s or e.source = %(code)s or e.raw ->> 'camera' = %(code)s)
 order by e.received_at desc limit %(at_most)s;
