-- name: guard
-- One batch, closing or rebuilding at a time.
select pg_advisory_xact_lock(hashtextextended('evaluation', 0));

-- name: state
-- How far the scores are.
select batch, nullif(looked_at, '-infinity'), book from evaluation_state;

-- name: advance
-- One more batch was made.
update evaluation_state set batch = %(batch)s, book = %(book)s::jsonb;

-- name: note_overdue
-- Incidents whose deadline passed since we last looked are scored again though nobody touched them.
insert into evaluation_due
select i.id from evaluation_state s join incident i on i.due_at > s.looked_at and i.due_at <= %(now)s
 where i.state not in ('closed', 'void');

-- name: looked
-- Deadlines up to this moment have been looked for; a clock behind another's takes nothing back.
update evaluation_state set looked_at = greatest(looked_at, %(now)s);

-- name: note_all
-- Every incident is to be scored anew.
insert into evaluation_due select id from incident;

-- name: take
-- Some of the incidents to be scored, each once; what is added meanwhile stays for the next batch.
with waiting as (select ctid as place from evaluation_due limit %(most)s),
     taken as (delete from evaluation_due d using waiting w where d.ctid = w.place returning d.incident_id)
select distinct incident_id from taken order by 1;

-- name: cases
-- What is evaluated of these incidents themselves.
select i.id, i.state, i.due_at, i.merged_into is not null,
       coalesce(jsonb_typeof(i.reporter) = 'object', false), coalesce(i.appeal ->> 'outcome' = 'upheld', false),
       coalesce(i.district, ''), coalesce(i.street, ''), coalesce(i.community, ''), i.category
  from incident i
 where i.id = any(%(ids)s);

-- name: steps
-- Their histories, oldest line first.
select incident_id, at, move, by, role, department, to_state, data
  from history
 where incident_id = any(%(ids)s)
 order by incident_id, seq;

-- name: names
-- The numbers of these names, where they have one.
select n.kind, n.code, n.id
  from unnest(%(kinds)s::text[], %(codes)s::text[]) g(kind, code) join evaluation_name n using (kind, code);

-- name: name
-- Names that have no number yet.
insert into evaluation_name (kind, code, district, street, community, major)
select * from unnest(%(kinds)s::text[], %(codes)s::text[], %(districts)s::text[], %(streets)s::text[],
                     %(communities)s::text[], %(majors)s::text[])
    on conflict (kind, code) do nothing;

-- name: apply
-- Puts the scores of these incidents in the place of what they had, where they differ, and moves the sums by the difference.
-- What a closed month's edition counted stays, marked as taken back.
with given as materialized (
  select * from unnest(%(incident_ids)s::bigint[], %(axes)s::smallint[], %(subjects)s::int[], %(months)s::date[],
                       %(areas)s::int[], %(categories)s::int[], %(days)s::bigint[], %(flags)s::int[],
                       %(handling)s::int[], %(acceptance)s::int[], %(satisfaction)s::smallint[])
         g(incident_id, axis, subject, month, area, category, days, flags, handling_s, acceptance_s, satisfaction)),
standing as materialized (
  select incident_id, axis, subject, month, area, category, days, flags, handling_s, acceptance_s, satisfaction, born
    from evaluation_score
   where incident_id = any(%(ids)s::bigint[]) and died = 2147483647),
fresh as materialized (
  select * from given g where not exists (
    select from standing s where s.incident_id = g.incident_id and s.axis = g.axis and s.subject = g.subject
       and s.month = g.month and s.area = g.area and s.category = g.category and s.days = g.days and s.flags = g.flags
       and s.handling_s = g.handling_s and s.acceptance_s = g.acceptance_s and s.satisfaction = g.satisfaction)),
gone as materialized (
  select * from standing s where not exists (
    select from given g where s.incident_id = g.incident_id and s.axis = g.axis and s.subject = g.subject
       and s.month = g.month and s.area = g.area and s.category = g.category and s.days = g.days and s.flags = g.flags
       and s.handling_s = g.handling_s and s.acceptance_s = g.acceptance_s and s.satisfaction = g.satisfaction)),
moved as (
  select -1 as sign, axis, subject, month, area, category, days, flags, handling_s, acceptance_s, satisfaction from gone
  union all
  select 1, axis, subject, month, area, category, days, flags, handling_s, acceptance_s, satisfaction from fresh),
figure as (
  select row_number() over () - 1 as number, f.*
    from unnest(%(at)s::smallint[], %(needs)s::int[], %(bars)s::int[], %(sums)s::text[]) f(at, needs, bars, sums)),
summed as (
  select m.month, k.kind, k.subject, f.number, sum(m.sign) as n,
         sum(m.sign * case f.sums when 'handling_s' then m.handling_s when 'acceptance_s' then m.acceptance_s
                                  when 'satisfaction' then m.satisfaction else 0 end) as total
    from moved m
    join figure f on m.flags & f.needs = f.needs and m.flags & f.bars = 0 and (m.days >> (5 * f.at)) & 31 <> 0
   cross join lateral (select 0, m.area where m.axis = 0 union all select 1, m.category where m.axis = 0
                       union all select m.axis + 1, m.subject where m.axis > 0) k(kind, subject)
   group by 1, 2, 3, 4
  having sum(m.sign) <> 0 or sum(m.sign * case f.sums when 'handling_s' then m.handling_s
                                                     when 'acceptance_s' then m.acceptance_s
                                                     when 'satisfaction' then m.satisfaction else 0 end) <> 0),
rolled as (
  insert into evaluation_rollup as r (edition, month, kind, subject, figure, n, total)
  select 0, month, kind, subject, number, n, total from summed
      on conflict (edition, month, kind, subject, figure)
      do update set n = r.n + excluded.n, total = r.total + excluded.total),
kept as (
  update evaluation_score s set died = %(batch)s
    from gone g
   where s.incident_id = g.incident_id and s.axis = g.axis and s.subject = g.subject and s.month = g.month and s.born = g.born
     and exists (select from evaluation_edition e where e.month = g.month and e.batch >= g.born)),
dropped as (
  delete from evaluation_score s
   using gone g
   where s.incident_id = g.incident_id and s.axis = g.axis and s.subject = g.subject and s.month = g.month and s.born = g.born
     and not exists (select from evaluation_edition e where e.month = g.month and e.batch >= g.born))
insert into evaluation_score (incident_id, axis, subject, month, area, category, days, flags, handling_s, acceptance_s,
                              satisfaction, born)
select incident_id, axis, subject, month, area, category, days, flags, handling_s, acceptance_s, satisfaction, %(batch)s
  from fresh;

-- name: forget_sums
-- The sums as things stand now, before they are made again.
delete from evaluation_rollup where edition = 0;

-- name: sum_again
-- The sums as things stand now, from the scores.
insert into evaluation_rollup (edition, month, kind, subject, figure, n, total)
select 0, s.month, k.kind, k.subject, f.number, sum(s.n),
       sum(case f.sums when 'handling_s' then s.handling_s when 'acceptance_s' then s.acceptance_s
                       when 'satisfaction' then s.satisfaction else 0 end)
  from (select axis, subject, month, area, category, days, flags, count(*) as n, sum(handling_s) as handling_s,
               sum(acceptance_s) as acceptance_s, sum(satisfaction) as satisfaction
          from evaluation_score where died = 2147483647 group by 1, 2, 3, 4, 5, 6, 7) s
  join (select row_number() over () - 1, f.*
          from unnest(%(at)s::smallint[], %(needs)s::int[], %(bars)s::int[], %(sums)s::text[]) f)
       f(number, at, needs, bars, sums)
    on s.flags & f.needs = f.needs and s.flags & f.bars = 0 and (s.days >> (5 * f.at)) & 31 <> 0
 cross join lateral (select 0, s.area where s.axis = 0 union all select 1, s.category where s.axis = 0
                     union all select s.axis + 1, s.subject where s.axis > 0) k(kind, subject)
 group by 1, 2, 3, 4, 5;

-- name: keep_counted
-- Scores that a closed month counted are marked as taken back ...
update evaluation_score s set died = %(batch)s
 where died = 2147483647 and exists (select from evaluation_edition e where e.month = s.month and e.batch >= s.born);

-- name: forget_scores
-- ... and all others are gone, before every incident is scored anew.
delete from evaluation_score where died = 2147483647;

-- name: editions
-- The editions of a month, or of all, the newest first.
select id, month, number, batch, author, made_at, reason, book
  from evaluation_edition
 where %(month)s::date is null or month = %(month)s
 order by month desc, number desc;

-- name: close
-- A month's edition.
insert into evaluation_edition (month, number, batch, author, made_at, reason, book)
select %(month)s, coalesce(max(number), 0) + 1, %(batch)s, %(author)s, %(at)s, %(reason)s, %(book)s::jsonb
  from evaluation_edition where month = %(month)s
returning id, month, number, batch, author, made_at, reason, book;

-- name: close_sums
-- Its sums: those of now.
insert into evaluation_rollup (edition, month, kind, subject, figure, n, total)
select %(edition)s, month, kind, subject, figure, n, total
  from evaluation_rollup where edition = 0 and month = %(month)s and (n <> 0 or total <> 0);

-- name: decide
-- Another edition of figures and rates.
insert into decision (kind, holds_from, author, body)
values ('evaluation', clock_timestamp(), %(author)s, %(body)s::jsonb) returning id;

-- name: decided
-- The figures and rates in force; none: the seed's.
select body from decision
 where kind = 'evaluation' and holds_from <= clock_timestamp() order by holds_from desc, id desc limit 1;

-- name: waiting
-- Whether anything is to be scored.
select exists (select from evaluation_due);
