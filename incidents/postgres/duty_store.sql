-- name: on_duty
-- Everybody of a role on duty at an instant whose duty covers a cell, each once, with his position and open tasks.
with here as (
  select u.responsible from unit_grid u join grid_edition e on e.id = u.edition
   where u.code = %(cell)s and u.responsible is not null
     and e.holds_from <= (%(at)s::timestamptz at time zone coalesce((select time_zone from city), 'UTC'))::date
   order by e.holds_from desc limit 1),
on_now as (
  select d.account, min(d.begins) as begins, (array_agg(d.area order by length(d.area) nulls first, d.area))[1] as area,
         coalesce(array_agg(distinct g order by g) filter (where g is not null), '{}') as responsible
    from duty d left join lateral unnest(d.responsible) g on true
   where d.role = %(role)s and d.begins <= %(at)s and %(at)s < d.ends
     and (d.area is null or starts_with(%(cell)s::text, d.area))
   group by d.account),
tasks as (
  select i.inspector, count(*)::int as n from incident i
   where i.state in ('confirming', 'verifying') and i.inspector is not null group by i.inspector)
select a.name as account, %(role)s::text as role, o.area, o.responsible, p.lon, p.lat,
       coalesce(t.n, 0) as tasks, coalesce((select responsible from here) = any(o.responsible), false) as here
  from on_now o
  join account a on a.id = o.account and a.active
  left join duty_position p on p.account = o.account and p.at >= o.begins
  left join tasks t on t.inspector = a.name
 order by a.name collate "C";

-- name: listed
-- Duties that hold at some instant of a window, with who, where he was told last, and what he has in hand.
select d.id, a.name as account, d.role, d.department, d.area, d.responsible, d.post, o.name as post_name,
       d.begins, d.ends, d.planned_by,
       case when d.begins <= %(now)s and %(now)s < d.ends and p.at >= d.begins then p.at end as position_at,
       case when d.begins <= %(now)s and %(now)s < d.ends and p.at >= d.begins then p.lon end as lon,
       case when d.begins <= %(now)s and %(now)s < d.ends and p.at >= d.begins then p.lat end as lat,
       coalesce(t.n, 0) as tasks
  from duty d
  join account a on a.id = d.account and a.active
  left join (select i.inspector, count(*)::int as n from incident i
              where i.state in ('confirming', 'verifying') and i.inspector is not null group by i.inspector) t
    on t.inspector = a.name
  left join post o on o.code = d.post
  left join duty_position p on p.account = a.id
 where d.begins < %(until)s and d.ends > %(since)s
   and (%(role)s::text is null or d.role = %(role)s)
   and (%(area)s::text is null or d.area is null or starts_with(d.area, %(area)s) or starts_with(%(area)s, d.area))
   and (%(account)s::text is null or a.name = %(account)s)
 order by d.begins, d.role, a.name, d.id
 limit %(most)s;

-- name: people
-- Everybody with a role, and the further ones; ingest and wall are machines.
select a.name, a.role, a.department, a.area, a.active,
       coalesce((select jsonb_agg(jsonb_build_object('role', r.role, 'department', r.department, 'area', r.area)
                                  order by r.role, r.department, r.area)
                   from account_role r where r.account = a.id), '[]') as further,
       exists (select from duty d where d.account = a.id and d.begins <= %(now)s and %(now)s < d.ends) as on_duty
  from account a
 where a.role not in ('ingest', 'wall')
   and (%(name)s::text is null or a.name = %(name)s)
 order by a.name;

-- name: further_roles
-- The further roles of an active account, in a fixed order.
select r.role, r.department, r.area from account_role r join account a on a.id = r.account
 where a.name = %(name)s and a.active order by r.role, r.area nulls first, r.department;

-- name: account_id
-- The number of an active account, its row locked: its roles are changed by one at a time.
select id from account where name = %(name)s and active for no key update;

-- name: drop_roles
-- Before a person's further roles are given anew.
delete from account_role where account = %(account)s;

-- name: give_role
-- One further role.
insert into account_role (account, role, department, area, given_by)
values (%(account)s, %(role)s, %(department)s, %(area)s, %(by)s);

-- name: posts
-- All posts, in order of their codes.
select code, name, role, department, area, active from post order by code;

-- name: put_post
-- A post, new or changed.
insert into post (code, name, role, department, area, active)
values (%(code)s, %(name)s, %(role)s, %(department)s, %(area)s, %(active)s)
    on conflict (code) do update set name = excluded.name, role = excluded.role, department = excluded.department,
                                     area = excluded.area, active = excluded.active;

-- name: grids
-- Which of these responsible grids there are, in any edition.
select distinct code from grid_area where level = 'responsible' and code = any(%(codes)s);

-- name: guard
-- One change of the roster at a time.
select pg_advisory_xact_lock(hashtextextended('duty', 0));

-- name: plan
-- One duty; the same again is kept once, another that begins at the same instant in the same role and area is not.
insert into duty (account, role, department, area, responsible, post, begins, ends, planned_by)
select a.id, %(role)s, %(department)s, %(area)s, %(responsible)s, %(post)s, %(begins)s, %(ends)s, %(by)s
  from account a where a.name = %(account)s
    on conflict (account, role, begins, coalesce(area, '')) do update set ends = duty.ends
 where duty.ends = excluded.ends and duty.responsible = excluded.responsible
   and duty.post is not distinct from excluded.post
returning id;

-- name: unplan
-- Duties of a window that have not begun, in a role and within an area; what has begun stays.
delete from duty
 where begins >= greatest(%(since)s, %(now)s::timestamptz + interval '1 microsecond') and begins < %(until)s
   and (%(role)s::text is null or role = %(role)s)
   and (%(area)s::text is null or starts_with(area, %(area)s));

-- name: duty
-- One duty with its person, locked while it is ended.
select d.id, a.name, d.role, d.area, d.begins, d.ends from duty d join account a on a.id = d.account
 where d.id = %(id)s for update of d;

-- name: shorten
-- A duty ends at another time: one that runs may end now.
update duty set ends = %(at)s where id = %(id)s;

-- name: cancel
-- A duty that has not begun is no more.
delete from duty where id = %(id)s;

-- name: tell_position
-- The newest position of somebody on duty in a role; nothing where he is not.
insert into duty_position (account, at, lon, lat, accuracy_m)
select a.id, %(at)s, %(lon)s, %(lat)s, %(accuracy)s from account a
 where a.name = %(account)s and a.active
   and exists (select from duty d where d.account = a.id and d.role = %(role)s
                and d.begins <= %(at)s and %(now)s < d.ends)
    on conflict (account) do update
   set at = greatest(duty_position.at, excluded.at),
       lon = case when excluded.at >= duty_position.at then excluded.lon else duty_position.lon end,
       lat = case when excluded.at >= duty_position.at then excluded.lat else duty_position.lat end,
       accuracy_m = case when excluded.at >= duty_position.at then excluded.accuracy_m else duty_position.accuracy_m end
returning at;

-- name: forget_positions
-- Positions of those no longer on duty are deleted.
delete from duty_position p
 where not exists (select from duty d where d.account = p.account and d.begins <= %(now)s and %(now)s < d.ends);
