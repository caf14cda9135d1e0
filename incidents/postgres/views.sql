-- name: history
-- What was done with an incident, oldest first, as one JSON array.
select coalesce(json_agg(json_build_object(
         'seq', h.seq, 'at', h.at, 'move', h.move, 'by', h.by, 'role', h.role, 'department', h.department,
         'from_state', h.from_state, 'to_state', h.to_state, 'reason', h.reason, 'data', h.data,
         'prev_hash', encode(h.prev_hash, 'hex'), 'hash', encode(h.hash, 'hex')) order by h.seq), '[]')::text
  from history h join incident i on i.id = h.incident_id
 where i.number = %(number)s;

-- name: runs_of
-- The clocks of an incident that another of their kind took the place of, whole as they ended, oldest first.
select r.clock
  from incident i join history h on h.incident_id = i.id
  cross join lateral jsonb_array_elements(h.data -> 'runs') with ordinality r(clock, n)
 where i.number = %(number)s and h.data ? 'runs' order by h.seq, r.n;

-- name: steps_since
-- What was done with an incident by people after a version of it: the state each step was made in, in their order.
select h.move, h.from_state from incident i join history h on h.incident_id = i.id
 where i.number = %(number)s and h.seq > %(version)s and h.role <> 'system' order by h.seq;

-- name: events_of
-- The events behind an incident with what the rules saw, oldest first, a hundred at most; their pictures only as a number.
select e.source, e.id, e.origin, e.kind, e.at, e.received_at, e.outcome, e.why, e.rule, e.saw, e.score, e.zones, e.lon, e.lat,
       jsonb_array_length(coalesce(e.media, '[]')), coalesce(e.raw -> 'media_left_out', '[]')
  from event e join incident i on i.id = e.incident_id
 where i.number = %(number)s
 order by e.received_at, e.source, e.id limit 100;

-- name: reports_of
-- Every event of an incident and of what was merged into it 并案, oldest first, and how many there are in all.
with recursive whole as (
  select id, number from incident where number = %(number)s
  union
  select i.id, i.number from incident i join whole w on i.merged_into = w.number
)
select w.number, e.source, e.id, e.origin, e.kind, e.category, e.at, e.received_at, e.outcome, e.why, e.score, e.lon, e.lat,
       e.text, e.media, count(*) over ()
  from event e join whole w on w.id = e.incident_id
 order by e.at, e.source, e.id limit %(limit)s offset %(offset)s;

-- name: cell
-- A cell of the newest edition that has it, with the names above it and its polygon.
select g.code, g.name, g.community, g.street, g.district, g.responsible, g.area_m2, g.lon, g.lat, g.polygon,
       e.id, e.name, e.holds_from,
       (select a.name from grid_area a where a.edition = e.id and a.level = 'community' and a.code = g.community),
       (select a.name from grid_area a where a.edition = e.id and a.level = 'street' and a.code = g.street),
       (select a.name from grid_area a where a.edition = e.id and a.level = 'district' and a.code = g.district)
  from unit_grid g join grid_edition e on e.id = g.edition
 where g.code = %(code)s order by e.holds_from desc limit 1;

-- name: editions
-- Editions of the grid, the newest first.
select id, name, holds_from, digest, datum, cells, loaded_at from grid_edition order by holds_from desc;

-- name: devices
-- Devices in the order of their codes, behind one of them.
select d.code, d.name, d.kind, d.registered, d.component, d.raw_lon, d.raw_lat, d.datum, d.lon, d.lat, g.code, d.changed_at
  from device d left join unit_grid g on g.id = d.cell
 where d.code > %(after)s
   and (%(kind)s::text is null or d.kind = %(kind)s)
   and (%(registered)s::boolean is null or d.registered = %(registered)s)
   and (%(area)s::text is null or starts_with(g.code, %(area)s))
 order by d.code limit %(at_most)s;

-- name: latest_of
-- The newest value of every metric of a device.
select m.code, m.unit, l.at, l.value from reading_last l join metric m on m.id = l.metric
 where l.device_id = %(device)s order by m.code;

-- name: metric
-- The number of a metric.
select id from metric where code = %(code)s;

-- name: series
-- Values of one device and metric by time, downsampled: start of the step, how many, mean, lowest, highest.
select date_bin(make_interval(secs => %(every)s), r.observed_at, timestamptz '2000-01-01 00:00:00+00') as step,
       count(*), avg(r.value), min(r.value), max(r.value)
  from reading r
 where r.observed_at >= %(from)s and r.observed_at < %(to)s and r.device_id = %(device)s and r.metric = %(metric)s
 group by step order by step;

-- name: raw_series
-- Values of one device and metric by time, as they came.
select r.observed_at, r.value, r.flags from reading r
 where r.observed_at >= %(from)s and r.observed_at < %(to)s and r.device_id = %(device)s and r.metric = %(metric)s
 order by r.observed_at limit %(at_most)s;

-- name: data_at
-- When the newest data came in: the last transaction of a stream, or the last fact.
select greatest((select max(changed_at) from stream_offset), (select made_at from outbox order by id desc limit 1));

-- name: quarantine
-- What was set aside, the newest first, behind one of them.
select id, topic, part, "offset", item, key, translate(encode(substring(value from 1 for 3072), 'base64'), E'\n', ''), octet_length(value), headers, reason,
       detail, set_aside_at, state, decided_at, decided_by
  from quarantine
 where (%(state)s::text is null or state = %(state)s) and (%(reason)s::text is null or reason = %(reason)s)
   and (%(before)s::bigint is null or id < %(before)s)
 order by id desc limit %(at_most)s;

-- name: parts
-- Every running part and how long ago it said so.
select name, kind, started_at, seen_at, extract(epoch from now() - seen_at)::double precision, detail
  from part order by kind, name;

-- name: part_lives
-- A part says that it lives.
insert into part (name, kind, started_at, seen_at) values (%(name)s, %(kind)s, %(started_at)s, now())
    on conflict (name) do update set kind = excluded.kind, started_at = excluded.started_at, seen_at = now();

-- name: part_gone
-- A part that ends in order says goodbye, and with it those of its kind unseen for an hour.
delete from part where name = %(name)s or (kind = %(kind)s and seen_at < now() - interval '1 hour');

-- name: claim_key
-- Whether nobody else is handling this key now; until the transaction ends it is ours.
select pg_try_advisory_xact_lock(hashtextextended(%(principal)s || chr(10) || %(key)s, 5701));

-- name: answered
-- What was answered to this key before.
select request_hash, status, body, headers from idempotency where principal = %(principal)s and key = %(key)s;

-- name: remember_answer
-- Keep the answer, in the transaction of its effect.
insert into idempotency (principal, key, request_hash, status, body, headers)
values (%(principal)s, %(key)s, %(request_hash)s, %(status)s, %(body)s, %(headers)s::jsonb);

-- name: quarantine_state
-- What was decided of a quarantined message.
select state from quarantine where id = %(id)s;

-- name: had_it
-- Whether an incident was ever sent to one of these departments.
select exists (select from incident i join history h on h.incident_id = i.id
                where i.number = %(number)s and h.move in ('dispatch', 'redispatch')
                  and h.data ->> 'department' = any(%(departments)s));
