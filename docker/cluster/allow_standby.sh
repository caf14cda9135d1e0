#!/bin/sh
# Run once by the database image on a fresh primary: a role and a slot for the standby to follow with.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set password="$YIWANG_REPLICATION_PASSWORD" <<'SQL'
CREATE ROLE standby REPLICATION LOGIN PASSWORD :'password';
SELECT pg_create_physical_replication_slot('standby');
SQL
echo "host replication standby all scram-sha-256" >>"$PGDATA/pg_hba.conf"
