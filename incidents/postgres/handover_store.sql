-- name: leave
-- A hand-over with what of an area is somebody's job at this instant, in one snapshot: counts of all, and the list, the
-- overdue first, then the urgent, then by deadline. Overdue: past the handling deadline and not handled before it; near:
-- past the yellow point; stage_overdue: past the limit of the step it waits for; urged and asked: a 督办 without an answer,
-- an extension or a suspension nobody granted or refused yet.
with unfinished as materialized (
  select i.number, i.state, i.urgent,
         coalesce(i.due_at < least(%(at)s::timestamptz, coalesce(i.handled_at, 'infinity')), false) as overdue,
         coalesce(i.yellow_at < %(at)s and i.due_at >= %(at)s and i.handled_at is null, false) as near,
         coalesce(i.stage_due_at < %(at)s, false) as stage_overdue,
         i.urge is not null as urged, i.asked is not null as asked,
         i.due_at, i.stage, i.category, i.department,
         coalesce(i.cell_code, i.community, i.street, i.district) as area
    from incident i
   where i.state in ('reported', 'confirming', 'open', 'dispatched', 'handling', 'suspended', 'handled', 'verifying')
     and (%(area)s::text is null
          or starts_with(coalesce(i.cell_code, i.community, i.street, i.district, ''), %(area)s)))
insert into handover (role, area, post, left_by, left_at, note, counts, incidents)
select %(role)s, %(area)s, %(post)s, %(by)s, %(at)s, %(note)s,
       jsonb_build_object('open', count(*), 'urgent', count(*) filter (where u.urgent),
                          'overdue', count(*) filter (where u.overdue), 'near', count(*) filter (where u.near),
                          'stage_overdue', count(*) filter (where u.stage_overdue),
                          'urged', count(*) filter (where u.urged), 'asked', count(*) filter (where u.asked),
                          'by_state', (select coalesce(jsonb_object_agg(s.state, s.n), '{}')
                                         from (select state, count(*) as n from unfinished group by state) s)),
       coalesce((select jsonb_agg(to_jsonb(t))
                   from (select * from unfinished o order by o.overdue desc, o.urgent desc, o.due_at nulls last, o.number
                          limit %(most)s) t), '[]')
  from unfinished u
returning id;

-- name: one
-- A hand-over with its whole list.
select id, role, area, post, left_by, left_at, note, counts, incidents, received_by, received_at, received_note
  from handover where id = %(id)s;

-- name: sign
-- Signed once, by another person than the one who leaves.
update handover set received_by = %(by)s, received_at = %(at)s, received_note = %(note)s
 where id = %(id)s and received_by is null and left_by <> %(by)s
returning id;

-- name: several
-- Hand-overs without their lists, the newest first.
select id, role, area, post, left_by, left_at, note, counts, '[]'::jsonb as incidents, received_by, received_at,
       received_note
  from handover
 where (%(before)s::bigint is null or id < %(before)s)
   and (not %(waiting)s or received_by is null)
   and (%(area)s::text is null or starts_with(area, %(area)s))
 order by id desc limit %(most)s;
