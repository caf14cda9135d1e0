-- name: current
-- The password in force of an active account, by the account's name; an account that has none gives nothing.
select a.id, p.hash, p.must_change, p.set_at
  from account a join password p on p.account = a.id
 where a.name = %(name)s and a.active and a.role <> 'ingest'
 order by p.id desc limit 1;

-- name: account
-- The number of an account that a person may use, locked so that two changes of its password come one after the other.
select id from account where name = %(name)s and active and role <> 'ingest' for no key update;

-- name: past
-- The newest hashes of an account, the one in force first.
select hash from password where account = %(account)s order by id desc limit %(most)s;

-- name: add
-- A new password, in force from now on.
insert into password (account, hash, must_change) values (%(account)s, %(hash)s, %(must_change)s);

-- name: forget
-- Drops what is older than the history that counts.
delete from password where account = %(account)s
   and id not in (select id from password where account = %(account)s order by id desc limit %(most)s);

-- name: rehash
-- The same password under newer parameters.
update password set hash = %(new)s where account = %(account)s and hash = %(old)s;
