-- name: add
-- A new edition; the old ones stay.
insert into decision (kind, holds_from, author, body)
values (%(kind)s, coalesce(%(holds_from)s, clock_timestamp()), %(author)s, %(body)s::jsonb)
returning id, holds_from;

-- name: in_force
-- The edition of each kind that holds at an instant, null meaning now.
select distinct on (kind) id, kind, holds_from, made_at, author, body
  from decision
 where holds_from <= coalesce(%(at)s::timestamptz, clock_timestamp())
 order by kind, holds_from desc, id desc;

-- name: calendar_id
-- The edition of the working calendar that held at an instant.
select id from decision where kind = 'calendar' and holds_from <= %(at)s order by holds_from desc, id desc limit 1;

-- name: body
-- What an edition says.
select body from decision where id = %(id)s;

-- name: stamp
-- Which editions hold now, and for which city: the same numbers, the same decisions.
select id from (
  select distinct on (kind) kind, id
    from decision where holds_from <= clock_timestamp() order by kind, holds_from desc, id desc) d
union all
select hashtext(region || time_zone) from city;

-- name: guard
-- One change of decisions at a time.
select pg_advisory_xact_lock(hashtextextended('decision', 0));

-- name: clock
-- What the store holds to be now.
select clock_timestamp();

-- name: turns
-- The moments from an instant on at which other decisions begin to hold.
select distinct holds_from from decision where holds_from >= %(from)s order by 1;

-- name: editions
-- Every edition of a kind without its body, the newest first.
select id, kind, holds_from, made_at, author, '{}'::jsonb as body
  from decision where kind = %(kind)s order by holds_from desc, id desc;
