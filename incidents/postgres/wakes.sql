-- name: due
-- Incidents whose moment to be looked at has come, the longest waiting first, locked; those somebody else holds are his.
select number from incident
 where wake_at <= %(now)s
 order by wake_at
 limit %(most)s
   for update skip locked;

-- name: rest
-- Let an incident that is still due after it was looked at wait a while.
update incident set wake_at = %(until)s where number = %(number)s and wake_at <= %(now)s;

-- name: again
-- Some incidents with a clock that counts working time are to be looked at now; the ids of those, to go on after.
with these as (
  select id from incident
   where id > %(after)s and state not in ('closed', 'void') and (wake_at is null or wake_at > %(now)s)
     and clocks @? '$.* ? (@.state == "running" && (@.limit.unit == "work_hour" || @.limit.unit == "work_day"))'
   order by id
   limit %(most)s
     for update)
update incident i set wake_at = %(now)s from these where i.id = these.id returning i.id;

-- name: provisional
-- How many open incidents have a deadline beyond the confirmed calendar.
select count(*) from incident
 where state not in ('closed', 'void') and clocks @? '$.* ? (@.state == "running" && @.provisional == true)';
