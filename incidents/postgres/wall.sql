-- name: open_by_state
-- Incidents that are somebody's job, by state, with how many are overdue and urgent.
select state, count(*), count(*) filter (where due_at < now()), count(*) filter (where urgent)
  from incident
 where state not in ('closed', 'void')
   and (%(area)s::text is null or starts_with(cell_code, %(area)s))
   and (%(departments)s::text[] is null or department = any(%(departments)s))
   and (%(theme)s::text[] is null or category ^@ any(%(theme)s))
 group by state;

-- name: since
-- What happened since an instant (the city's midnight): reported, opened, handled, closed, closed in time, come overdue.
select count(*) filter (where reported_at >= %(since)s), count(*) filter (where opened_at >= %(since)s),
       count(*) filter (where handled_at >= %(since)s), count(*) filter (where closed_at >= %(since)s and state = 'closed'),
       count(*) filter (where closed_at >= %(since)s and state = 'closed'
                          and (due_at is null or coalesce(handled_at, closed_at) <= due_at)),
       count(*) filter (where due_at >= %(since)s and due_at < least(now(), coalesce(handled_at, closed_at, now())))
  from incident
 where id in (select id from incident where reported_at >= %(since)s
              union all select id from incident where opened_at >= %(since)s
              union all select id from incident where closed_at >= %(since)s
              union all select id from incident where state in ('handled', 'verifying') and handled_at >= %(since)s
              union all select id from incident where state not in ('closed', 'void') and due_at between %(since)s and now())
   and (%(area)s::text is null or starts_with(cell_code, %(area)s))
   and (%(departments)s::text[] is null or department = any(%(departments)s))
   and (%(theme)s::text[] is null or category ^@ any(%(theme)s));

-- name: machines
-- Devices known, readings of the last hour by rollup, messages waiting in quarantine.
select (select count(*) from device),
       (select coalesce(sum(n), 0)::bigint from reading_rollup where bucket >= now() - interval '1 hour'),
       (select count(*) from quarantine where state = 'waiting');

-- name: areas
-- Open incidents by district, street or community, with the area's name in the newest edition.
select c.code, a.name, c.open, c.overdue, c.urgent
  from (select case %(level)s when 'district' then district when 'street' then street else community end as code,
               count(*) as open, count(*) filter (where due_at < now()) as overdue, count(*) filter (where urgent) as urgent
          from incident
         where state not in ('closed', 'void')
           and (%(area)s::text is null or starts_with(cell_code, %(area)s))
           and (%(departments)s::text[] is null or department = any(%(departments)s))
           and (%(theme)s::text[] is null or category ^@ any(%(theme)s))
         group by 1) c
  left join lateral (select name from grid_area g where g.level = %(level)s and g.code = c.code
                      order by g.edition desc limit 1) a on true
 order by c.open desc, c.code;

-- name: trend
-- Incidents reported and closed by step of time; steps without any are missing.
select coalesce(r.step, c.step), coalesce(r.n, 0), coalesce(c.n, 0)
  from (select date_bin(make_interval(secs => %(step)s), reported_at, %(from)s) as step, count(*) as n
          from incident
         where reported_at >= %(from)s and reported_at < %(to)s
           and (%(area)s::text is null or starts_with(cell_code, %(area)s))
           and (%(departments)s::text[] is null or department = any(%(departments)s))
           and (%(theme)s::text[] is null or category ^@ any(%(theme)s))
         group by 1) r
  full join (select date_bin(make_interval(secs => %(step)s), closed_at, %(from)s) as step, count(*) as n
          from incident
         where closed_at >= %(from)s and closed_at < %(to)s and state = 'closed'
           and (%(area)s::text is null or starts_with(cell_code, %(area)s))
           and (%(departments)s::text[] is null or department = any(%(departments)s))
           and (%(theme)s::text[] is null or category ^@ any(%(theme)s))
         group by 1) c on c.step = r.step
 order by 1;

-- name: categories
-- Incidents by category: reported since an instant, and open now.
select coalesce(r.category, o.category), coalesce(o.n, 0), coalesce(r.n, 0)
  from (select category, count(*) as n from incident
         where reported_at >= %(since)s
           and (%(area)s::text is null or starts_with(cell_code, %(area)s))
           and (%(departments)s::text[] is null or department = any(%(departments)s))
           and (%(theme)s::text[] is null or category ^@ any(%(theme)s))
         group by category) r
  full join (select category, count(*) as n from incident
         where state not in ('closed', 'void')
           and (%(area)s::text is null or starts_with(cell_code, %(area)s))
           and (%(departments)s::text[] is null or department = any(%(departments)s))
           and (%(theme)s::text[] is null or category ^@ any(%(theme)s))
         group by category) o on o.category = r.category
 order by 2 desc, 3 desc, 1;

-- name: departments
-- What each department has before it: open, overdue, and what it finished since an instant.
select d.code, d.name, coalesce(o.open, 0), coalesce(o.overdue, 0), coalesce(h.handled, 0), coalesce(h.in_time, 0)
  from department d
  left join (select department, count(*) as open, count(*) filter (where due_at < now()) as overdue from incident
              where state not in ('closed', 'void')
                and (%(area)s::text is null or starts_with(cell_code, %(area)s))
                and (%(departments)s::text[] is null or department = any(%(departments)s))
                and (%(theme)s::text[] is null or category ^@ any(%(theme)s))
              group by department) o on o.department = d.code
  left join (select department, count(*) as handled,
                    count(*) filter (where due_at is null or coalesce(handled_at, closed_at) <= due_at) as in_time
               from incident
              where closed_at >= %(since)s and state = 'closed'
                and (%(area)s::text is null or starts_with(cell_code, %(area)s))
                and (%(departments)s::text[] is null or department = any(%(departments)s))
                and (%(theme)s::text[] is null or category ^@ any(%(theme)s))
              group by department) h on h.department = d.code
 where %(departments)s::text[] is null or d.code = any(%(departments)s)
 order by 3 desc, 1;

-- name: cells
-- Open incidents by cell number.
select cell, count(*) from incident
 where state not in ('closed', 'void') and cell is not null
   and (%(area)s::text is null or starts_with(cell_code, %(area)s))
   and (%(departments)s::text[] is null or department = any(%(departments)s))
   and (%(theme)s::text[] is null or category ^@ any(%(theme)s))
 group by cell;

-- name: heat
-- Incidents reported by cell number and hour from an instant on.
select cell, floor(extract(epoch from reported_at - %(from)s) / 3600)::int, count(*) from incident
 where reported_at >= %(from)s and reported_at < %(to)s and cell is not null
   and (%(area)s::text is null or starts_with(cell_code, %(area)s))
   and (%(departments)s::text[] is null or department = any(%(departments)s))
   and (%(theme)s::text[] is null or category ^@ any(%(theme)s))
 group by 1, 2;

-- name: response
-- How long each step took that was done since an instant: how many, median and ninth tenth in minutes, in the order of life.
with mine as (
  select first_event_at, opened_at, dispatched_at, accepted_at, handled_at, closed_at, state from incident
   where id in (select id from incident where opened_at >= %(since)s
                union all select id from incident where closed_at >= %(since)s
                union all select id from incident where state in ('dispatched', 'handling', 'suspended', 'handled', 'verifying'))
     and (%(area)s::text is null or starts_with(cell_code, %(area)s))
     and (%(departments)s::text[] is null or department = any(%(departments)s))
     and (%(theme)s::text[] is null or category ^@ any(%(theme)s))),
took as (
  select 1 as place, 'open' as step, opened_at as done, opened_at - first_event_at as took from mine
  union all select 2, 'dispatch', dispatched_at, dispatched_at - opened_at from mine
  union all select 3, 'accept', accepted_at, accepted_at - dispatched_at from mine
  union all select 4, 'handle', handled_at, handled_at - dispatched_at from mine
  union all select 5, 'close', closed_at, closed_at - first_event_at from mine where state = 'closed')
select step, count(*), (extract(epoch from percentile_cont(0.5) within group (order by took)) / 60)::double precision,
       (extract(epoch from percentile_cont(0.9) within group (order by took)) / 60)::double precision
  from took where done >= %(since)s and took >= interval '0' group by place, step order by place;

-- name: machine_kinds
-- Devices by kind: all, heard within these seconds, heard before but silent now, never heard.
select coalesce(d.kind, ''), count(*), count(*) filter (where l.at >= now() - make_interval(secs => %(within)s)),
       count(*) filter (where l.at < now() - make_interval(secs => %(within)s)), count(*) filter (where l.at is null)
  from device d
  left join lateral (select max(at) as at from reading_last r where r.device_id = d.id) l on true
  left join unit_grid g on g.id = d.cell
 where %(area)s::text is null or starts_with(g.code, %(area)s)
 group by 1 order by 2 desc, 1;

-- name: machine_places
-- Where devices stand, WGS-84, and when each was last heard, by code.
select d.code, d.name, coalesce(d.kind, ''), d.lon, d.lat, l.at
  from device d
  left join lateral (select max(at) as at from reading_last r where r.device_id = d.id) l on true
  left join unit_grid g on g.id = d.cell
 where d.lon is not null and d.lat is not null and (%(area)s::text is null or starts_with(g.code, %(area)s))
 order by d.code limit %(at_most)s;

-- name: flow
-- Readings and events taken in since the books began; events and incidents of the last five minutes.
select (select coalesce(sum(readings_in), 0)::bigint from stream_offset),
       (select coalesce(sum(stored), 0)::bigint from stream_offset),
       (select count(*) from event where received_at >= now() - interval '5 minutes'),
       (select count(*) from incident where reported_at >= now() - interval '5 minutes'), now();

-- name: life
-- What happened to an incident, without who did it or what anybody wrote.
select h.at, h.move, h.from_state, h.to_state, h.role, coalesce(h.department, h.data ->> 'department')
  from history h join incident i on i.id = h.incident_id
 where i.number = %(number)s
   and (%(area)s::text is null or starts_with(i.cell_code, %(area)s))
   and (%(departments)s::text[] is null or i.department = any(%(departments)s))
 order by h.seq limit 200;

-- name: behind
-- The incidents a figure counts, the newest first, with how many they are altogether.
select number, state, category, urgent, coalesce(due_at < now() and state not in ('closed', 'void'), false), cell_code, street,
       department, reported_at, due_at, lon, lat, count(*) over ()
  from incident
 where case %(figure)s
         when 'open' then state not in ('closed', 'void')
         when 'overdue' then state not in ('closed', 'void') and due_at < now()
         when 'urgent' then state not in ('closed', 'void') and urgent
         when 'reported_today' then reported_at >= %(since)s
         when 'opened_today' then opened_at >= %(since)s
         when 'handled_today' then handled_at >= %(since)s
         when 'closed_today' then closed_at >= %(since)s and state = 'closed'
         when 'closed_in_time_today' then closed_at >= %(since)s and state = 'closed'
                                          and (due_at is null or coalesce(handled_at, closed_at) <= due_at)
         when 'overdue_today' then due_at >= %(since)s and due_at < least(now(), coalesce(handled_at, closed_at, now()))
         when 'reported_between' then reported_at >= %(from)s and reported_at < %(to)s
         when 'closed_between' then closed_at >= %(from)s and closed_at < %(to)s and state = 'closed'
       end
   and (%(state)s::text is null or state = %(state)s)
   and (%(category)s::text is null or category = %(category)s)
   and (%(of)s::text is null or department = %(of)s)
   and (%(within)s::text is null or starts_with(cell_code, %(within)s))
   and (not %(nowhere)s or cell_code is null)
   and (%(area)s::text is null or starts_with(cell_code, %(area)s))
   and (%(departments)s::text[] is null or department = any(%(departments)s))
   and (%(theme)s::text[] is null or category ^@ any(%(theme)s))
 order by reported_at desc, id desc limit %(at_most)s;
