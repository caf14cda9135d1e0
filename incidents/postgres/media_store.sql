-- name: sent_before
-- The photo that this account sent before, wanted again from now on; as what it was taken may change until it is evidence.
update media set offered_at = now(), kind = case when attached then kind else %(kind)s end
 where account = %(account)s and received_sha256 = %(received)s
returning id, account, kind, sha256, size, width, height, made_at, attached, lost_at;

-- name: unattached
-- How many photos of an account belong to nothing yet.
select count(*) from media where account = %(account)s and not attached;

-- name: add
-- A photo whose files are kept already; nothing when the same account sent the same meanwhile.
insert into media (id, account, kind, received_sha256, sha256, size, width, height)
values (%(id)s, %(account)s, %(kind)s, %(received)s, %(sha256)s, %(size)s, %(width)s, %(height)s)
    on conflict (account, received_sha256) do nothing;

-- name: add_taken
-- What the camera wrote; a clock without an offset is read as the city's.
insert into media_taken (media, said, taken_at, lon, lat)
select %(id)s, %(said)s,
       case when %(said)s::text ~ '[+-][0-9]{2}:[0-9]{2}$' then %(said)s::text::timestamptz
            else %(said)s::text::timestamp at time zone coalesce((select time_zone from city), 'Asia/Shanghai') end,
       %(lon)s, %(lat)s;

-- name: found_again
-- Its files are there again.
update media set lost_at = null where id = any(%(ids)s) and lost_at is not null;

-- name: find
-- One photo by its id.
select id, account, kind, sha256, size, width, height, made_at, attached, lost_at from media where id = %(id)s;

-- name: taken
-- What the camera wrote of one photo: for the desk only.
select taken_at, lon, lat from media_taken where media = %(id)s;

-- name: incidents_of
-- The incidents a photo is evidence of, and those they were merged into, newest first.
select number from (
  select incident as number, at from media_use where media = %(id)s
   union all
  select i.merged_into, u.at from media_use u join incident i on i.number = u.incident
   where u.media = %(id)s and i.merged_into is not null) known
 group by number order by max(at) desc;

-- name: of_incident
-- The photos of an incident, and of those merged into it, in the order they came.
select m.id, m.account, m.kind, m.sha256, m.size, m.width, m.height, m.made_at, m.attached, m.lost_at, u.incident, u.stage, u.move, u.by, u.at,
       d.code as device, d.name as device_name
  from media_use u join media m on m.id = u.media
  left join device d on u.move = 'event' and d.code = u.by
 where u.incident in (select %(number)s union all select number from incident where merged_into = %(number)s)
 order by u.at, m.id;

-- name: taken_of_incident
-- What the cameras wrote of an incident's photos, with the incident's own place: for the desk only.
select t.media, t.taken_at, t.lon, t.lat, i.lon, i.lat
  from media_use u join media_taken t on t.media = u.media join incident i on i.number = u.incident
 where u.incident in (select %(number)s union all select number from incident where merged_into = %(number)s);

-- name: own
-- Which of these photos an account sent; none of them can go away until the transaction ends.
select id, kind, lost_at is not null from media where id = any(%(ids)s) and account = %(account)s for key share;

-- name: named_by_events
-- Photos that events name: who sent each, whether that is a machine's account, whether its file is lost; none can go away.
select m.id, m.account, coalesce('ingest' = any(a.scopes), false), m.lost_at is not null
  from media m left join account a on a.name = m.account
 where m.id = any(%(ids)s) order by m.id for key share of m;

-- name: attach_seen
-- Pictures of machines as evidence of an incident, each once and as many as it has room for, in the order the event names
-- them: a camera tells the same trouble again and again. Returns those that found no room.
with fresh as (
  select id, row_number() over (order by array_position(%(ids)s::text[], id)) as place from media m
   where id = any(%(ids)s) and not exists (select from media_use u where u.media = m.id and u.incident = %(number)s)
), room as (
  select %(most)s - count(*) as left from media_use where incident = %(number)s and move = %(move)s
), evidence as (
  update media set attached = true
   where id in (select id from fresh where place <= (select room.left from room)) returning id
), used as (
  insert into media_use (media, incident, stage, move, by, at)
  select id, %(number)s, %(stage)s, %(move)s, %(by)s, %(at)s from evidence
      on conflict (media, incident, stage, move) do nothing
)
select id from fresh where place > (select room.left from room) order by place;

-- name: leave_out
-- An event keeps the note of pictures that it named in vain, once, and has them no more.
update event
   set media = media - %(ids)s::text[],
       raw = jsonb_set(coalesce(raw, '{}'), '{media_left_out}', coalesce(raw -> 'media_left_out', '[]') || %(told)s::jsonb)
 where source = %(source)s and id = %(id)s and media ?| %(ids)s::text[];

-- name: lock_incident
-- Photos that come to an incident at once are counted one after the other.
select from incident where number = %(number)s for no key update;

-- name: photos_of_people
-- How many photos of an incident people brought.
select count(distinct media) from media_use where incident = %(number)s and move <> 'event';

-- name: attach
-- Photos as evidence of an incident; the same said twice is said once.
with evidence as (
  update media set attached = true where id = any(%(ids)s) returning id
)
insert into media_use (media, incident, stage, move, by, at)
select id, %(number)s, %(stage)s, %(move)s, %(by)s, %(at)s from evidence
    on conflict (media, incident, stage, move) do nothing;

-- name: forget_unattached
-- Takes away some photos that belong to nothing and were not sent again since an instant, those of machines since another.
delete from media where id in (
  select m.id from media m left join account a on a.name = m.account
   where not m.attached
     and m.offered_at < case when a.role = 'ingest' then %(of_machines)s::timestamptz else %(before)s::timestamptz end
   order by m.offered_at limit %(most)s for update of m skip locked)
   and not attached
returning id;

-- name: rows_under
-- Photos whose names begin so, with whether they are old enough to be missed.
select id, made_at < %(before)s from media where id >= %(first)s and id < %(last)s;

-- name: missed
-- Photos whose files are gone, as far as is known since now.
update media set lost_at = %(at)s where id = any(%(ids)s) and lost_at is null;

-- name: lost
-- How many photos miss their files.
select count(*) from media where lost_at is not null;
