-- name: keep_components
-- Components as a layer has them now; one that is known already takes the layer's word. None is ever deleted:
-- devices and incidents refer to them, and one that is gone says so in its state.
insert into component (code, category, name, responsible_body, owner, maintainer, lon, lat, cell_code, state)
select * from unnest(%(codes)s::text[], %(categories)s::text[], %(names)s::text[], %(responsible)s::text[],
                     %(owners)s::text[], %(maintainers)s::text[], %(lons)s::float8[], %(lats)s::float8[],
                     %(cells)s::text[], %(states)s::text[])
    on conflict (code) do update set category = excluded.category, name = excluded.name,
       responsible_body = excluded.responsible_body, owner = excluded.owner, maintainer = excluded.maintainer,
       lon = excluded.lon, lat = excluded.lat, cell_code = excluded.cell_code, state = excluded.state;
