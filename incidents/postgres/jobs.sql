-- name: names
-- The jobs the database knows of.
select name from job;

-- name: declare
-- A job with its interval and setting; what an operator changed stays.
insert into job (name, every, setting) values (%(name)s, %(every)s, %(setting)s::jsonb) on conflict (name) do nothing;

-- name: due
-- Jobs whose time has come: never run, interval over, cut off while running, or failed and rested (1, 2, 4 … minutes).
select name from job
 where name = any(%(names)s)
   and (last_started is null or last_ended is null or last_ended < last_started
        or case when failures = 0 then last_started + every <= %(now)s
                else last_ended + least(every, interval '1 minute' * power(2, least(failures, 7) - 1)) <= %(now)s end)
 order by last_started nulls first, name;

-- name: hold
-- Nobody else runs the job while this session holds it; a killed session lets go by itself.
select pg_try_advisory_lock(hashtextextended('job:' || %(name)s, 0));

-- name: let_go
-- The job may be run by others again.
select pg_advisory_unlock(hashtextextended('job:' || %(name)s, 0));

-- name: claim
-- Marks a job as started, if nobody did so since we looked; gives what the operator set.
update job set last_started = %(now)s
 where name = (select name from job where name = %(name)s and (last_started is null or last_started < %(now)s)
                  for update skip locked)
returning setting;

-- name: ended
-- What the job said, and how often in a row it has failed.
update job set last_ended = %(at)s, last_result = %(result)s,
       failures = case when %(failed)s then failures + 1 else 0 end
 where name = %(name)s;

-- name: everything
-- All jobs with what they said last.
select name, every, setting, last_started, last_ended, last_result, failures from job order by name;

-- name: adjust
-- What the operator changed; the rest of the setting stays.
update job set setting = setting || %(setting)s::jsonb, every = coalesce(%(every)s::interval, every) where name = %(name)s;
