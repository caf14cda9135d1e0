-- name: ask
-- A rehearsal to be held.
insert into rehearsal (kind, body, begins, ends, asked_by)
values (%(kind)s, %(body)s::jsonb, %(begins)s, %(ends)s, %(asked_by)s)
returning id;

-- name: forget
-- The oldest that are over, beyond so many.
delete from rehearsal
 where state not in ('waiting', 'running')
   and id <= (select id from rehearsal order by id desc offset %(kept)s limit 1);

-- name: look
-- One rehearsal, or the newest, without their bodies; one that says it runs while nobody holds rehearsals was interrupted.
select id, kind, begins, ends, asked_by, asked_at,
       case when state = 'running' and not held.by_somebody then 'interrupted' else state end,
       started_at, ended_at, progress, editions, result, fault
  from rehearsal,
       (select exists (select from pg_locks
                       where locktype = 'advisory' and granted and objsubid = 1
                         and database = (select oid from pg_database where datname = current_database())
                         and (classid::bigint << 32 | objid::bigint)
                           = hashtextextended('yiwang/name/rehearsal', 0)) as by_somebody) held
 where id = coalesce(%(id)s, id) and id < coalesce(%(before)s, id + 1) order by id desc limit %(most)s;

-- name: body
-- The proposed edition of a rehearsal.
select body from rehearsal where id = %(id)s;

-- name: waiting
-- How many wait to be held.
select count(*) from rehearsal where state = 'waiting';

-- name: idle
-- Whether one waits and nobody is at it.
select exists (select from rehearsal where state = 'waiting')
   and not exists (select from pg_locks
                     where locktype = 'advisory' and granted and objsubid = 1
                       and database = (select oid from pg_database where datname = current_database())
                       and (classid::bigint << 32 | objid::bigint)
                         = hashtextextended('yiwang/name/rehearsal', 0));

-- name: interrupted
-- Whoever holds rehearsals holds none yet: what says it runs was cut off.
update rehearsal set state = 'interrupted', ended_at = clock_timestamp() where state = 'running';

-- name: claim
-- The next that waits, or the one that is meant, begins.
update rehearsal set state = 'running', started_at = clock_timestamp(), progress = 0
 where id = (select id from rehearsal where state = 'waiting' and id = coalesce(%(id)s, id) order by id limit 1)
returning id, kind, begins, ends, body;

-- name: again
-- One that did not come to its end waits once more.
update rehearsal set state = 'waiting', started_at = null, ended_at = null, fault = null, result = null, progress = 0
 where id = %(id)s and state in ('running', 'failed', 'interrupted');

-- name: forget_lines
-- The lists of one that begins anew.
delete from rehearsal_line where rehearsal = %(id)s;

-- name: against
-- The editions in force that it is held against.
update rehearsal set editions = %(editions)s::jsonb where id = %(id)s;

-- name: progress
-- How far it is.
update rehearsal set progress = %(progress)s where id = %(id)s;

-- name: done
-- It came to its end.
update rehearsal set state = 'done', ended_at = clock_timestamp(), progress = 1, result = %(result)s::jsonb
 where id = %(id)s;

-- name: failed
-- It could not be held to its end, and why.
update rehearsal set state = 'failed', ended_at = clock_timestamp(), fault = %(fault)s where id = %(id)s;

-- name: add_lines
-- Lines of its lists.
insert into rehearsal_line (rehearsal, list, n, body)
select %(id)s, l ->> 'list', (l ->> 'n')::int, l -> 'body' from jsonb_array_elements(%(lines)s::jsonb) l;

-- name: lines
-- A stretch of one list.
select n, body from rehearsal_line
 where rehearsal = %(id)s and list = %(list)s and n > %(after)s order by n limit %(most)s;

-- name: sizes
-- How long its lists are.
select list, count(*) from rehearsal_line where rehearsal = %(id)s group by list;
