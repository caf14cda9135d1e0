-- name: step
-- Several incidents after their moves, each if its version is still the expected one; of two on one incident the first. In
-- one statement, because the executor's start is most of what a single one costs (incident_step does the same for one).
-- A row that somebody holds for long holds nobody else up: the round then fails and each is done by itself.
with patience as materialized (select set_config('lock_timeout', '1000', true)),
noted as materialized (
select distinct on (g.number) g.*
  from patience,
       jsonb_to_recordset(%(noted)s::jsonb)
       as g(n int, number text, expected int, changes jsonb, history jsonb, facts jsonb, answer jsonb)
 order by g.number, g.n
), held as materialized (
select g.n, g.changes, g.history, g.facts, g.answer, i
  from noted g join incident i on i.number = g.number and i.version = g.expected
 order by i.number
   for update of i
), become as materialized (
select h.n, h.history, h.facts, h.answer, history_chain((h.i).last_hash, h.history) as hashes, b.*
  from held h, jsonb_populate_record(h.i, h.changes) b
), told as (
insert into outbox (key, body)
select f ->> 'key', f ->> 'body' from become b, jsonb_array_elements(b.facts) f
), lines as (
insert into history (incident_id, seq, at, move, by, role, department, from_state, to_state, reason, data, prev_hash, hash)
select b.id, l.seq, l.at, l.move, l.by, l.role, l.department, l.from_state, l.to_state, l.reason,
       coalesce(l.data, '{}'), case when l.nth = 1 then b.last_hash else b.hashes[l.nth - 1] end, b.hashes[l.nth]
  from become b, jsonb_populate_recordset(null::history, b.history) with ordinality
       l(incident_id, seq, at, move, by, role, department, from_state, to_state, reason, data, prev_hash, hash, nth)
), answered as (
insert into idempotency (principal, key, request_hash, status, body, headers)
select a.principal, a.key, a.request_hash, a.status, a.body, a.headers
  from become t, jsonb_populate_record(null::idempotency, t.answer) a
 where t.answer is not null
), kept as (
update incident i set {incident_changes}, last_hash = b.hashes[cardinality(b.hashes)]
  from become b
 where i.id = b.id
returning b.n
)
select n from kept;

-- name: open
-- Several new incidents with the events that opened them; nothing of one whose subject already has an open one.
with patience as materialized (select set_config('lock_timeout', '1000', true)),
noted as materialized (
select g.n, g.history, g.facts, g.event, g.answer, history_chain(null, g.history) as hashes, i.*
  from patience,
       jsonb_to_recordset(%(noted)s::jsonb) as g(n int, incident jsonb, history jsonb, facts jsonb, event jsonb, answer jsonb),
       jsonb_populate_record(null::incident, g.incident) i
), opened as (
insert into incident ({incident_columns}, last_hash)
select {incident_columns}, hashes[cardinality(hashes)] from noted
    on conflict (subject) where subject is not null and state not in ('closed', 'void') do nothing
returning id as incident_id, number
), kept as materialized (
select o.incident_id, n.n, n.history, n.facts, n.event, n.answer, n.hashes from opened o join noted n using (number)
), told as (
insert into outbox (key, body)
select f ->> 'key', f ->> 'body' from kept k, jsonb_array_elements(k.facts) f
), lines as (
insert into history (incident_id, seq, at, move, by, role, department, from_state, to_state, reason, data, prev_hash, hash)
select k.incident_id, l.seq, l.at, l.move, l.by, l.role, l.department, l.from_state, l.to_state, l.reason,
       coalesce(l.data, '{}'), k.hashes[l.nth - 1], k.hashes[l.nth]
  from kept k, jsonb_populate_recordset(null::history, k.history) with ordinality
       l(incident_id, seq, at, move, by, role, department, from_state, to_state, reason, data, prev_hash, hash, nth)
), answered as (
insert into idempotency (principal, key, request_hash, status, body, headers)
select a.principal, a.key, a.request_hash, a.status, a.body, a.headers
  from kept t, jsonb_populate_record(null::idempotency, t.answer) a
 where t.answer is not null
), recorded as (
insert into event (source, id, origin, kind, category, at, raw_lon, raw_lat, datum, lon, lat, cell, subject, score,
                   zones, text, media, raw, rule, saw, outcome, why, incident_id)
select e.source, e.id, e.origin, e.kind, e.category, e.at, e.raw_lon, e.raw_lat, e.datum, e.lon, e.lat, e.cell,
       e.subject, e.score, e.zones, e.text, e.media, e.raw, e.rule, e.saw, e.outcome, e.why, k.incident_id
  from kept k, jsonb_populate_record(null::event, k.event) e
)
select n from kept;

-- name: answered
-- Which of these keys were answered before.
select principal, key
  from unnest(%(principals)s::text[], %(keys)s::text[]) asked(principal, key) join idempotency using (principal, key);
