-- name: claim
-- The oldest facts not sent yet, in order, locked until we commit. One relay is active, SKIP LOCKED only keeps a
-- second one from waiting.
select id, topic, key, body from outbox where sent_at is null order by id limit %(at_most)s for update skip locked;

-- name: sent
-- Kafka has acknowledged these.
update outbox set sent_at = clock_timestamp() where id = any(%(ids)s::bigint[]);

-- name: quarantined
-- Messages and rows set aside, as the quarantine topic tells them.
select id, topic, part, "offset", item, key, value, headers, reason, detail, set_aside_at
  from quarantine where id = any(%(ids)s::bigint[]);

-- name: unsent
-- How many facts wait, and since when the oldest.
select count(*), min(made_at) from outbox where sent_at is null;
