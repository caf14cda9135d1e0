-- name: sums
-- Every figure of a month by group from the sums; one row a group, in order of codes.
select g.code, array_agg(g.figure), array_agg(g.n), array_agg(g.total)
  from (select case %(group)s when 'all' then '' when 'district' then m.district when 'street' then m.street
                              when 'community' then m.community when 'major' then m.major else m.code end as code,
               r.figure, sum(r.n)::bigint as n, sum(r.total)::bigint as total
          from evaluation_rollup r join evaluation_name m on m.id = r.subject
         where r.edition = %(edition)s and r.month = %(month)s and r.kind = %(kind)s
         group by 1, 2
        having sum(r.n) <> 0) g
 group by g.code
 order by g.code collate "C";

-- name: counted
-- The same from the scores: for some days of a month, or within an area, a category, a department.
select g.code, array_agg(g.figure), array_agg(g.n), array_agg(g.total)
  from (select case %(group)s when 'all' then '' when 'district' then a.district when 'street' then a.street
                              when 'community' then a.community when 'major' then c.major when 'class' then c.code
                              else m.code end as code,
               f.number as figure, count(*) as n,
               sum(case f.sums when 'handling_s' then s.handling_s when 'acceptance_s' then s.acceptance_s
                               when 'satisfaction' then s.satisfaction else 0 end)::bigint as total
          from evaluation_score s
          join evaluation_name a on a.id = s.area
          join evaluation_name c on c.id = s.category
          left join evaluation_name m on m.id = s.subject
          join (select row_number() over () - 1, x.*
                  from unnest(%(at)s::smallint[], %(needs)s::int[], %(bars)s::int[], %(sums)s::text[]) x)
               f(number, at, needs, bars, sums)
            on s.flags & f.needs = f.needs and s.flags & f.bars = 0
           and (s.days >> (5 * f.at)) & 31 between %(first)s and %(last)s
         where s.axis = %(axis)s and (%(subject)s::int is null or s.subject = %(subject)s) and s.month = %(month)s
           and s.born <= %(batch)s and s.died > %(batch)s
           and (%(areas)s::int[] is null or s.area = any(%(areas)s))
           and (%(categories)s::int[] is null or s.category = any(%(categories)s))
         group by 1, 2) g
 group by g.code
 order by g.code collate "C";

-- name: members
-- The incidents a figure counts in a month, in order of their making, each with the day it counts on and as it is now.
select s.incident_id, s.month + ((s.days >> (5 * %(at)s)) & 31)::int - 1 as day,
       case %(sums)s when 'handling_s' then s.handling_s when 'acceptance_s' then s.acceptance_s
                     when 'satisfaction' then s.satisfaction end as value,
       i.number, i.state, c.code as category, i.urgent, a.district, a.street, a.community, i.department, i.reported_at, i.opened_at,
       i.dispatched_at, i.handled_at, i.closed_at, i.due_at
  from evaluation_score s
  join incident i on i.id = s.incident_id
  join evaluation_name a on a.id = s.area
  join evaluation_name c on c.id = s.category
 where s.axis = %(axis)s and (%(subject)s::int is null or s.subject = %(subject)s) and s.month = %(month)s
   and s.born <= %(batch)s and s.died > %(batch)s
   and s.flags & %(needs)s = %(needs)s and s.flags & %(bars)s = 0
   and (s.days >> (5 * %(at)s)) & 31 between %(first)s and %(last)s
   and (%(areas)s::int[] is null or s.area = any(%(areas)s))
   and (%(categories)s::int[] is null or s.category = any(%(categories)s))
   and s.incident_id > %(after)s
 order by s.incident_id
 limit %(most)s;

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
 where kind = 'category'
   and (%(class)s::text is null or code = %(class)s) and (%(major)s::text is null or major = %(major)s);

-- name: subject
-- The number of a department, a post or a person; none: it counted nowhere yet.
select id from evaluation_name where kind = %(kind)s and code = %(code)s;

-- name: area_names
-- What these areas are called in the newest edition of the grid that has them.
select distinct on (code) code, name from grid_area where code = any(%(codes)s) order by code, edition desc;

-- name: department_names
-- What these departments are called.
select code, name from department where code = any(%(codes)s);
