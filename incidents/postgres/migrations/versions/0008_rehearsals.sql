-- Rehearsals: stored history under another edition.

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
