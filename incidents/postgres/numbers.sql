-- name: take
-- The next number of a region's day, null once the day's 99,999 are used up.
select incident_number(%(region)s, %(day)s);

-- name: take_several
-- The next so many numbers of a region's day, as where they begin and the last of them; nothing when not so many are left.
insert into incident_counter (region, day, last) values (%(region)s, %(day)s, %(wanted)s)
    on conflict (region, day) do update set last = incident_counter.last + excluded.last
 where incident_counter.last + excluded.last <= 99999
returning region || to_char(day, 'YYYYMMDD'), last;
