-- name: categories
-- Which of these categories an incident was filed under or a component is of; one look into the index each.
select key from unnest(%(keys)s::text[]) key
 where exists (select from incident i where i.category = key)
    or exists (select from component c where c.category = key);

-- name: departments
-- Which of these departments an incident or an account belongs to.
select code from unnest(%(codes)s::text[]) code
 where exists (select from incident i where i.department = code)
    or exists (select from account a where a.department = code);

-- name: conditions
-- Which of these (category, filing condition) something was filed by; only asked of the few a new edition leaves out.
select key, code from unnest(%(keys)s::text[], %(codes)s::text[]) gone(key, code)
 where exists (select from incident i where i.category = key and i.condition = code);
