#!/bin/sh
# Entry of the standby database: copies the primary once, then follows it for good. To promote it:
#   docker compose exec database-standby pg_ctl promote
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    pg_basebackup --host=database --username=standby --slot=standby --write-recovery-conf \
        --wal-method=stream --pgdata="$PGDATA"
    chown -R postgres:postgres "$(dirname "$PGDATA")"
fi
exec docker-entrypoint.sh postgres
