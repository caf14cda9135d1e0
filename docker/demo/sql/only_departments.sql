-- Departments nobody has heard of yet and nobody wants: those of the seed, when another city is loaded.
delete from department d
 where not (d.code = any(%(codes)s::text[]))
   and not exists (select from account a where a.department = d.code)
   and not exists (select from incident i where i.department = d.code);
