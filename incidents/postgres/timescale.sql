-- name: kind
-- What `reading` is, whether the server could do more, and what it holds (an estimate).
select store_kind(),
       (select extversion from pg_extension where extname = 'timescaledb'),
       (select default_version from pg_available_extensions where name = 'timescaledb'),
       current_setting('timescaledb.license', true),
       (select count(*) from store_parts()),
       (select count(*) from store_parts() where compact);

-- name: switch
-- Turns the plain table into a hypertable: days, rows, and whether days were attached as they stood.
select days, rows, attached from store_to_hypertable();

-- name: preloaded
-- Whether the server was started with the extension.
select current_setting('shared_preload_libraries', true) like '%timescaledb%';
