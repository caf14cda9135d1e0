-- name: incidents
-- A stretch of incidents with the heads of their chains.
select * from incident where id > %(after)s order by id limit %(most)s;

-- name: of_numbers
-- These incidents with the heads of their chains.
select * from incident where number = any(%(numbers)s) order by id;

-- name: history
-- Every line of these incidents, with the text of its data as it was hashed.
select incident_id, seq, at, move, by, role, department, from_state, to_state, reason, data, data::text as data_text,
       prev_hash, hash
  from history where incident_id = any(%(ids)s) order by incident_id, seq;

-- name: counters
-- The last number given out by region and day.
select region || to_char(day, 'YYYYMMDD'), last from incident_counter;

-- name: how_many
-- How many incidents there are.
select count(*) from incident;

-- name: without_incident
-- What speaks of incidents that are not there: none may ever be removed.
select 'history' as what, incident_id::text as name from history h
 where not exists (select from incident i where i.id = h.incident_id) group by incident_id
 union all
select 'event', incident_id::text from event e
 where incident_id is not null and not exists (select from incident i where i.id = e.incident_id) group by incident_id
 union all
select 'outbox', key from outbox o
 where topic = 'city.incidents.v1' and not exists (select from incident i where i.number = o.key) group by key
 union all
select 'media_use', u.incident from media_use u
 where not exists (select from incident i where i.number = u.incident) group by u.incident;

-- name: terms
-- Editions of what an incident is timed by, with when each became known.
select id, kind, holds_from, made_at from decision where kind in ('standards', 'calendar') order by holds_from, id;

-- name: edition
-- The body of an edition.
select body from decision where id = %(id)s;

-- name: media
-- Photos that are evidence of an incident, with the digests of their files.
select m.id, m.kind, encode(m.sha256, 'hex') as sha256, encode(m.received_sha256, 'hex') as received_sha256, m.size,
       m.width, m.height, u.stage, u.move, u.by, u.at
  from media_use u join media m on m.id = u.media
 where u.incident = %(number)s order by u.at, m.id;
