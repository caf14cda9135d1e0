-- name: copy_readings
-- New readings in binary, as packed by readings.copy_new; a reading already stored fails the whole COPY.
copy reading (observed_at, device_id, metric, value, area, flags, cell) from stdin (format binary);

-- name: insert_new
-- Stores the readings that are not there yet and tells which of the given rows those were (1-based).
with given as (
  select *
    from unnest(%(at)s::timestamptz[], %(device)s::int[], %(metric)s::smallint[], %(value)s::float8[],
                %(area)s::int[], %(flags)s::smallint[], %(cell)s::int[])
         with ordinality as g (observed_at, device_id, metric, value, area, flags, cell, place)
), stored as (
  insert into reading (observed_at, device_id, metric, value, area, flags, cell)
  select observed_at, device_id, metric, value, area, flags, nullif(cell, -1)
    from given
   order by place
      on conflict do nothing
  returning observed_at, device_id, metric
)
select coalesce(array_agg(given.place), '{}') from given join stored using (observed_at, device_id, metric);

-- name: remember_last
-- The newest value of each series, rows in (device, metric) order: the row locks put workers that hear one device
-- in a queue. prev_at becomes the newest time known before this transaction.
insert into reading_last as was (device_id, metric, at, value)
select device_id, metric, at, value
  from unnest(%(device)s::int[], %(metric)s::smallint[], %(at)s::timestamptz[], %(value)s::float8[])
       as g (device_id, metric, at, value)
    on conflict (device_id, metric) do update
   set at = greatest(was.at, excluded.at),
       value = case when excluded.at >= was.at then excluded.value else was.value end,
       prev_at = was.at;

-- name: newest_before
-- For a few series: the newest time known before this transaction touched them, in ms since 1970; null = none.
select l.device_id, l.metric, (extract(epoch from l.prev_at) * 1000)::bigint
  from reading_last l
  join unnest(%(device)s::int[], %(metric)s::smallint[]) as g (device_id, metric) using (device_id, metric);

-- name: add_rollup
-- Minute sums of new readings, added to those already there. Rows in key order.
insert into reading_rollup as was (bucket, metric, area, slot, n, total, low, high)
select bucket, metric, area, %(slot)s, n, total, low, high
  from unnest(%(bucket)s::timestamptz[], %(metric)s::smallint[], %(area)s::int[], %(n)s::bigint[],
              %(total)s::float8[], %(low)s::float8[], %(high)s::float8[])
       as g (bucket, metric, area, n, total, low, high)
    on conflict (bucket, metric, area, slot) do update
   set n = was.n + excluded.n, total = was.total + excluded.total,
       low = least(was.low, excluded.low), high = greatest(was.high, excluded.high);

-- name: series_between
-- The stored readings of one series in a span of time, both ends included, in order of time.
select (extract(epoch from observed_at) * 1000)::bigint, value
  from reading
 where observed_at between to_timestamp(%(from_ms)s / 1000.0) and to_timestamp(%(to_ms)s / 1000.0)
   and device_id = %(device)s and metric = %(metric)s
 order by observed_at;

-- name: metrics_all
-- Every known metric.
select code, id from metric;

-- name: metrics_ensure
-- Makes the metrics that are not known yet, in order of their codes.
insert into metric (code) select unnest(%(codes)s::text[]) order by 1 on conflict (code) do nothing;

-- name: ensure_days
-- The partitions of these days, where the store keeps days apart.
select store_ensure_days(%(days)s::date[]);
