-- The whole schema as it stands after every migration, to be read; the migrations make it, a test compares the two.
-- One text for plain PostgreSQL 15-18 and for TimescaleDB: what differs is decided by store_kind(), by looking.

-- ── the store itself ────────────────────────────────────────────────────────────────────────────────────────────────

-- plain: native day partitions made ahead; apache: hypertable; tsl: hypertable with columnstore. Where `reading` stands
-- already it is asked what it is: a server may get the extension long before the table is switched.
create function store_kind() returns text language sql stable as $$
  select case when exists (select from pg_class where oid = to_regclass('reading') and relkind = 'p')
                   or not exists (select from pg_extension where extname = 'timescaledb') then 'plain'
              when current_setting('timescaledb.license', true) = 'timescale' then 'tsl'
              else 'apache' end
$$;

-- What retention took away, so that the books still balance: readings by UTC day; facts of incidents and announcements of
-- quarantine, once sent, by the UTC day they were made.
create table dropped (
  what text not null check (what in ('reading', 'fact', 'announcement')),
  day date not null,
  rows bigint not null,
  primary key (what, day)
);

-- ── the city's own decisions, as dated editions ─────────────────────────────────────────────────────────────────────

create table city (
  only_one boolean primary key default true check (only_one),
  name text not null,
  region text not null check (region ~ '^[0-9A-Z]{6}$'),   -- for incidents outside every cell
  time_zone text not null default 'Asia/Shanghai'
);

-- Rules, routes, standards, calendars: the newest edition whose holds_from has come is in force; none is ever changed.
create table decision (
  id int generated always as identity primary key,
  kind text not null check (kind in ('rules', 'routes', 'standards', 'calendar', 'evaluation')),
  holds_from timestamptz not null,
  made_at timestamptz not null default now(),
  author text not null,
  body jsonb not null,
  unique (kind, holds_from, id)
);

create table department (
  code text primary key,
  name text not null,
  parent text references department(code)
);

-- A person or a program that may ask. Tokens are kept as SHA-256 only.
create table account (
  id int generated always as identity primary key,
  name text not null unique,
  role text not null check (role in ('administrator', 'shift_lead', 'dispatcher', 'intake_officer', 'inspector',
                                     'department', 'evaluator', 'auditor', 'wall', 'ingest')),
  department text references department(code),
  area text,                                              -- code prefix: district, street or community; null = the city
  scopes text[] not null default '{}',
  token_hash bytea not null unique,
  active boolean not null default true,
  made_at timestamptz not null default now()
);

-- ── WHERE: editions of the grid ─────────────────────────────────────────────────────────────────────────────────────

create table grid_edition (
  id int generated always as identity primary key,
  name text not null,
  holds_from date not null unique,
  digest text not null,
  datum text not null,
  first_cell int not null,                                -- unit_grid.id of the cell with index 0 in the atlas
  cells int not null,
  loaded_at timestamptz not null default now()
);

create table unit_grid (
  id int primary key,                                     -- first_cell + index in code order: never reused
  edition int not null references grid_edition(id),
  code text not null,
  name text,
  community text not null,
  street text not null,
  district text not null,
  responsible text,
  area_m2 double precision not null,
  lon double precision not null,                          -- a point inside, WGS-84
  lat double precision not null,
  polygon bytea not null,                                 -- WKB, WGS-84
  unique (edition, code)
);
create index unit_grid_code on unit_grid (code);

-- Districts, streets, communities of an edition; id is what rollups count by, 0 is "outside the city".
create table grid_area (
  id int generated always as identity primary key,
  edition int not null references grid_edition(id),
  level text not null check (level in ('district', 'street', 'community', 'responsible')),
  code text not null,
  name text not null,
  unique (edition, level, code)
);

create table component (
  code text primary key,
  category text not null,
  name text,
  responsible_body text,
  owner text,
  maintainer text,
  lon double precision not null,
  lat double precision not null,
  cell_code text,
  state text not null default '完好'
);

create table device (
  id int generated always as identity primary key,
  code text not null unique,
  name text,
  kind text,
  registered boolean not null default false,              -- false: heard of, not yet registered by a person
  component text references component(code),
  raw_lon double precision,
  raw_lat double precision,
  datum text,
  lon double precision,                                   -- WGS-84
  lat double precision,
  cell int references unit_grid(id),
  changed_at timestamptz not null default clock_timestamp()
);
create index device_changed on device (changed_at);

create table metric (
  id smallint generated always as identity primary key,
  code text not null unique,
  name text,
  unit text
);

-- ── machines' readings ──────────────────────────────────────────────────────────────────────────────────────────────

-- Same columns everywhere. The one btree is time-first: 1.3-3.4x the write speed of device-first (docs/decisions).
do $$
declare columns_ text := 'observed_at timestamptz not null, value double precision not null, device_id int not null, '
                         'cell int, area int not null default 0, metric smallint not null, flags smallint not null default 0';
begin
  if store_kind() = 'plain' then
    execute 'create table reading (' || columns_ || ') partition by range (observed_at)';
  else
    execute 'create table reading (' || columns_ || ')';
    perform create_hypertable('reading', by_range('observed_at', interval '1 day'), create_default_indexes => false);
  end if;
  execute 'create unique index reading_key on reading (observed_at, device_id, metric)';
  if store_kind() = 'tsl' then
    execute 'alter table reading set (timescaledb.enable_columnstore, timescaledb.segmentby = ''device_id, metric'', '
            'timescaledb.orderby = ''observed_at desc'')';
  end if;
end $$;

-- The days of `reading` as the store keeps them: partitions, or chunks. compact: closed and made small or quick to read by
-- series (columnstore; on row stores the index <part>_series).
create function store_parts() returns table (part regclass, begins timestamptz, ends timestamptz, compact boolean)
language plpgsql stable as $$
declare series_ text := 'exists (select from pg_index x join pg_class n on n.oid = x.indexrelid '
                        'where x.indrelid = c.oid and x.indisvalid and n.relname = c.relname || ''_series'')';
begin
  if store_kind() = 'plain' then
    return query execute
      'select c.oid::regclass, (regexp_match(pg_get_expr(c.relpartbound, c.oid), $r$FROM \(''([^'']+)''\)$r$))[1]::timestamptz, '
      '       (regexp_match(pg_get_expr(c.relpartbound, c.oid), $r$TO \(''([^'']+)''\)$r$))[1]::timestamptz, ' || series_ ||
      '  from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = ''reading''::regclass order by 2';
  else
    return query execute
      'select c.oid::regclass, h.range_start, h.range_end, '
      '       case when store_kind() = ''tsl'' then h.is_compressed else ' || series_ || ' end'
      '  from timescaledb_information.chunks h join pg_class c '
      '    on c.oid = format(''%I.%I'', h.chunk_schema, h.chunk_name)::regclass '
      ' where h.hypertable_schema = current_schema and h.hypertable_name = ''reading'' order by 2';
  end if;
end $$;

-- Whether a UTC day has its partition. Asks the catalog: to_regclass() may answer from a cache older than our lock.
create function store_has_day(day_ date) returns boolean language sql volatile as $$
  select exists (select from pg_class p join pg_class c using (relnamespace)
                  where p.oid = 'reading'::regclass and c.relname = 'reading_' || to_char(day_, 'YYYYMMDD'))
$$;

-- Makes the partitions of these UTC days where they are missing; 0 and no lock when all are there, and with TimescaleDB,
-- whose chunks make themselves. A table is made beside and attached: that lets running writers go on, CREATE ... PARTITION
-- OF would wait for them. In a transaction call it before locking rows of reading_last.
create function store_ensure_days(days_ date[]) returns int language plpgsql as $$
declare d date; missing date[]; made int := 0;
begin
  if store_kind() <> 'plain' then return 0; end if;
  select array_agg(n order by n) into missing from (select distinct unnest(days_)) u(n)
   where not store_has_day(n);
  if missing is null then return 0; end if;
  if cardinality(missing) > 1000 then
    raise exception '一次最多新建 1000 个日分区 at most 1000 day partitions at once, % asked', cardinality(missing)
      using errcode = 'program_limit_exceeded';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('store_ensure', 0));
  foreach d in array missing loop
    if not store_has_day(d) then
      execute format('create table %I (like reading including defaults including constraints)',
                     'reading_' || to_char(d, 'YYYYMMDD'));
      execute format('alter table reading attach partition %I for values from (%L) to (%L)',
                     'reading_' || to_char(d, 'YYYYMMDD'), d || ' 00:00+00', (d + 1) || ' 00:00+00');
      made := made + 1;
    end if;
  end loop;
  return made;
end $$;

-- The same for every day from the one instant's to the other's, both included.
create function store_ensure(from_ timestamptz, to_ timestamptz) returns int language sql as $$
  select store_ensure_days(array(
    select (from_ at time zone 'UTC')::date + n
      from generate_series(0, (to_ at time zone 'UTC')::date - (from_ at time zone 'UTC')::date) n))
$$;

-- Drops one whole day that ended at or before this instant and notes its rows in `dropped`; null when there is none.
-- Writers of that day wait while it is counted; the rest of `reading` is locked only for the moment of the drop.
create function store_drop_one(older_than_ timestamptz) returns bigint language plpgsql as $$
declare p record; n bigint;
begin
  select * into p from store_parts() s where s.ends <= older_than_ order by s.begins limit 1;
  if p.part is null then return null; end if;
  execute format('lock table %s in share row exclusive mode', p.part);
  execute format('select count(*) from %s', p.part) into n;
  insert into dropped (what, day, rows) values ('reading', (p.begins at time zone 'UTC')::date, n)
      on conflict (what, day) do update set rows = dropped.rows + excluded.rows;
  if store_kind() = 'plain' then execute format('drop table %s', p.part);
  else execute 'select drop_chunks(''reading'', older_than => $1, newer_than => $2)' using p.ends, p.begins;
  end if;
  return n;
end $$;

-- All such days at once: how many, and how many rows they held.
create function store_drop(older_than_ timestamptz, out days int, out rows bigint) language plpgsql as $$
declare n bigint;
begin
  days := 0; rows := 0;
  loop
    n := store_drop_one(older_than_);
    exit when n is null;
    days := days + 1; rows := rows + n;
  end loop;
end $$;

-- Turns a plain `reading` into a hypertable with everything that is in it, or fails and leaves all as it was; call it in a
-- transaction of its own with a lock_timeout. Writers wait meanwhile: for a moment where the edition can attach a table as a
-- chunk, for as long as the copy takes where it cannot. Grants and owner stay.
create function store_to_hypertable(out days int, out rows bigint, out attached boolean) language plpgsql as $$
declare p record; g record; n bigint; tsl_ boolean := current_setting('timescaledb.license', true) = 'timescale';
        owner_ name := (select pg_get_userbyid(relowner) from pg_class where oid = 'reading'::regclass);
begin
  if store_kind() <> 'plain' then
    raise exception 'reading 已是超表 reading is a hypertable already' using errcode = 'object_not_in_prerequisite_state';
  end if;
  attached := tsl_ and exists (select from pg_proc where proname = 'attach_chunk');
  days := 0; rows := 0;
  lock table reading in access exclusive mode;
  create temp table reading_days_ on commit drop as select s.part::text as part, s.begins, s.ends from store_parts() s;
  alter table reading rename to reading_native;
  alter index reading_key rename to reading_native_key;
  create table reading (like reading_native including defaults);
  execute format('alter table reading owner to %I', owner_);
  for g in select a.privilege_type, a.grantee, a.is_grantable from pg_class c, aclexplode(c.relacl) a
            where c.oid = 'reading_native'::regclass and a.grantee <> c.relowner loop
    execute format('grant %s on reading to %s%s', g.privilege_type,
                   case when g.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end,
                   case when g.is_grantable then ' with grant option' else '' end);
  end loop;
  perform create_hypertable('reading', by_range('observed_at', interval '1 day'), create_default_indexes => false);
  create unique index reading_key on reading (observed_at, device_id, metric);
  if tsl_ then
    execute 'alter table reading set (timescaledb.enable_columnstore, timescaledb.segmentby = ''device_id, metric'', '
            'timescaledb.orderby = ''observed_at desc'')';
  end if;
  for p in select * from reading_days_ order by begins loop
    execute format('alter table reading_native detach partition %s', p.part);
    if attached then
      execute format('select count(*) from %s', p.part) into n;
      execute format('call attach_chunk(%L::regclass, %L::regclass, %L::jsonb)', 'reading', p.part,
                     jsonb_build_object('observed_at', jsonb_build_array(p.begins, p.ends)));
    else
      execute format('insert into reading select * from %s', p.part);
      get diagnostics n = row_count;
      execute format('drop table %s', p.part);
    end if;
    days := days + 1; rows := rows + n;
  end loop;
  drop table reading_native;
end $$;

-- Newest value of each series. Its row lock, taken in (device, metric) order, is also what puts two workers that hear
-- the same device one behind the other, so that a device is judged once. prev_at: the newest before the last change.
create table reading_last (
  device_id int not null,
  metric smallint not null,
  at timestamptz not null,
  value double precision not null,
  prev_at timestamptz,
  primary key (device_id, metric)
) with (fillfactor = 70);

-- Minute sums by metric and street; slot = Kafka partition, so that two workers never touch the same row; a job adds old
-- minutes together under slot -1. Who reads sums over the slots.
create table reading_rollup (
  bucket timestamptz not null,
  metric smallint not null,
  area int not null,
  slot smallint not null,
  n bigint not null,
  total double precision not null,
  low double precision not null,
  high double precision not null,
  primary key (bucket, metric, area, slot)
) with (fillfactor = 70);
create index reading_rollup_unmerged on reading_rollup (bucket) where slot <> -1;

-- ── the path of a message ───────────────────────────────────────────────────────────────────────────────────────────

-- The strict fence (next_offset must equal the message's offset) and the books of each partition, one row, one truth.
create table stream_offset (
  topic text not null,
  part int not null,
  next_offset bigint not null,
  first_offset bigint not null default 0,                 -- where our books of this partition begin
  skipped bigint not null default 0,                      -- lost in Kafka before we read them, accepted by a person
  messages bigint not null default 0,                     -- next_offset = first_offset + messages + skipped
  quarantined bigint not null default 0,                  -- whole messages
  readings_in bigint not null default 0,
  stored bigint not null default 0,
  duplicates bigint not null default 0,
  refused bigint not null default 0,                      -- rows of a good envelope, each kept in quarantine
  readings_quarantined bigint not null default 0,         -- rows inside quarantined messages, where countable
  events_in bigint not null default 0,
  events_repeated bigint not null default 0,              -- same (source, id) again: no new event
  opened bigint not null default 0,
  joined bigint not null default 0,
  filtered bigint not null default 0,
  events_quarantined bigint not null default 0,
  changed_at timestamptz not null default now(),
  primary key (topic, part)
) with (fillfactor = 50);

create table quarantine (
  id bigint generated always as identity primary key,
  topic text not null,
  part int not null,
  "offset" bigint not null,
  item int not null default -1,                           -- -1: the whole message; else the row's index in it
  key bytea,
  value bytea not null,                                   -- the original bytes (of the message, or of the row as JSON)
  headers jsonb not null default '[]',
  reason text not null,
  detail text not null,
  set_aside_at timestamptz not null default clock_timestamp(),
  state text not null default 'waiting' check (state in ('waiting', 'redriven', 'dismissed')),
  decided_at timestamptz,
  decided_by text,
  unique (topic, part, "offset", item)
);
create index quarantine_waiting on quarantine (id) where state = 'waiting';

-- What a rule remembers of a device; only series that are not at rest have a row.
create table rule_state (
  rule text not null,
  device_id int not null,
  state jsonb not null,
  primary key (rule, device_id)
);
create index rule_state_device on rule_state (device_id);

-- ── WHAT: incidents ─────────────────────────────────────────────────────────────────────────────────────────────────

create table incident_counter (
  region text not null,
  day date not null,
  last int not null,
  primary key (region, day)
) with (fillfactor = 50);

create table incident (
  id bigint generated always as identity primary key,
  number text not null unique,
  state text not null check (state in ('reported', 'confirming', 'open', 'dispatched', 'handling', 'suspended',
                                       'handled', 'verifying', 'closed', 'void')),
  version int not null default 1,
  category text not null,                                 -- code_set/kind/code
  subject text,                                           -- device + rule, or component + category
  text text not null default '',
  urgent boolean not null default false,
  source text not null,                                   -- who told us first: a source's name, or 'person:<account>'
  rule text,
  raw_lon double precision,
  raw_lat double precision,
  datum text,
  lon double precision,                                   -- WGS-84
  lat double precision,
  cell int references unit_grid(id),
  cell_code text,
  community text,
  street text,
  district text,
  department text references department(code),
  inspector text,
  reports int not null default 1,                         -- source events, the first included
  first_event_at timestamptz not null,
  last_event_at timestamptz not null,
  reported_at timestamptz not null,
  opened_at timestamptz,
  dispatched_at timestamptz,
  accepted_at timestamptz,
  handled_at timestamptz,
  verified_at timestamptz,
  closed_at timestamptz,
  due_at timestamptz,
  changed_at timestamptz not null,
  reporter jsonb,                                         -- personal data: desk roles only, never to a department
  media jsonb not null default '[]',
  explanation jsonb not null default '{}',                -- why opened, cell, category, department, deadline
  last_hash bytea,                                        -- of the newest history row: the chain's head
  condition text,                                         -- code of the filing condition 立案条件 it was filed under
  assisting text[] not null default '{}',                 -- departments that help 联动
  handler text,                                           -- who in the department has it
  confirmed boolean,                                      -- 核实: true 属实, false 不属实, null not asked or not answered
  merged_into text,                                       -- 并案: number of the incident it became part of
  extensions int not null default 0,                      -- 延期 granted
  suspensions int not null default 0,                     -- 挂账 granted
  suspended_until timestamptz,
  asked jsonb,                                            -- 申请 not decided yet: kind, by, at, reason, until
  urges int not null default 0,                           -- 督办, all
  urge jsonb,                                             -- the one not answered yet: by, at, level, told, due_at, reason
  urge_due_at timestamptz,
  urged_for timestamptz,                                  -- the deadline for which the system has urged by itself
  appeal jsonb,                                           -- 申诉: by, at, reason, reviews, outcome
  reworks int not null default 0,                         -- 返工
  send_backs int not null default 0,                      -- 回退
  reopened int not null default 0,                        -- 重开
  returned jsonb,                                         -- a return that stands: from, by, at, reason
  refused text[] not null default '{}',                   -- inspectors who refused the task at hand 拒接
  normal_since timestamptz,                               -- the device is back to normal since then
  clocks jsonb not null default '{}',                     -- newest clock of each kind (incidents.clocks)
  yellow_at timestamptz,                                  -- when due_at is near 黄灯
  stage text,                                             -- kind of the clock that runs beside handling
  stage_due_at timestamptz,
  wake_at timestamptz                                     -- when the system looks at it again at the latest; null = never
) with (fillfactor = 80);

create unique index incident_one_open_per_subject on incident (subject)
  where subject is not null and state not in ('closed', 'void');
-- Here and below, what follows the order in an index is tested inside it, without a look at the row.
create index incident_newest on incident (reported_at desc, id desc, lon, lat);
create index incident_alive on incident (reported_at desc, id desc, due_at, department, district)
  where state not in ('closed', 'void');
create index incident_state on incident (state, reported_at desc, id desc);
create index incident_department on incident (department, state, reported_at desc, id desc);
create index incident_district on incident (district, reported_at desc, id desc);
create index incident_street on incident (street, reported_at desc, id desc);
create index incident_category on incident (category, reported_at desc, id desc);
create index incident_cell on incident (cell_code, reported_at desc, id desc);
create index incident_near on incident (category, lat) where state not in ('closed', 'void');
create index incident_due on incident (due_at) where state not in ('closed', 'void') and due_at is not null;
create index incident_source on incident (source, reported_at desc, id desc);
create index incident_inspector on incident (inspector, reported_at desc, id desc) where inspector is not null;
create index incident_urgent on incident (reported_at desc, id desc) where urgent;
create index incident_opened on incident (opened_at desc, reported_at, id) where opened_at is not null;
create index incident_closed on incident (closed_at desc) where closed_at is not null;
create index incident_tasks on incident (inspector) where state in ('confirming', 'verifying');
create index incident_merged on incident (merged_into) where merged_into is not null;
create index incident_merged_subject on incident (subject) where merged_into is not null and subject is not null;
create index incident_stage_due on incident (stage_due_at) where stage_due_at is not null;
create index incident_wake on incident (wake_at) where wake_at is not null;

-- The tile of half a kilometre a place lies in: what a box on the map is narrowed by, each tile newest first.
create function incident_tile(lon_ double precision, lat_ double precision) returns bigint
language sql immutable strict parallel safe as $$
  select floor(lon_ * 200)::bigint * 1000000 + floor(lat_ * 200)::bigint
$$;
create index incident_tile on incident (incident_tile(lon, lat), reported_at desc, id desc, lon, lat)
  where lon is not null and lat is not null;

-- When an incident burns: the soonest of its clocks; an urgent one fifteen centuries earlier, one without a clock last. One
-- instant, so that a list in this order is turned by a key.
create function incident_burns(urgent_ boolean, due_at_ timestamptz, stage_due_at_ timestamptz) returns timestamptz
language sql immutable parallel safe as $$
  select (coalesce(least(due_at_, stage_due_at_), '3000-01-01 00:00:00+00'::timestamptz) at time zone 'UTC'
          - case when urgent_ then interval '1500 years' else interval '0' end) at time zone 'UTC'
$$;
create index incident_burning on incident (incident_burns(urgent, due_at, stage_due_at), id, department, district)
  where state not in ('closed', 'void');
create index incident_asked on incident (reported_at desc, id desc) where asked is not null;
create index incident_returned on incident (reported_at desc, id desc) where returned is not null;

-- What waits for somebody but the department that has it, in the order of the desk's queue.
create index incident_waits on incident (incident_burns(urgent, due_at, stage_due_at), id)
  where state in ('reported', 'confirming', 'open', 'handled', 'verifying') or asked is not null or urge_due_at is not null;

-- Whether an appeal waits for its reviews: one of a department's, or the one of an incident from before each had its own.
create function incident_appeal_waits(appeal_ jsonb) returns boolean
language sql immutable parallel safe as $$
  select coalesce(appeal_ @? '$.heard.*.outcome ? (@ == null)' or appeal_ @? '$.outcome ? (@ == null)', false)
$$;
create index incident_appeal_waits on incident (reported_at desc, id desc) where incident_appeal_waits(appeal);

-- What is held against departments it was taken from, or was said by them, of what was closed lately.
create index incident_held on incident (closed_at) where closed_at is not null and appeal is not null;

-- Pairs of neighbouring characters, lower case, each once: what a search in Chinese or any other text is narrowed by.
create function text_pairs(text_ text) returns text[] language sql immutable strict parallel safe as $$
  select coalesce(array_agg(distinct substr(lower(text_), n, 2)), '{}') from generate_series(1, length(text_) - 1) n
$$;
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

-- Append-only, hash-chained: hash = sha256(previous hash, then the row as text).
create table history (
  incident_id bigint not null,
  seq int not null,
  at timestamptz not null,
  move text not null,
  by text not null,
  role text not null,
  department text,
  from_state text,
  to_state text not null,
  reason text,
  data jsonb not null default '{}',
  prev_hash bytea,
  hash bytea not null,
  primary key (incident_id, seq)
);

create function history_stays() returns trigger language plpgsql as $$
begin
  raise exception '流转记录只增不改 history is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger history_stays before update or delete on history for each row execute function history_stays();
create trigger history_stays_whole before truncate on history for each statement execute function history_stays();

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

-- Every event that reached us once, with what became of it; (source, id) names it for ever.
create table event (
  source text not null,
  id text not null,
  origin text not null check (origin in ('stream', 'person', 'rule')),
  kind text not null,
  category text,
  at timestamptz not null,
  received_at timestamptz not null default clock_timestamp(),
  raw_lon double precision,
  raw_lat double precision,
  datum text,
  lon double precision,
  lat double precision,
  cell int,
  subject text,
  score double precision,
  zones text[],
  text text,
  media jsonb,
  raw jsonb,
  rule text,
  saw jsonb,                                              -- what the rule saw when it gave its verdict
  outcome text not null check (outcome in ('opened', 'joined', 'filtered', 'quarantined')),
  why text not null,                                      -- one sentence
  incident_id bigint,
  primary key (source, id)
);
create index event_incident on event (incident_id) where incident_id is not null;
create index event_recent on event (received_at);
-- What a rule that counts events asks for.
create index event_heard on event (category, at) where origin <> 'rule' and category is not null;

create table outbox (
  id bigint generated always as identity primary key,
  topic text not null default 'city.incidents.v1',
  key text not null,
  body text not null,                                     -- JSON, ready to send; carries "fact_id" = <number>/<version>/<n>
  made_at timestamptz not null default clock_timestamp(),
  sent_at timestamptz
) with (fillfactor = 50);
create index outbox_unsent on outbox (id) where sent_at is null;

create table idempotency (
  principal text not null,
  key text not null,
  request_hash bytea not null,
  status int not null,
  body text not null,
  headers jsonb not null default '{}',
  made_at timestamptz not null default now(),
  primary key (principal, key)
);
create index idempotency_old on idempotency (made_at);

-- Each running part says that it lives and how far it is.
create table part (
  name text primary key,
  kind text not null,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  detail jsonb not null default '{}'
);

-- Jobs (partitions ahead, retention, compaction, clean-up): when each ran last and what it said.
create table job (
  name text primary key,
  every interval not null,
  setting jsonb not null default '{}',                    -- what the operator may change, e.g. {"days": 90}
  last_started timestamptz,
  last_ended timestamptz,
  last_result text,
  failures int not null default 0
);

-- ── parties: people, duty, the hand-over of a shift ─────────────────────────────────────────────────────────────────

-- Further roles of a person, each with its own department and area; the first role stands in `account`.
create table account_role (
  account int not null references account(id),
  role text not null check (role in ('administrator', 'shift_lead', 'dispatcher', 'intake_officer', 'inspector',
                                     'department', 'evaluator', 'auditor')),
  department text references department(code),
  area text,
  given_by text not null,
  given_at timestamptz not null default now(),
  check (role <> 'department' or department is not null)
);
create unique index account_role_once on account_role (account, role, coalesce(department, ''), coalesce(area, ''));

-- A post 岗位: a seat somebody sits on for a shift. Evaluated by itself, whoever sat there.
create table post (
  code text primary key,
  name text not null,
  role text not null check (role in ('shift_lead', 'dispatcher', 'intake_officer', 'inspector', 'department')),
  department text references department(code),
  area text,
  active boolean not null default true
);

-- Who is on duty in which role, planned ahead. What has begun is only ever shortened: evaluation asks who sat where.
create table duty (
  id bigint generated always as identity primary key,
  account int not null references account(id),
  role text not null check (role in ('shift_lead', 'dispatcher', 'intake_officer', 'inspector', 'department')),
  department text references department(code),
  area text,                                              -- code prefix; null = the city
  responsible text[] not null default '{}',               -- codes of responsible grids
  post text references post(code),
  begins timestamptz not null,
  ends timestamptz not null,
  planned_by text not null,
  planned_at timestamptz not null default clock_timestamp(),
  check (begins < ends)
);
create unique index duty_once on duty (account, role, begins, coalesce(area, ''));
create index duty_ends on duty (ends, role);
create index duty_begins on duty (begins);

-- Where somebody on duty was last. Personal data: the newest only, and gone when the duty is over.
create table duty_position (
  account int primary key references account(id),
  at timestamptz not null,
  lon double precision not null,                          -- WGS-84
  lat double precision not null,
  accuracy_m real
) with (fillfactor = 50);

-- The hand-over of a shift 交接班: what was left, as it stood then; signed once by another person, then never changed.
create table handover (
  id bigint generated always as identity primary key,
  role text not null check (role in ('shift_lead', 'dispatcher', 'intake_officer')),
  area text,
  post text references post(code),
  left_by text not null,
  left_at timestamptz not null,
  note text not null,
  counts jsonb not null,                                  -- open, urgent, overdue, and open by state
  incidents jsonb not null,                               -- one row each: number, state, urgent, overdue, due_at, …
  received_by text,
  received_at timestamptz,
  received_note text,
  check ((received_by is null) = (received_at is null)),
  check (received_by <> left_by)
);
create index handover_waiting on handover (id) where received_by is null;

create function handover_stays() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if old.received_by is null and new.received_by is not null
       and to_jsonb(new) - array['received_by', 'received_at', 'received_note']
         = to_jsonb(old) - array['received_by', 'received_at', 'received_note'] then
      return new;
    end if;
  end if;
  raise exception '交接班记录只签收一次，不得更改 a hand-over is signed once and never changed'
    using errcode = 'insufficient_privilege';
end $$;
create trigger handover_stays before update or delete on handover for each row execute function handover_stays();
create trigger handover_stays_whole before truncate on handover for each statement execute function handover_stays();

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

-- The same for each day of the city; a month's figures are those of its days, for each counts at one moment.
create table evaluation_day (
  edition int not null,
  day date not null,
  kind smallint not null,
  subject int not null,
  sums bigint[] not null,
  primary key (edition, kind, day, subject)
) with (fillfactor = 70);

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
  daily boolean not null default false,                   -- whether its days have sums, too
  unique (month, number)
);
create function evaluation_edition_stays() returns trigger language plpgsql as $$
begin
  raise exception '已关账的评价只增不改 closed evaluations are append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger evaluation_edition_stays before update or delete on evaluation_edition
  for each row execute function evaluation_edition_stays();

-- How far the scores are: batches made, the moment up to which passed deadlines were looked for, the book of edition 0, the
-- batch up to which days have sums.
create table evaluation_state (
  only_one boolean primary key default true check (only_one),
  batch int not null default 0,
  looked_at timestamptz not null default '-infinity',
  book jsonb,
  daily int not null default 0
);
insert into evaluation_state default values;

-- ── 预演 rehearsals ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- What another edition would have made of stored history: who asked, the edition as PUT takes it, the span of time, how far
-- it is, what came out. Nothing else is changed by it.
create table rehearsal (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('rules', 'routes', 'limits')),
  body jsonb not null,
  begins timestamptz not null,
  ends timestamptz not null,
  asked_by text not null,
  asked_at timestamptz not null default clock_timestamp(),
  state text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'failed', 'interrupted')),
  started_at timestamptz,
  ended_at timestamptz,
  progress double precision not null default 0,           -- share done, 0 to 1
  editions jsonb not null default '{}',                   -- those in force that it was held against
  result jsonb,                                           -- counts
  fault text,
  check (begins < ends and ends - begins <= interval '31 days')
);
create index rehearsal_waiting on rehearsal (id) where state = 'waiting';

-- Its lists, line by line in their order.
create table rehearsal_line (
  rehearsal bigint not null references rehearsal(id) on delete cascade,
  list text not null,
  n int not null,
  body jsonb not null,
  primary key (rehearsal, list, n)
);

-- Events by their own time: they come nearly in its order, so that a few bytes for each stretch of the table suffice.
create index event_at on event using brin (at) with (pages_per_range = '16', autosummarize = 'true');

-- ── keeping an incident: incident, history and outbox in one call, from the stream and from the desk alike ──────────

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
create function history_append(incident_ bigint, head_ bytea, rows_ jsonb) returns bytea language plpgsql as $$
declare hashes bytea[] := history_chain(head_, rows_);
begin
  perform history_write(incident_, head_, rows_, hashes);
  return hashes[cardinality(hashes)];
end $$;

-- Facts into the outbox: a JSON array of {key, body}; body is kept as text, as it will be sent.
create function outbox_add(facts_ jsonb) returns void language sql as $$
  insert into outbox (key, body) select f ->> 'key', f ->> 'body' from jsonb_array_elements(facts_) f
$$;

-- A new incident with its first history and facts. Null when another open incident holds the same subject.
create function incident_open(incident_ jsonb, history_ jsonb, facts_ jsonb) returns bigint language plpgsql as $$
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

-- The incident as it is after a move, if nobody else moved it meanwhile: false when expected_ is not its version now.
-- A process of the release before knows nothing of the trade's columns: what may not be null stays as it was.
create function incident_keep(incident_ jsonb, expected_ int, history_ jsonb, facts_ jsonb) returns boolean
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

-- The next number of a region's day. Call it on a connection of its own (autocommit): the row is held for microseconds,
-- so openings of one region never queue behind a slow transaction. A number lost to a rollback is not given again.
-- Null once the day's 99,999 are used up.
-- synchronous_commit may be off: the incident's own commit flushes this record, which lies before it in the WAL.
create function incident_number(region_ text, day_ date) returns text language sql as $$
  insert into incident_counter (region, day, last) values (region_, day_, 1)
      on conflict (region, day) do update set last = incident_counter.last + 1 where incident_counter.last < 99999
  returning region || to_char(day, 'YYYYMMDD') || lpad(last::text, 5, '0')
$$;

-- Serialises openings of one category around a place: locks each ~1.1 km square the radius touches, in one order.
create function lock_nearby(category_ text, lon_ double precision, lat_ double precision, radius_m_ double precision)
returns void language plpgsql as $$
declare k bigint; dlat double precision := radius_m_ / 111195.0;
        dlon double precision := radius_m_ / (111195.0 * greatest(cos(radians(lat_)), 0.01));
begin
  for k in select distinct hashtextextended(category_ || ':' || x || ':' || y, 0)
             from generate_series(floor((lon_ - dlon) * 100)::int, floor((lon_ + dlon) * 100)::int) x,
                  generate_series(floor((lat_ - dlat) * 100)::int, floor((lat_ + dlat) * 100)::int) y
            order by 1 loop
    perform pg_advisory_xact_lock(k);
  end loop;
end $$;

-- ── photos 照片 ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- A photo as it was taken in: written anew from its pixels. Its two files lie in the object store under its id. Files come
-- first and go last, so that a row has its files; what a crash leaves behind is a file without a row, which the sweep takes.
create table media (
  id text primary key check (id ~ '^[0-9a-f]{32}$'),      -- random; also its name in the store and in addresses
  account text not null,                                  -- who sent it
  kind text not null check (kind in ('before', 'after', 'scene')),
  received_sha256 bytea not null,                         -- of what was sent: the same again is the same photo
  sha256 bytea not null,                                  -- of what is kept and served
  size int not null,
  width int not null,
  height int not null,
  made_at timestamptz not null default now(),
  offered_at timestamptz not null default now(),          -- when it was sent last
  attached boolean not null default false,                -- to a report or a move; what stays unattached goes after a while
  lost_at timestamptz,                                    -- since when the sweep misses its files
  unique (account, received_sha256)
);
create index media_unattached on media (account, offered_at) where not attached;

-- Place and time as the camera wrote them: personal data, read by the desk only and therefore not beside the rest.
create table media_taken (
  media text primary key references media(id) on delete cascade,
  said text,                                              -- the camera's clock, with an offset if it told one
  taken_at timestamptz,                                   -- the same; without an offset it is the city's time
  lon double precision,
  lat double precision
);

-- What a photo is evidence of: the incident, the state it was in, and the move that brought the photo (report: a report did;
-- add: it was sent straight to the incident; event: that of a machine, `by` is then the camera and `at` when it saw it).
create table media_use (
  media text not null references media(id),
  incident text not null references incident(number),
  stage text not null,
  move text not null,
  by text not null,
  at timestamptz not null,
  primary key (media, incident, stage, move)
);
create index media_use_incident on media_use (incident, at);

-- ── logging in 登录 ─────────────────────────────────────────────────────────────────────────────────────────────────

-- The passwords of an account, the newest in force and the few before it that may not come again; argon2id, never the text.
create table password (
  id bigint generated always as identity primary key,
  account int not null references account(id) on delete cascade,
  hash text not null,
  set_at timestamptz not null default now(),
  must_change boolean not null default false              -- somebody else chose it
);
create index password_account on password (account, id desc);

-- Who is logged in. The cookie's value is kept as SHA-256 only.
create table session (
  id_hash bytea primary key,
  account int not null references account(id) on delete cascade,
  made_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  ends_at timestamptz not null                            -- however busy it is
);
create index session_account on session (account);
create index session_ends on session (ends_at);

-- Attempts since the last success, by SHA-256 of the name: unknown names are counted like known ones, so that nobody learns
-- which are which, and a password typed into the wrong field is not kept.
create table login_attempt (
  name_hash bytea primary key,
  failures int not null,
  last_at timestamptz not null,
  locked_until timestamptz
);

-- Who logged in or out or tried to, when, from where, with what result. Lines are never changed.
create table login_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  account text,                                           -- null: no account has the name that was given
  result text not null check (result in ('in', 'wrong', 'locked', 'out', 'changed', 'set', 'unlocked')),
  address text,
  by text                                                 -- who set the password or unlocked, where it was somebody else
);
create index login_log_account on login_log (account, id);

create function login_log_stays() returns trigger language plpgsql as $$
begin
  raise exception '登录记录不可更改 lines of login_log are never changed' using errcode = 'insufficient_privilege';
end $$;
create trigger login_log_stays before update or delete on login_log for each row execute function login_log_stays();
create trigger login_log_stays_whole before truncate on login_log for each statement execute function login_log_stays();
