-- name: guard
-- One batch, closing or rebuilding at a time.
select pg_advisory_xact_lock(hashtextextended('evaluation', 0));

-- name: state
-- How far the scores are.
select batch, nullif(looked_at, '-infinity'), book, daily = batch from evaluation_state;

-- name: advance
-- One more batch was made.
update evaluation_state set batch = %(batch)s, daily = %(batch)s, book = %(book)s::jsonb;

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
-- Their histories, oldest line first, each with the seat its maker sat on by the roster.
select h.incident_id, h.at, h.move, h.by, h.role, h.department, h.to_state, h.data,
       (select 'post:' || d.post from account a join duty d on d.account = a.id
         where a.name = h.by and d.role = h.role and d.begins <= h.at and d.ends > h.at and d.post is not null
         order by d.begins desc, d.id desc limit 1)
  from history h
 where h.incident_id = any(%(ids)s)
 order by h.incident_id, h.seq;

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

-- name: places
-- Every area and class there is.
select id from evaluation_name where kind in ('area', 'class');

-- name: lies_in
-- In which district, street and community these areas lie, and in which major these classes.
select a.id, array[d.id, s.id, c.id, m.id]
  from evaluation_name a
  left join evaluation_name d on a.kind = 'area' and d.kind = 'district' and d.code = a.district
  left join evaluation_name s on a.kind = 'area' and s.kind = 'street' and s.code = a.street
  left join evaluation_name c on a.kind = 'area' and c.kind = 'community' and c.code = a.community
  left join evaluation_name m on a.kind = 'class' and m.kind = 'major' and m.code = a.major
 where a.id = any(%(ids)s);

-- name: standing
-- The scores these incidents have.
select incident_id, axis, subject, month, area, category, days, flags, handling_s, acceptance_s, satisfaction, born
  from evaluation_score
 where incident_id = any(%(ids)s) and died = 2147483647;

-- name: put
-- New scores.
copy evaluation_score (incident_id, axis, subject, month, area, category, days, flags, handling_s, acceptance_s, satisfaction,
                       born) from stdin;

-- name: keep_gone
-- Scores taken back that a closed month counted are marked ...
update evaluation_score s set died = %(batch)s
  from unnest(%(ids)s::bigint[], %(axes)s::smallint[], %(subjects)s::int[], %(months)s::date[], %(borns)s::int[])
       g(incident_id, axis, subject, month, born)
 where s.incident_id = g.incident_id and s.axis = g.axis and s.subject = g.subject and s.month = g.month and s.born = g.born
   and exists (select from evaluation_edition e where e.month = g.month and e.batch >= g.born);

-- name: drop_gone
-- ... the others are gone.
delete from evaluation_score s
 using unnest(%(ids)s::bigint[], %(axes)s::smallint[], %(subjects)s::int[], %(months)s::date[], %(borns)s::int[])
       g(incident_id, axis, subject, month, born)
 where s.incident_id = g.incident_id and s.axis = g.axis and s.subject = g.subject and s.month = g.month and s.born = g.born
   and s.died = 2147483647;

-- name: move_sums
-- The sums as things stand now, moved by these differences.
insert into evaluation_rollup as r (edition, month, kind, subject, sums)
select 0, month, kind, subject, sums::bigint[]
  from unnest(%(months)s::date[], %(kinds)s::smallint[], %(subjects)s::int[], %(sums)s::text[]) d(month, kind, subject, sums)
 order by month, kind, subject
    on conflict (edition, month, kind, subject) do update set sums = evaluation_plus(r.sums, excluded.sums);

-- name: move_days
-- The same for the sums of days.
insert into evaluation_day as r (edition, day, kind, subject, sums)
select 0, day, kind, subject, sums::bigint[]
  from unnest(%(days)s::date[], %(kinds)s::smallint[], %(subjects)s::int[], %(sums)s::text[]) d(day, kind, subject, sums)
 order by kind, day, subject
    on conflict (edition, kind, day, subject) do update set sums = evaluation_plus(r.sums, excluded.sums);

-- name: forget_sums
-- The sums as things stand now, before they are made again ...
delete from evaluation_rollup where edition = 0;

-- name: forget_days
-- ... and those of days.
delete from evaluation_day where edition = 0;

-- name: patterns
-- All that stands now by subject and pattern, month by month, for making the sums again.
select axis, subject, month, case axis when 0 then area end, case axis when 0 then category end, flags, days, count(*),
       sum(handling_s)::bigint, sum(acceptance_s)::bigint, sum(satisfaction)::bigint
  from evaluation_score where died = 2147483647
 group by 1, 2, 3, 4, 5, 6, 7
 order by month;

-- name: keep_counted
-- Scores that a closed month counted are marked as taken back ...
update evaluation_score s set died = %(batch)s
 where died = 2147483647 and exists (select from evaluation_edition e where e.month = s.month and e.batch >= s.born);

-- name: forget_scores
-- ... and all others are gone, before every incident is scored anew.
delete from evaluation_score where died = 2147483647;

-- name: editions
-- The editions of a month, or of all, the newest first.
select id, month, number, batch, author, made_at, reason, book, daily
  from evaluation_edition
 where %(month)s::date is null or month = %(month)s
 order by month desc, number desc;

-- name: close
-- A month's edition.
insert into evaluation_edition (month, number, batch, author, made_at, reason, book, daily)
select %(month)s, coalesce(max(number), 0) + 1, %(batch)s, %(author)s, %(at)s, %(reason)s, %(book)s::jsonb, true
  from evaluation_edition where month = %(month)s
returning id, month, number, batch, author, made_at, reason, book, daily;

-- name: close_sums
-- Its sums: those of now.
insert into evaluation_rollup (edition, month, kind, subject, sums)
select %(edition)s, month, kind, subject, sums
  from evaluation_rollup where edition = 0 and month = %(month)s and 0 <> any(sums);

-- name: close_days
-- And those of its days.
insert into evaluation_day (edition, day, kind, subject, sums)
select %(edition)s, day, kind, subject, sums
  from evaluation_day
 where edition = 0 and kind = any(%(kinds)s) and day between %(month)s and %(month)s + interval '1 month -1 day'
   and 0 <> any(sums);

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
