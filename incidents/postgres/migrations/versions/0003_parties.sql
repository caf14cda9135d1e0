-- Parties: people, duty and shifts, the hand-over of a shift.

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
