-- name: days_ready
-- Partitions for the days around an instant.
select store_ensure(%(from)s, %(to)s);

-- name: drop_day
-- Drops the oldest day that ended before an instant; null when there is none.
select store_drop_one(%(before)s);

-- name: kind
-- plain, apache or tsl.
select store_kind();

-- name: to_compact
-- Closed days that are not yet small or quick by series.
select part::text from store_parts() where not compact and ends <= %(before)s;

-- name: half_made
-- Whether an index of that name was begun and never finished.
select exists (select from pg_index where indexrelid = to_regclass(%(index)s) and not indisvalid);

-- name: index_name
-- What the index by series of a day is called, in the day's own schema.
select format('%%I.%%I', n.nspname, c.relname || '_series'), format('%%I', c.relname || '_series')
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = %(part)s::regclass;

-- name: merge_slots
-- Adds old minutes of several partitions together under slot -1, some rows at a time; rows a worker holds wait.
with old as (
  select bucket, metric, area, slot from reading_rollup
   where bucket < %(before)s and slot <> -1
   order by bucket, metric, area, slot limit %(most)s for update skip locked
), gone as (
  delete from reading_rollup r using old o
   where r.bucket = o.bucket and r.metric = o.metric and r.area = o.area and r.slot = o.slot
  returning r.*
)
insert into reading_rollup as was (bucket, metric, area, slot, n, total, low, high)
select bucket, metric, area, -1, sum(n), sum(total), min(low), max(high) from gone group by 1, 2, 3
    on conflict (bucket, metric, area, slot) do update
   set n = was.n + excluded.n, total = was.total + excluded.total,
       low = least(was.low, excluded.low), high = greatest(was.high, excluded.high);

-- name: forget_sent
-- Deletes some of the oldest rows of the outbox that were sent before an instant and notes how many.
with oldest as (
  select id, sent_at from outbox where sent_at is not null order by id limit %(most)s
), gone as (
  delete from outbox where id in (select id from oldest where sent_at < %(before)s) returning topic, made_at
), noted as (
  insert into dropped as was (what, day, rows)
  select case topic when 'city.incidents.v1' then 'fact' else 'announcement' end, (made_at at time zone 'UTC')::date, count(*)
    from gone group by 1, 2
      on conflict (what, day) do update set rows = was.rows + excluded.rows
)
select count(*) from gone;

-- name: forget_answers
-- Answers kept for repeated requests, once nobody repeats them any more.
delete from idempotency where made_at < %(before)s;
