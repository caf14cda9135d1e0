-- What the demo's devices measure, with name and unit; ids that are there stay.
insert into metric (code, name, unit)
select * from unnest(%(codes)s::text[], %(names)s::text[], %(units)s::text[])
    on conflict (code) do update set name = excluded.name, unit = excluded.unit;
