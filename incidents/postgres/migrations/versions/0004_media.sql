-- Media: photos and files, with what was taken out of them.

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
-- add: it was sent straight to the incident).
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
