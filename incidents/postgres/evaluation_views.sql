-- name: sums
-- The sums of a month by code, from one code on, in order of codes.
select coalesce(m.code, ''), r.sums
  from evaluation_rollup r left join evaluation_name m on m.id = r.subject
 where r.edition = %(edition)s and r.month = %(month)s and r.kind = %(kind)s and 0 <> any(r.sums)
   and (%(after)s::text is null or coalesce(m.code, '') collate "C" > %(after)s)
 order by coalesce(m.code, '') collate "C"
 limit %(most)s;

-- name: day_page
-- Who has anything on some days, from one code on, in order of codes.
select d.subject, coalesce(m.code, '')
  from (select distinct subject from evaluation_day
         where edition = %(edition)s and kind = %(kind)s and day between %(first)s and %(last)s and 0 <> any(sums)) d
  left join evaluation_name m on m.id = d.subject
 where %(after)s::text is null or coalesce(m.code, '') collate "C" > %(after)s
 order by coalesce(m.code, '') collate "C"
 limit %(most)s;

-- name: day_sums
-- The sums of the days from one to another of these, to be added up by who asks: that is faster than here.
select subject, sums from evaluation_day
 where edition = %(edition)s and kind = %(kind)s and day between %(begin)s and %(end)s and subject = any(%(subjects)s);

-- name: month_sums
-- The sums of the month of these.
select subject, sums from evaluation_rollup
 where edition = %(edition)s and month = %(month)s and kind = %(kind)s and subject = any(%(subjects)s);

-- name: patterns
-- The scores of a part of the city, or of some days of a month that have no sums, by group and pattern: flags and the moments that fell.
-- Grouped by what is asked for and nothing finer: of a million scores some thousand rows are left.
select coalesce(g.code, m.code), g.flags, g.moments, g.n, g.handling_s, g.acceptance_s, g.satisfaction
  from (select case %(group)s when 'all' then '' when 'district' then a.district when 'street' then a.street
                              when 'community' then a.community when 'major' then c.major when 'class' then c.code end as code,
               case when %(group)s in ('department', 'post', 'person') then s.subject end as subject,
               s.flags, evaluation_fell(s.days, %(first)s, %(last)s) as moments, count(*) as n,
               sum(s.handling_s)::bigint as handling_s, sum(s.acceptance_s)::bigint as acceptance_s,
               sum(s.satisfaction)::bigint as satisfaction
          from evaluation_score s
          left join evaluation_name a on a.id = s.area
          left join evaluation_name c on c.id = s.category
         where s.axis = %(axis)s and (%(subject)s::int is null or s.subject = %(subject)s) and s.month = %(month)s
           and s.born <= %(batch)s and s.died > %(batch)s
           and (%(areas)s::int[] is null or s.area = any(%(areas)s))
           and (%(categories)s::int[] is null or s.category = any(%(categories)s))
           and evaluation_fell(s.days, %(first)s, %(last)s) <> 0
         group by 1, 2, 3, 4) g
  left join evaluation_name m on m.id = g.subject;

-- name: in_order
-- For this transaction: along the key instead of finding all and sorting. How rare a figure is no statistics tell, and a
-- page of a large subject would cost as much as the whole.
select set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true);

-- name: members
-- The incidents a figure counts in a month, in order of their making, each with the day it counts on and as it is now.
with counted as materialized (
  select s.incident_id, s.month, s.area, s.category, (s.days >> (5 * %(at)s)) & 31 as day,
         case %(sums)s when 'handling_s' then s.handling_s when 'acceptance_s' then s.acceptance_s
                       when 'satisfaction' then s.satisfaction end as value
    from evaluation_score s
   where s.axis = %(axis)s and (%(subject)s::int is null or s.subject = %(subject)s) and s.month = %(month)s
     and s.born <= %(batch)s and s.died > %(batch)s
     and s.flags & %(needs)s = %(needs)s and s.flags & %(bars)s = 0
     and (s.days >> (5 * %(at)s)) & 31 between %(first)s and %(last)s
     and (%(areas)s::int[] is null or s.area = any(%(areas)s))
     and (%(categories)s::int[] is null or s.category = any(%(categories)s))
     and s.incident_id > %(after)s
   order by s.incident_id
   limit %(most)s)
select s.incident_id, s.month + s.day::int - 1 as day, s.value, i.number, i.state, c.code as category, i.urgent, a.district,
       a.street, a.community, i.department, i.reported_at, i.opened_at, i.dispatched_at, i.handled_at, i.closed_at, i.due_at
  from counted s
  join incident i on i.id = s.incident_id
  join evaluation_name a on a.id = s.area
  join evaluation_name c on c.id = s.category
 order by s.incident_id;

-- name: areas
-- The numbers of the areas that lie in these, whole codes; `within` is a prefix the asker may not look beyond.
select coalesce(array_agg(id), '{}') from evaluation_name
 where kind = 'area'
   and (%(district)s::text is null or district = %(district)s)
   and (%(street)s::text is null or street = %(street)s)
   and (%(community)s::text is null or community = %(community)s)
   and (%(within)s::text is null or starts_with(community, %(within)s));

-- name: categories
-- The numbers of the categories of a class or a major.
select coalesce(array_agg(id), '{}') from evaluation_name
 where kind = 'class'
   and (%(class)s::text is null or code = %(class)s) and (%(major)s::text is null or major = %(major)s);

-- name: subject
-- The number of a department, a post or a person; none: it counted nowhere yet.
select id from evaluation_name where kind = %(kind)s and code = %(code)s;

-- name: area_names
-- What these areas are called in the newest edition of the grid that has them.
select distinct on (code) code, name from grid_area where code = any(%(codes)s) order by code, edition desc;

-- name: post_names
-- What seats are called, of these codes.
select 'post:' || code, name from post where 'post:' || code = any(%(codes)s);

-- name: department_names
-- What these departments are called.
select code, name from department where code = any(%(codes)s);
