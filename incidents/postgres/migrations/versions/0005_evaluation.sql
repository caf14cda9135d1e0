-- Evaluation 综合评价: what each incident counts as, closed months.

-- ── 综合评价 evaluation ─────────────────────────────────────────────────────────────────────────────────────────────

-- Incidents whose history grew since they were last scored; written with the history, taken by the job 'evaluation'.
-- A bare heap: it is emptied every few seconds, and an index would cost more than it saves.
create table evaluation_due (
  incident_id bigint not null
);

create function evaluation_note() returns trigger language plpgsql as $$
begin
  insert into evaluation_due (incident_id) values (new.id);
  return null;
end $$;
-- The chain's head moves exactly when the history grows: once for each move, however many lines it wrote.
create trigger evaluation_note after update of last_hash on incident for each row
  when (new.last_hash is distinct from old.last_hash) execute function evaluation_note();
create trigger evaluation_note_new after insert on incident for each row
  when (new.last_hash is not null) execute function evaluation_note();

-- Names as small numbers: areas (a community with what it lies in; all empty is outside), districts, streets, communities,
-- majors and classes of categories, departments, posts (roles), persons (accounts).
create table evaluation_name (
  id int generated always as identity primary key,
  kind text not null check (kind in ('area', 'district', 'street', 'community', 'major', 'class', 'department', 'post',
                                     'person')),
  code text not null,                                     -- of an area: district/street/community
  district text not null default '',
  street text not null default '',
  community text not null default '',
  major text not null default '',                         -- of a class: code_set/kind/major
  unique (kind, code)
);

-- One incident before one subject in one month (incidents.evaluation.Score). Never changed: a new version takes the place
-- of the old one, which stays (died) where a closed month's edition counted it.
create table evaluation_score (
  incident_id bigint not null,
  axis smallint not null,                                 -- 0 incident, 1 department, 2 post, 3 person
  subject int not null,                                   -- evaluation_name; 0 for the incident itself
  month date not null,                                    -- its first day
  area int not null,
  category int not null,
  days bigint not null,                                   -- day of the month of each moment, five bits each
  flags int not null,
  handling_s int not null,
  acceptance_s int not null,
  satisfaction smallint not null,
  born int not null,                                      -- the batch that made it
  died int not null default 2147483647,                   -- the batch that took it back
  primary key (axis, subject, month, incident_id, born)
);
create index evaluation_score_incident on evaluation_score (incident_id) where died = 2147483647;
create index evaluation_score_area on evaluation_score (month, area, incident_id) where axis = 0;
create index evaluation_score_category on evaluation_score (month, category, incident_id) where axis = 0;

-- Sums of the above, one row for each subject's month; edition 0 is as things stand now.
create table evaluation_rollup (
  edition int not null,
  month date not null,
  kind smallint not null,                                 -- 0 all, then as evaluation_name.kind from district on
  subject int not null,                                   -- evaluation_name; 0 for all
  sums bigint[] not null,                                 -- counts of the book's figures, then the sums of those that sum
  primary key (edition, month, kind, subject)
) with (fillfactor = 50);

-- Two rows of sums, place by place.
create function evaluation_plus(one bigint[], other bigint[]) returns bigint[] language sql immutable parallel safe as $$
  select array_agg(a + b order by n) from unnest(one, other) with ordinality x(a, b, n)
$$;

-- Which moments fell on these days of the month, one bit each (incidents.evaluation.fell).
create function evaluation_fell(days bigint, first int, last int) returns int language sql immutable parallel safe as $$
  select (days & 31 between first and last)::int
    | ((days >> 5 & 31 between first and last)::int << 1) | ((days >> 10 & 31 between first and last)::int << 2)
    | ((days >> 15 & 31 between first and last)::int << 3) | ((days >> 20 & 31 between first and last)::int << 4)
    | ((days >> 25 & 31 between first and last)::int << 5) | ((days >> 30 & 31 between first and last)::int << 6)
    | ((days >> 35 & 31 between first and last)::int << 7) | ((days >> 40 & 31 between first and last)::int << 8)
    | ((days >> 45 & 31 between first and last)::int << 9) | ((days >> 50 & 31 between first and last)::int << 10)
    | ((days >> 55 & 31 between first and last)::int << 11)
$$;

-- A month as it was closed, or run again on purpose; `batch` is the last one it has seen.
create table evaluation_edition (
  id int generated always as identity primary key,
  month date not null check (extract(day from month) = 1),
  number int not null check (number >= 1),
  batch int not null,
  author text not null,
  made_at timestamptz not null,
  reason text not null,
  book jsonb not null,                                    -- figures and rates it was counted by
  unique (month, number)
);
create function evaluation_edition_stays() returns trigger language plpgsql as $$
begin
  raise exception '已关账的评价只增不改 closed evaluations are append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger evaluation_edition_stays before update or delete on evaluation_edition
  for each row execute function evaluation_edition_stays();

-- How far the scores are: batches made, the moment up to which passed deadlines were looked for, the book of edition 0.
create table evaluation_state (
  only_one boolean primary key default true check (only_one),
  batch int not null default 0,
  looked_at timestamptz not null default '-infinity',
  book jsonb
);
insert into evaluation_state default values;

alter table decision drop constraint decision_kind_check;
alter table decision add constraint decision_kind_check
  check (kind in ('rules', 'routes', 'standards', 'calendar', 'evaluation'));

-- What happened before this table was there is scored as well.
insert into evaluation_due select id from incident;
