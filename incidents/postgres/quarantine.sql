-- name: redrive
-- Sends these on their way again through the outbox, each once, and remembers who decided it. city.redrive is no
-- topic: the relay sends the bytes to the topic they came from.
with chosen as (
  update quarantine set state = 'redriven', decided_at = clock_timestamp(), decided_by = %(by)s
   where id = any(%(ids)s::bigint[]) and state = 'waiting'
  returning id
), told as (
  insert into outbox (topic, key, body)
  select 'city.redrive', id::text, jsonb_build_object('quarantine_id', id)::text from chosen order by id
)
select coalesce(array_agg(id order by id), '{}') from chosen;

-- name: dismiss
-- A person decides that these need not be sent again; they stay, for the books.
update quarantine set state = 'dismissed', decided_at = clock_timestamp(), decided_by = %(by)s
 where id = any(%(ids)s::bigint[]) and state = 'waiting'
returning id;

-- name: waiting
-- What waits for a decision, oldest first, of one reason or of all.
select id from quarantine
 where state = 'waiting' and (%(reason)s::text is null or reason = %(reason)s)
 order by id limit %(at_most)s;
