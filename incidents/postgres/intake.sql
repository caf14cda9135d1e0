-- name: fence_lock
-- The books of these partitions, locked in one order; a partition without a row is new to us.
select s.topic, s.part, s.next_offset
  from stream_offset s
  join unnest(%(topics)s::text[], %(parts)s::int[]) as g (topic, part) using (topic, part)
 order by s.topic, s.part
   for update of s;

-- name: fence_begin
-- Opens the books of a partition at an offset; nothing if they are open already.
insert into stream_offset (topic, part, next_offset, first_offset)
values (%(topic)s, %(part)s, %(offset)s, %(offset)s)
    on conflict (topic, part) do nothing;

-- name: fence_all
-- Where each partition of a topic stands.
select topic, part, next_offset from stream_offset where topic = any(%(topics)s);

-- name: fence_move
-- A person accepts that messages are lost (dropped by Kafka before we read them): the fence stands at a new offset.
-- `skipped` keeps how many, so that next_offset = first_offset + messages + skipped stays true.
update stream_offset
   set skipped = skipped + %(offset)s - next_offset, next_offset = %(offset)s, changed_at = clock_timestamp()
 where topic = %(topic)s and part = %(part)s
returning skipped;

-- name: books_add
-- Moves the fence of one partition and adds to its books what became of the messages.
update stream_offset
   set next_offset = %(next_offset)s,
       messages = messages + %(messages)s,
       quarantined = quarantined + %(quarantined)s,
       readings_in = readings_in + %(readings_in)s,
       stored = stored + %(stored)s,
       duplicates = duplicates + %(duplicates)s,
       refused = refused + %(refused)s,
       readings_quarantined = readings_quarantined + %(readings_quarantined)s,
       events_in = events_in + %(events_in)s,
       events_repeated = events_repeated + %(events_repeated)s,
       opened = opened + %(opened)s,
       joined = joined + %(joined)s,
       filtered = filtered + %(filtered)s,
       events_quarantined = events_quarantined + %(events_quarantined)s,
       changed_at = clock_timestamp()
 where topic = %(topic)s and part = %(part)s;

-- name: quarantine_add
-- Sets a message or one row of it aside with its bytes and the reason, and has the relay tell city.quarantine.v1.
with aside as (
  insert into quarantine (topic, part, "offset", item, key, value, headers, reason, detail)
  values (%(topic)s, %(part)s, %(offset)s, %(item)s, %(key)s, %(value)s, %(headers)s::jsonb, %(reason)s, %(detail)s)
      on conflict (topic, part, "offset", item) do nothing
  returning id
)
insert into outbox (topic, key, body)
select 'city.quarantine.v1', %(topic)s || '/' || %(part)s, jsonb_build_object('quarantine_id', id)::text from aside;

-- name: rule_states
-- What rules remember of these devices; devices at rest have no row.
select rule, device_id, state from rule_state where device_id = any(%(devices)s::int[]);

-- name: rule_state_keep
-- What a rule remembers of a device from now on.
insert into rule_state (rule, device_id, state) values (%(rule)s, %(device)s, %(state)s::jsonb)
    on conflict (rule, device_id) do update set state = excluded.state;

-- name: rule_state_rest
-- The device is at rest again under this rule.
delete from rule_state where rule = %(rule)s and device_id = %(device)s;

-- name: devices_of
-- Devices by code, with the cell they stand in and their kind.
select code, id, cell, kind from device where code = any(%(codes)s::text[]);

-- name: devices_changed
-- Devices a person registered or an edition moved since an instant. Those merely heard of have no place to change.
select code, id, cell, kind, changed_at
  from device
 where changed_at > %(since)s and registered
 order by changed_at;

-- name: device_places
-- Where devices stand, found by id or by code: raw position, WGS-84, the cell and what lies above it.
select d.id, d.code, d.raw_lon, d.raw_lat, d.datum, d.lon, d.lat, d.cell, g.code, g.community, g.street, g.district
  from device d left join unit_grid g on g.id = d.cell
 where d.id = any(%(ids)s::int[]) or d.code = any(%(codes)s::text[]);

-- name: now
-- The database's clock: changes are compared with their own clock, not ours.
select clock_timestamp();

-- name: part_started
-- A part has just started.
insert into part (name, kind, started_at, seen_at) values (%(name)s, %(kind)s, clock_timestamp(), clock_timestamp())
    on conflict (name) do update set kind = excluded.kind, started_at = excluded.started_at, seen_at = excluded.seen_at,
       detail = '{}';

-- name: part_seen
-- A part lives, and this is how far it is.
insert into part (name, kind, started_at, seen_at, detail)
values (%(name)s, %(kind)s, clock_timestamp(), clock_timestamp(), %(detail)s::jsonb)
    on conflict (name) do update set seen_at = excluded.seen_at, detail = excluded.detail;

-- name: hold_name
-- One process per name: held as long as the session lives, whatever ends the process.
select pg_try_advisory_lock(hashtextextended('yiwang/name/' || %(name)s, 0));
