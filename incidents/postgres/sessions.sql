-- name: open
-- A new session of an account.
insert into session (id_hash, account, ends_at) values (%(hash)s, %(account)s, now() + %(lasts)s::interval);

-- name: find
-- Whose session it is, while it lasts, was used lately, and its account may ask.
select a.id, a.name, a.role, a.department, a.area, a.scopes, a.active, s.ends_at, s.seen_at < now() - %(touch)s::interval,
       coalesce((select p.must_change or p.set_at < now() - %(age)s::interval from password p where p.account = a.id
                  order by p.id desc limit 1), true)
  from session s join account a on a.id = s.account
 where s.id_hash = %(hash)s and a.active and s.ends_at > now() and s.seen_at > now() - %(idle)s::interval;

-- name: touch
-- The session is in use.
update session set seen_at = now() where id_hash = %(hash)s;

-- name: close
-- Ends a session; whose it was.
delete from session s using account a where s.id_hash = %(hash)s and a.id = s.account returning a.name;

-- name: close_all
-- Ends every session of an account.
delete from session where account = %(account)s;

-- name: close_old
-- Ends sessions that are over or were not used for long.
delete from session where ends_at <= now() or seen_at <= now() - %(idle)s::interval;

-- name: charge
-- Counts an attempt before the password is looked at, so that many at once count as many; nothing while the name is locked.
-- The last that is allowed locks at once; a success takes all back.
insert into login_attempt as was (name_hash, failures, last_at) values (%(name)s, 1, now())
    on conflict (name_hash) do update
   set failures = case when was.locked_until is not null or was.last_at < now() - %(lock)s::interval then 1 else was.failures + 1 end,
       locked_until = case when was.locked_until is null and was.last_at >= now() - %(lock)s::interval and was.failures + 1 >= %(most)s
                           then now() + %(lock)s::interval end,
       last_at = now()
 where was.locked_until is null or was.locked_until <= now()
returning failures;

-- name: locked_s
-- Seconds until a name may try again.
select ceil(extract(epoch from locked_until - now()))::int from login_attempt where name_hash = %(name)s and locked_until > now();

-- name: clear
-- The name may try again.
delete from login_attempt where name_hash = %(name)s;

-- name: forget_attempts
-- Attempts so old that they count no more.
delete from login_attempt where last_at < now() - %(lock)s::interval and (locked_until is null or locked_until <= now());

-- name: log
-- A line of who logged in, or tried to; a name that no account bears is not written down.
insert into login_log (account, result, address, by)
values ((select name from account where name = %(account)s), %(result)s, %(address)s, %(by)s);

-- name: logged
-- Lines of the log, newest first, from before a line on.
select id, at, account, result, address, by from login_log
 where (%(before)s::bigint is null or id < %(before)s) and (%(account)s::text is null or account = %(account)s)
 order by id desc limit %(most)s;
