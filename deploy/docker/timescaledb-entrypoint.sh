#!/bin/sh
# Starts PostgreSQL with TimescaleDB in an image made by scripts/containers/make-images.sh. Reads the variables of the
# public images: POSTGRES_USER (postgres), POSTGRES_PASSWORD (required), POSTGRES_DB (the user's name).
set -eu
version=$(ls /usr/lib/postgresql | sort -n | tail -n 1)
bin=/usr/lib/postgresql/$version/bin
data=${PGDATA:-/var/lib/postgresql/data}
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

mkdir -p "$data" /run/postgresql
chown postgres:postgres "$data" /run/postgresql
chmod 700 "$data"
if [ ! -s "$data/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?POSTGRES_PASSWORD must be set}"
  secret=$(mktemp)
  printf '%s' "$POSTGRES_PASSWORD" > "$secret"
  chown postgres "$secret"
  as_postgres "$bin/initdb" -D "$data" -U "$user" --pwfile="$secret" --auth-host=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 > /dev/null
  rm -f "$secret"
  printf "listen_addresses = '*'\nshared_preload_libraries = 'timescaledb'\ntimescaledb.telemetry_level = off\n" \
    >> "$data/postgresql.conf"
  printf 'host all all all scram-sha-256\n' >> "$data/pg_hba.conf"
  # The database is made before anybody can connect from outside, so that a port that answers is ready.
  as_postgres "$bin/pg_ctl" -D "$data" -w -o "-c listen_addresses=''" start > /dev/null
  [ "$database" = postgres ] || as_postgres "$bin/createdb" -U "$user" "$database"
  as_postgres "$bin/psql" -q -U "$user" -d "$database" -c 'CREATE EXTENSION IF NOT EXISTS timescaledb'
  as_postgres "$bin/pg_ctl" -D "$data" -w -m fast stop > /dev/null
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups "$bin/postgres" -D "$data" "$@"
