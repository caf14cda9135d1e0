-- name: step
-- Several incidents after their moves, each if its version is still the expected one. A row that somebody holds for long
-- holds nobody else up: the round then fails and each is done by itself.
with patience as materialized (select set_config('lock_timeout', '1000', true))
select g.n, incident_step(g.number, g.expected, g.changes, g.history, g.facts)
  from patience,
       jsonb_to_recordset(%(noted)s::jsonb)
       as g(n int, number text, expected int, changes jsonb, history jsonb, facts jsonb);

-- name: open
-- Several new incidents with the events that opened them; nothing of one whose subject already has an open one.
with patience as materialized (select set_config('lock_timeout', '1000', true)),
opened as materialized (
select g.n, g.event, incident_open(g.incident, g.history, g.facts) as id
  from patience,
       jsonb_to_recordset(%(noted)s::jsonb) as g(n int, incident jsonb, history jsonb, facts jsonb, event jsonb)
), recorded as (
insert into event (source, id, origin, kind, category, at, raw_lon, raw_lat, datum, lon, lat, cell, subject, score,
                   zones, text, media, raw, rule, saw, outcome, why, incident_id)
select e.source, e.id, e.origin, e.kind, e.category, e.at, e.raw_lon, e.raw_lat, e.datum, e.lon, e.lat, e.cell,
       e.subject, e.score, e.zones, e.text, e.media, e.raw, e.rule, e.saw, e.outcome, e.why, o.id
  from opened o, jsonb_populate_record(null::event, o.event) e
 where o.id is not null
)
select n, id is not null from opened;
