-- name: readings
-- The next stored readings of these metrics after a key, in the order of the key, up to an instant.
select r.observed_at, r.device_id, r.metric, r.value, coalesce(r.cell, -1)
  from reading r
 where r.observed_at >= %(after_at)s and r.observed_at < %(before)s and r.metric = any(%(metrics)s::smallint[])
   and (r.observed_at, r.device_id, r.metric) > (%(after_at)s, %(after_device)s, %(after_metric)s)
 order by r.observed_at, r.device_id, r.metric
 limit %(most)s;

-- name: newest
-- The newest reading of these series, if it is not before an instant.
select (extract(epoch from l.at) * 1000)::bigint, l.device_id, l.metric, l.value, coalesce(r.cell, -1)
  from unnest(%(device)s::int[], %(metric)s::smallint[]) as g (device_id, metric)
  join reading_last l using (device_id, metric)
  join reading r on r.observed_at = l.at and r.device_id = l.device_id and r.metric = l.metric
 where l.at >= %(since)s;

-- name: events
-- The next events after a key, in order of their own time, with what became of them and until when their incident was open.
select e.source, e.id, e.origin, e.kind, e.category, e.at, e.lon, e.lat, e.subject, e.score, e.zones, e.rule, e.outcome,
       g.code, i.number, i.closed_at, e.received_at
  from event e
  left join unit_grid g on g.id = e.cell
  left join incident i on i.id = e.incident_id
 where e.at >= %(after_at)s and e.at < %(before)s
   and (e.at, e.source, e.id) > (%(after_at)s, %(after_source)s, %(after_id)s)
 order by e.at, e.source, e.id
 limit %(most)s;

-- name: standing
-- What was open at an instant: all that is open still, and what was closed since.
select number, category, source, subject, lon, lat, first_event_at, last_event_at, null::timestamptz
  from incident where state not in ('closed', 'void') and first_event_at < %(at)s
 union all
select number, category, source, subject, lon, lat, first_event_at, last_event_at, closed_at
  from incident where closed_at > %(at)s and first_event_at < %(at)s;

-- name: sent
-- The first dispatch in a span of time of each incident of a stretch, with every clock the incident ever had.
select i.id, i.number, i.category, i.condition, i.cell_code, i.community, i.street, i.district, i.source, h.at,
       h.data ->> 'department', h.by, coalesce(h.data -> 'assisting', '[]'), h.data -> 'limit',
       (select coalesce(jsonb_agg(r), '[]') from history l, jsonb_array_elements(l.data -> 'runs') r
         where l.incident_id = i.id) || coalesce((select jsonb_agg(c.value) from jsonb_each(i.clocks) c), '[]')
  from incident i
 cross join lateral (select * from history l
                      where l.incident_id = i.id and l.move in ('dispatch', 'redispatch')
                        and l.at >= %(begins)s and l.at < %(ends)s
                      order by l.seq limit 1) h
 where i.id > %(after)s and i.id <= %(until)s and i.dispatched_at >= %(begins)s and i.reported_at < %(ends)s
 order by i.id;

-- name: last_incident
-- The newest incident's place in the table.
select coalesce(max(id), 0) from incident;

-- name: traits
-- What a scope asks of a device.
select code, kind from device where id = %(device)s;

-- name: cell
-- The code of a cell.
select code from unit_grid where id = %(cell)s;
