-- Keeping an incident costs less: its words stand beside it, a move writes what it changed, lines of history go in together.

-- What an incident is found by, pairs of neighbouring characters, beside it: an index on the incident itself would be
-- written anew with every move, and costs more than all its others together (docs/benchmarks.md, lives).
create table incident_words (
  incident_id bigint primary key,
  pairs text[] not null
);
create function incident_worded() returns trigger language plpgsql as $$
begin
  insert into incident_words values (new.id, text_pairs(new.text))
      on conflict (incident_id) do update set pairs = excluded.pairs;
  return null;
end $$;
create trigger incident_worded after insert on incident for each row
  when (new.text <> '') execute function incident_worded();
create trigger incident_worded_anew after update of text on incident for each row
  when (new.text is distinct from old.text) execute function incident_worded();
create index incident_words_pairs on incident_words using gin (pairs);

-- An incident with a history stays; said here and not by a key of the history, which every line would be checked against.
create function incident_stays() returns trigger language plpgsql as $$
begin
  if exists (select from history where incident_id = old.id) then
    raise exception '有流转记录的案件不得删除 an incident with a history is never deleted'
      using errcode = 'insufficient_privilege';
  end if;
  return old;
end $$;
create trigger incident_stays before delete on incident for each row execute function incident_stays();
alter table history drop constraint history_incident_id_fkey;
alter table event drop constraint event_incident_id_fkey;

-- The hashes of history rows (a JSON array, in order) behind the chain's head.
create function history_chain(head_ bytea, rows_ jsonb) returns bytea[] language plpgsql immutable as $$
declare hash_ bytea := head_; hashes bytea[] := '{}';
begin
  for i in 0 .. jsonb_array_length(rows_) - 1 loop
    hash_ := sha256(coalesce(hash_, ''::bytea) || convert_to((rows_ -> i)::text, 'UTF8'));
    hashes := hashes || hash_;
  end loop;
  return hashes;
end $$;

-- Writes history rows with their hashes, all in one statement.
create function history_write(incident_ bigint, head_ bytea, rows_ jsonb, hashes bytea[]) returns void language sql as $$
  insert into history (incident_id, seq, at, move, by, role, department, from_state, to_state, reason, data, prev_hash, hash)
  select incident_, n.seq, n.at, n.move, n.by, n.role, n.department, n.from_state, n.to_state, n.reason,
         coalesce(n.data, '{}'), case when n.nth = 1 then head_ else hashes[n.nth - 1] end, hashes[n.nth]
    from jsonb_populate_recordset(null::history, rows_) with ordinality
         n(incident_id, seq, at, move, by, role, department, from_state, to_state, reason, data, prev_hash, hash, nth)
$$;

-- Appends history rows (a JSON array, in order) behind the chain's head and returns the new head.
create or replace function history_append(incident_ bigint, head_ bytea, rows_ jsonb) returns bytea language plpgsql as $$
declare hashes bytea[] := history_chain(head_, rows_);
begin
  perform history_write(incident_, head_, rows_, hashes);
  return hashes[cardinality(hashes)];
end $$;

-- A new incident with its first history and facts. Null when another open incident holds the same subject.
create or replace function incident_open(incident_ jsonb, history_ jsonb, facts_ jsonb) returns bigint language plpgsql as $$
declare id_ bigint; hashes bytea[] := history_chain(null, history_);
begin
  insert into incident (number, state, version, category, subject, text, urgent, source, rule, raw_lon, raw_lat, datum,
                        lon, lat, cell, cell_code, community, street, district, department, inspector, reports,
                        first_event_at, last_event_at, reported_at, opened_at, dispatched_at, accepted_at, handled_at,
                        verified_at, closed_at, due_at, changed_at, reporter, media, explanation, condition, assisting,
                        handler, confirmed, merged_into, extensions, suspensions, suspended_until, asked, urges, urge,
                        urge_due_at, urged_for, appeal, reworks, send_backs, reopened, returned, refused, normal_since,
                        clocks, yellow_at, stage, stage_due_at, wake_at, last_hash)
  select n.number, n.state, n.version, n.category, n.subject, coalesce(n.text, ''), coalesce(n.urgent, false),
         n.source, n.rule, n.raw_lon, n.raw_lat, n.datum, n.lon, n.lat, n.cell, n.cell_code, n.community, n.street,
         n.district, n.department, n.inspector, coalesce(n.reports, 1), n.first_event_at, n.last_event_at,
         n.reported_at, n.opened_at, n.dispatched_at, n.accepted_at, n.handled_at, n.verified_at, n.closed_at,
         n.due_at, n.changed_at, n.reporter, coalesce(n.media, '[]'), coalesce(n.explanation, '{}'), n.condition,
         coalesce(n.assisting, '{}'), n.handler, n.confirmed, n.merged_into, coalesce(n.extensions, 0),
         coalesce(n.suspensions, 0), n.suspended_until, n.asked, coalesce(n.urges, 0), n.urge, n.urge_due_at,
         n.urged_for, n.appeal, coalesce(n.reworks, 0), coalesce(n.send_backs, 0), coalesce(n.reopened, 0), n.returned,
         coalesce(n.refused, '{}'), n.normal_since, coalesce(n.clocks, '{}'), n.yellow_at, n.stage, n.stage_due_at,
         n.wake_at, hashes[cardinality(hashes)]
    from jsonb_populate_record(null::incident, incident_) n
      on conflict (subject) where subject is not null and state not in ('closed', 'void') do nothing
  returning id into id_;
  if id_ is null then return null; end if;
  perform history_write(id_, null, history_, hashes);
  perform outbox_add(facts_);
  return id_;
end $$;

-- The incident after moves that changed these members, if nobody else moved it meanwhile: false when expected_ is not its
-- version now. What is not named stays as it is; what an incident began with (text, source, reporter, …) always does.
create function incident_step(number_ text, expected_ int, changes_ jsonb, history_ jsonb, facts_ jsonb) returns boolean
language plpgsql as $$
declare i incident; n incident;
begin
  select * into i from incident where number = number_ and version = expected_ for update;
  if not found then return false; end if;
  n := jsonb_populate_record(i, changes_);
  update incident set
         state = n.state, version = n.version, category = n.category, subject = n.subject, urgent = n.urgent,
         lon = n.lon, lat = n.lat, cell = n.cell, cell_code = n.cell_code, community = n.community, street = n.street,
         district = n.district, department = n.department, inspector = n.inspector, reports = n.reports,
         last_event_at = n.last_event_at, opened_at = n.opened_at, dispatched_at = n.dispatched_at,
         accepted_at = n.accepted_at, handled_at = n.handled_at, verified_at = n.verified_at, closed_at = n.closed_at,
         due_at = n.due_at, changed_at = n.changed_at, media = n.media, explanation = n.explanation,
         condition = n.condition, assisting = n.assisting, handler = n.handler, confirmed = n.confirmed,
         merged_into = n.merged_into, extensions = n.extensions, suspensions = n.suspensions,
         suspended_until = n.suspended_until, asked = n.asked, urges = n.urges, urge = n.urge,
         urge_due_at = n.urge_due_at, urged_for = n.urged_for, appeal = n.appeal, reworks = n.reworks,
         send_backs = n.send_backs, reopened = n.reopened, returned = n.returned, refused = n.refused,
         normal_since = n.normal_since, clocks = n.clocks, yellow_at = n.yellow_at, stage = n.stage,
         stage_due_at = n.stage_due_at, wake_at = n.wake_at,
         last_hash = history_append(i.id, i.last_hash, history_)
   where id = i.id;
  perform outbox_add(facts_);
  return true;
end $$;
