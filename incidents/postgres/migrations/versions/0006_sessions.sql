-- Sessions: people who log in with a password.

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
