-- name: messages
-- 每个分区：栅栏走过的消息数 = 账上的消息数 / the fence moved by as many messages as the books have
select coalesce(sum(next_offset - first_offset - skipped), 0)::bigint, coalesce(sum(messages), 0)::bigint from stream_offset;

-- name: messages_aside
-- 整条隔离的消息 = 隔离区里的消息 / messages set aside whole = messages in quarantine
select coalesce(sum(quarantined), 0)::bigint, (select count(*) from quarantine where item = -1) from stream_offset;

-- name: readings
-- 监测数据收到 = 入库 + 重复 + 拒收 + 隔离 / readings in = stored + duplicates + refused + quarantined
select coalesce(sum(readings_in), 0)::bigint,
       coalesce(sum(stored + duplicates + refused + readings_quarantined), 0)::bigint from stream_offset;

-- name: readings_stored
-- 监测数据入库 = 现有行 + 已按期清除的行 / readings stored = rows present + rows dropped by retention
select coalesce(sum(stored), 0)::bigint,
       (select count(*) from reading)
       + (select coalesce(sum(rows), 0)::bigint from dropped where what = 'reading') from stream_offset;

-- name: readings_refused
-- 拒收的数据行都在隔离区 / every refused row is in quarantine
select coalesce(sum(refused), 0)::bigint,
       (select count(*) from quarantine where item >= 0 and topic = 'city.readings.v1') from stream_offset;

-- name: rollup_rows
-- 分钟汇总的条数 = 现有数据行（已清除的日期不算） / readings in the rollup = rows present, days dropped left out
with gone as (select day from dropped where what = 'reading')
select (select count(*) from reading where (observed_at at time zone 'UTC')::date not in (select day from gone)),
       (select coalesce(sum(n), 0)::bigint from reading_rollup
         where (bucket at time zone 'UTC')::date not in (select day from gone));

-- name: rollup
-- 与原始数据重算结果不同的分钟汇总（和的末位误差除外） / minutes whose rollup differs from recomputation (but for the last digits of a sum)
with gone as (
  select day from dropped where what = 'reading'
), told as (
  select bucket, metric, area, sum(n) n, sum(total) total, min(low) low, max(high) high
    from reading_rollup where (bucket at time zone 'UTC')::date not in (select day from gone) group by 1, 2, 3
), again as (
  select date_bin('1 minute', observed_at, timestamptz '2000-01-01 00:00+00') bucket, metric, area, count(*) n,
         sum(value) total, sum(abs(value)) size, min(value) low, max(value) high
    from reading where (observed_at at time zone 'UTC')::date not in (select day from gone) group by 1, 2, 3
)
select 0::bigint, count(*)
  from told full join again using (bucket, metric, area)
 where told.n is distinct from again.n or told.low is distinct from again.low or told.high is distinct from again.high
    or coalesce(abs(told.total - again.total) > 1e-9 * greatest(1, again.size), true);

-- name: newest
-- 最新值与原始数据不符的序列（最新值所在日期已清除的不算） / series whose last value is not their newest stored one
with newest as (select device_id, metric, max(observed_at) at from reading group by 1, 2)
select 0::bigint, count(*)
  from reading_last l full join newest n using (device_id, metric)
 where l.at is distinct from n.at
   and not exists (select from dropped where what = 'reading' and day = (l.at at time zone 'UTC')::date);

-- name: events
-- 流上事件收到 = 重复 + 立案 + 并案 + 过滤 + 隔离 / events in = repeated + opened + joined + filtered + quarantined
select coalesce(sum(events_in), 0)::bigint,
       coalesce(sum(events_repeated + opened + joined + filtered + events_quarantined), 0)::bigint from stream_offset;

-- name: events_opened
-- 账上立案 = 事件表中立案的流上事件与规则结论 / opened by the books = opened in the table of events (stream, rule)
select coalesce(sum(opened), 0)::bigint,
       (select count(*) from event where outcome = 'opened' and origin in ('stream', 'rule')) from stream_offset;

-- name: events_joined
-- 账上并案 = 事件表中并案的 / joined by the books = joined in the table of events
select coalesce(sum(joined), 0)::bigint,
       (select count(*) from event where outcome = 'joined' and origin in ('stream', 'rule')) from stream_offset;

-- name: events_filtered
-- 账上过滤 = 事件表中过滤的 / filtered by the books = filtered in the table of events
select coalesce(sum(filtered), 0)::bigint,
       (select count(*) from event where outcome = 'filtered' and origin in ('stream', 'rule')) from stream_offset;

-- name: events_told
-- 立案与并案的事件各有一行流转记录 / every event opened or joined, people's too, has its line in the history
select (select count(*) from event where outcome in ('opened', 'joined')),
       (select count(*) from history where data ? 'event' or data ? 'cleared');

-- name: incidents
-- 案件 = 立案事件各自的案件 / incidents = distinct incidents of opened events
select (select count(*) from incident),
       (select count(distinct incident_id) from event where outcome = 'opened');

-- name: incidents_once
-- 立案事件 = 案件，一事一案 / opened events = incidents: each was opened by exactly one
select (select count(*) from event where outcome = 'opened'), (select count(*) from incident);

-- name: reports
-- 各案件报数之和 = 立案与并案的事件（恢复正常的不算上报） / reports counted on incidents = events opened or joined, returns to normal left out
select (select coalesce(sum(reports), 0)::bigint from incident),
       (select count(*) from event where outcome in ('opened', 'joined') and not (origin = 'rule' and kind = 'cleared'));

-- name: history
-- 各案件版本之和 = 流转记录行数 / versions of incidents summed = rows of history
select (select coalesce(sum(version), 0)::bigint from incident), (select count(*) from history);

-- name: facts
-- 流转记录行数 = 待发表中不同的事实 + 已发已清的 / rows of history = distinct facts in the outbox + sent and forgotten
select (select count(*) from history),
       (select count(distinct body::jsonb ->> 'fact_id') from outbox where topic = 'city.incidents.v1')
       + (select coalesce(sum(rows), 0)::bigint from dropped where what = 'fact');

-- name: facts_once
-- 待发表中重复的事实 / facts that stand in the outbox twice
select 0::bigint, count(*) - count(distinct body::jsonb ->> 'fact_id') from outbox where topic = 'city.incidents.v1';

-- name: announcements
-- 隔离区行数 = 待发表中的隔离通知 + 已发已清的 / rows in quarantine = announcements in the outbox + sent and forgotten
select (select count(*) from quarantine),
       (select count(*) from outbox where topic = 'city.quarantine.v1')
       + (select coalesce(sum(rows), 0)::bigint from dropped where what = 'announcement');

-- name: origins
-- 事件各由何来、各成何事 / events by origin and outcome, for the reader; not a line of the books
select origin, outcome, count(*) from event group by 1, 2 order by 1, 2;
