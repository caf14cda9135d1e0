-- name: add
-- A new account; its token is kept as a hash only.
insert into account (name, role, department, area, scopes, token_hash)
values (%(name)s, %(role)s, %(department)s, %(area)s, %(scopes)s, %(hash)s);

-- name: by_token
-- Whom a token belongs to, if the account may still ask.
select id, name, role, department, area, scopes, active from account where token_hash = %(hash)s and active;

-- name: everybody
-- All accounts, in order of their names.
select id, name, role, department, area, scopes, active from account order by name;

-- name: rotate
-- A new token for an account; the old one is void at once.
update account set token_hash = %(hash)s where name = %(name)s;

-- name: deactivate
-- The account may no longer ask; the last active administrator stays.
update account set active = false
 where name = %(name)s
   and (role <> 'administrator'
        or exists (select from account o where o.role = 'administrator' and o.active and o.name <> %(name)s));

-- name: administrators
-- How many active administrators there are.
select count(*) from account where role = 'administrator' and active;

-- name: guard
-- One change of administrators at a time.
select pg_advisory_xact_lock(hashtextextended('accounts', 0));
