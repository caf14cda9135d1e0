-- name: get
-- The city this system serves, if it has been told.
select name, region, time_zone from city;

-- name: put
-- Who we are, as told last.
insert into city (name, region, time_zone) values (%(name)s, %(region)s, %(time_zone)s)
    on conflict (only_one) do update
   set name = excluded.name, region = excluded.region, time_zone = excluded.time_zone;

-- name: departments
-- The departments, in order of their codes.
select code, name, parent from department order by code;

-- name: put_department
-- A department as told last.
insert into department (code, name, parent) values (%(code)s, %(name)s, %(parent)s)
    on conflict (code) do update set name = excluded.name, parent = excluded.parent;
