-- Facilities 部件 as the demo describes them, each as told last.
insert into component (code, category, name, lon, lat, cell_code)
select * from unnest(%(codes)s::text[], %(categories)s::text[], %(names)s::text[], %(lons)s::float8[],
                     %(lats)s::float8[], %(cells)s::text[])
    on conflict (code) do update
   set category = excluded.category, name = excluded.name, lon = excluded.lon, lat = excluded.lat,
       cell_code = excluded.cell_code;
