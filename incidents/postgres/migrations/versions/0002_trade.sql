-- The trade: what an incident remembers of clocks, returns, suspensions, urging, appeals and merging.
-- Columns are added without touching the rows; only incidents not ended with a deadline ahead are told when to wake.

alter table incident
  add column condition text,
  add column assisting text[] not null default '{}',
  add column handler text,
  add column confirmed boolean,
  add column merged_into text,
  add column extensions int not null default 0,
  add column suspensions int not null default 0,
  add column suspended_until timestamptz,
  add column asked jsonb,
  add column urges int not null default 0,
  add column urge jsonb,
  add column urge_due_at timestamptz,
  add column urged_for timestamptz,
  add column appeal jsonb,
  add column reworks int not null default 0,
  add column send_backs int not null default 0,
  add column reopened int not null default 0,
  add column returned jsonb,
  add column refused text[] not null default '{}',
  add column normal_since timestamptz,
  add column clocks jsonb not null default '{}',
  add column yellow_at timestamptz,
  add column stage text,
  add column stage_due_at timestamptz,
  add column wake_at timestamptz;

update incident set wake_at = due_at where state not in ('closed', 'void') and due_at > now();

create index incident_tasks on incident (inspector) where state in ('confirming', 'verifying');
create index incident_merged on incident (merged_into) where merged_into is not null;
create index incident_merged_subject on incident (subject) where merged_into is not null and subject is not null;
create index incident_stage_due on incident (stage_due_at) where stage_due_at is not null;
create index incident_wake on incident (wake_at) where wake_at is not null;

-- A new incident with its first history and facts. Null when another open incident holds the same subject.
create or replace function incident_open(incident_ jsonb, history_ jsonb, facts_ jsonb) returns bigint language plpgsql as $$
declare id_ bigint;
begin
  insert into incident (number, state, version, category, subject, text, urgent, source, rule, raw_lon, raw_lat, datum,
                        lon, lat, cell, cell_code, community, street, district, department, inspector, reports,
                        first_event_at, last_event_at, reported_at, opened_at, dispatched_at, accepted_at, handled_at,
                        verified_at, closed_at, due_at, changed_at, reporter, media, explanation, condition, assisting,
                        handler, confirmed, merged_into, extensions, suspensions, suspended_until, asked, urges, urge,
                        urge_due_at, urged_for, appeal, reworks, send_backs, reopened, returned, refused, normal_since,
                        clocks, yellow_at, stage, stage_due_at, wake_at)
  select n.number, n.state, n.version, n.category, n.subject, coalesce(n.text, ''), coalesce(n.urgent, false),
         n.source, n.rule, n.raw_lon, n.raw_lat, n.datum, n.lon, n.lat, n.cell, n.cell_code, n.community, n.street,
         n.district, n.department, n.inspector, coalesce(n.reports, 1), n.first_event_at, n.last_event_at,
         n.reported_at, n.opened_at, n.dispatched_at, n.accepted_at, n.handled_at, n.verified_at, n.closed_at,
         n.due_at, n.changed_at, n.reporter, coalesce(n.media, '[]'), coalesce(n.explanation, '{}'), n.condition,
         coalesce(n.assisting, '{}'), n.handler, n.confirmed, n.merged_into, coalesce(n.extensions, 0),
         coalesce(n.suspensions, 0), n.suspended_until, n.asked, coalesce(n.urges, 0), n.urge, n.urge_due_at,
         n.urged_for, n.appeal, coalesce(n.reworks, 0), coalesce(n.send_backs, 0), coalesce(n.reopened, 0), n.returned,
         coalesce(n.refused, '{}'), n.normal_since, coalesce(n.clocks, '{}'), n.yellow_at, n.stage, n.stage_due_at,
         n.wake_at
    from jsonb_populate_record(null::incident, incident_) n
      on conflict (subject) where subject is not null and state not in ('closed', 'void') do nothing
  returning id into id_;
  if id_ is null then return null; end if;
  update incident set last_hash = history_append(id_, null, history_) where id = id_;
  perform outbox_add(facts_);
  return id_;
end $$;

-- The incident as it is after a move, if nobody else moved it meanwhile: false when expected_ is not its version now.
-- A process of the release before knows nothing of the trade's columns: what may not be null stays as it was.
create or replace function incident_keep(incident_ jsonb, expected_ int, history_ jsonb, facts_ jsonb) returns boolean
language plpgsql as $$
declare id_ bigint; head_ bytea;
begin
  select id, last_hash into id_, head_ from incident
   where number = incident_ ->> 'number' and version = expected_ for update;
  if id_ is null then return false; end if;
  update incident i set
         state = n.state, version = n.version, category = n.category, subject = n.subject, text = n.text,
         urgent = n.urgent, lon = n.lon, lat = n.lat, cell = n.cell, cell_code = n.cell_code, community = n.community,
         street = n.street, district = n.district, department = n.department, inspector = n.inspector,
         reports = n.reports, last_event_at = n.last_event_at, opened_at = n.opened_at,
         dispatched_at = n.dispatched_at, accepted_at = n.accepted_at, handled_at = n.handled_at,
         verified_at = n.verified_at, closed_at = n.closed_at, due_at = n.due_at, changed_at = n.changed_at,
         media = n.media, explanation = n.explanation, condition = n.condition,
         assisting = coalesce(n.assisting, i.assisting), handler = n.handler, confirmed = n.confirmed,
         merged_into = n.merged_into, extensions = coalesce(n.extensions, i.extensions),
         suspensions = coalesce(n.suspensions, i.suspensions), suspended_until = n.suspended_until, asked = n.asked,
         urges = coalesce(n.urges, i.urges), urge = n.urge, urge_due_at = n.urge_due_at, urged_for = n.urged_for,
         appeal = n.appeal, reworks = coalesce(n.reworks, i.reworks),
         send_backs = coalesce(n.send_backs, i.send_backs), reopened = coalesce(n.reopened, i.reopened),
         returned = n.returned, refused = coalesce(n.refused, i.refused), normal_since = n.normal_since,
         clocks = coalesce(n.clocks, i.clocks), yellow_at = n.yellow_at, stage = n.stage,
         stage_due_at = n.stage_due_at, wake_at = n.wake_at, last_hash = history_append(id_, head_, history_)
    from jsonb_populate_record(null::incident, incident_) n
   where i.id = id_;
  perform outbox_add(facts_);
  return true;
end $$;

-- ── lists in a long history, and counting of events ─────────────────────────────────────────────────────────────────

-- The tile of half a kilometre a place lies in: what a box on the map is narrowed by, each tile newest first.
create function incident_tile(lon_ double precision, lat_ double precision) returns bigint
language sql immutable strict parallel safe as $$
  select floor(lon_ * 200)::bigint * 1000000 + floor(lat_ * 200)::bigint
$$;
drop index incident_place;
create index incident_tile on incident (incident_tile(lon, lat), reported_at desc, id desc, lon, lat)
  where lon is not null and lat is not null;

-- What follows the order in these is tested inside the index, without a look at the row.
drop index incident_newest;
create index incident_newest on incident (reported_at desc, id desc, lon, lat);
drop index incident_opened;
create index incident_opened on incident (opened_at desc, reported_at, id) where opened_at is not null;
create index incident_alive on incident (reported_at desc, id desc, due_at, department, district)
  where state not in ('closed', 'void');

-- What a rule that counts events asks for.
create index event_heard on event (category, at) where origin <> 'rule' and category is not null;
