-- name: guard
-- One edition at a time.
select pg_advisory_xact_lock(hashtextextended('grid_edition', 0));

-- name: in_force
-- The edition that holds on a day, null meaning today in the city's time zone.
select id, digest, first_cell, name, holds_from, datum
  from grid_edition
 where holds_from <= coalesce(%(day)s::date,
                              (now() at time zone coalesce((select time_zone from city), 'Asia/Shanghai'))::date)
 order by holds_from desc limit 1;

-- name: editions
-- Every edition, the newest first.
select id, digest, first_cell, name, holds_from, datum from grid_edition order by holds_from desc;

-- name: of_day
-- The edition that begins on exactly this day.
select id, digest, first_cell, name, holds_from, datum from grid_edition where holds_from = %(day)s;

-- name: add_edition
-- A new edition; its cells are numbered behind all that were ever given.
insert into grid_edition (name, holds_from, digest, datum, first_cell, cells)
select %(name)s, %(holds_from)s, %(digest)s, %(datum)s, coalesce(max(first_cell + cells), 1), %(cells)s
  from grid_edition
returning id, first_cell;

-- name: copy_cells
-- The cells of an edition, in order of their codes.
copy unit_grid (id, edition, code, name, community, street, district, responsible, area_m2, lon, lat, polygon)
from stdin (format binary);

-- name: keep_area
-- A district, street, community or responsible grid of an edition; a better name replaces the old one.
insert into grid_area (edition, level, code, name) values (%(edition)s, %(level)s, %(code)s, %(name)s)
    on conflict (edition, level, code) do update set name = excluded.name where grid_area.name <> excluded.name;

-- name: rename_cells
-- New names for cells whose shapes stayed.
update unit_grid u set name = nullif(g.name, '')
  from unnest(%(codes)s::text[], %(names)s::text[]) g (code, name)
 where u.edition = %(edition)s and u.code = g.code and coalesce(u.name, '') <> g.name;

-- name: cells
-- The cells of an edition, in order of their codes.
select code, coalesce(name, ''), responsible, polygon from unit_grid where edition = %(edition)s order by id;

-- name: areas
-- The areas of an edition.
select level, code, name, id from grid_area where edition = %(edition)s order by level, code;
