"""The migrations make the schema that schema.sql shows, once, however many parts ask for it at once."""

import contextlib
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg import sql

from incidents.errors import DatabaseUnfit, Unavailable
from incidents.postgres import migrate
from local.postgres import LocalPostgres

pytestmark = pytest.mark.real

CATALOG = """
select 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || ' ' || a.attnotnull::text || ' ' || a.attidentity::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
  from pg_attribute a join pg_class c on c.oid = a.attrelid
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
 where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped
   and c.relkind in ('r', 'p', 'v') and c.relname !~ '^(reading_[0-9]|schema_version)'
union all
select 'table ' || relname || ' ' || relkind::text || ' ' || coalesce(array_to_string(reloptions, ','), '')
  from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'S')
   and relname !~ '^(reading_[0-9]|schema_version)'
union all
select 'index ' || indexdef from pg_indexes
 where schemaname = 'public' and tablename !~ '^(reading_[0-9]|schema_version)'
union all
select 'constraint ' || conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid)
  from pg_constraint where connamespace = 'public'::regnamespace
   and conrelid::regclass::text !~ '^(reading_[0-9]|schema_version)'
union all
select 'function ' || pg_get_functiondef(p.oid) from pg_proc p
 where pronamespace = 'public'::regnamespace
   and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
union all
select 'trigger ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
union all
select 'row job ' || name || every::text || setting::text from job

"""


@pytest.fixture
def empty_url(postgres_server: LocalPostgres) -> Iterator[str]:
    """A database with nothing in it."""
    with a_database(postgres_server) as url:
        yield url


@contextlib.contextmanager
def a_database(server: LocalPostgres, words: str = "") -> Iterator[str]:
    name = f"bare_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL(f"CREATE DATABASE {{}} {words}").format(sql.Identifier(name)))
        try:
            yield server.url(name)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def catalog(url: str) -> list[str]:
    with psycopg.connect(url) as conn:
        return sorted(row[0] for row in conn.execute(CATALOG))


def test_the_sum_of_the_migrations_is_the_schema_that_schema_sql_shows(
    empty_url: str, database_url: str
) -> None:
    with psycopg.connect(empty_url, autocommit=True) as conn:
        conn.execute((files("incidents.postgres") / "schema.sql").read_bytes())
    assert catalog(database_url) == catalog(empty_url)


def test_parts_that_start_at_once_migrate_once(empty_url: str) -> None:
    with ThreadPoolExecutor(6) as parts:
        said = list(parts.map(migrate.migrate, [empty_url] * 6))
    assert said == [migrate.newest()] * 6
    with migrate.reached(empty_url, "test") as conn:
        assert not migrate.pending(conn)


def test_a_database_without_the_schema_is_told_apart_from_one_that_has_it(empty_url: str) -> None:
    with migrate.reached(empty_url, "test") as conn:
        assert migrate.pending(conn)
        assert migrate.revision(conn) is None


def test_the_days_around_now_are_ready_after_migrating(database_url: str) -> None:
    with migrate.reached(database_url, "test") as conn:
        days = conn.execute(
            "select count(*) from store_parts() where ends > now() - interval '2 days'"
            " and begins <= now() + interval '3 days'"
        ).fetchone()
    assert days is not None
    assert days[0] >= 5


def test_a_schema_newer_than_the_program_is_refused(database_url: str) -> None:
    with migrate.reached(database_url, "test") as conn:
        conn.execute("update schema_version set version_num = '9999'")
    with pytest.raises(DatabaseUnfit, match="9999"):
        migrate.migrate(database_url)


@pytest.mark.parametrize("number", [140_023, 190_000])
def test_a_server_we_do_not_know_is_refused_with_what_to_do(number: int) -> None:
    with pytest.raises(DatabaseUnfit, match=r"15 至 18.*YIWANG_DATABASE_URL"):
        migrate.refuse_version(number)


@pytest.mark.parametrize("number", [150_018, 160_000, 170_009, 180_006])
def test_servers_from_15_to_18_are_welcome(number: int) -> None:
    migrate.refuse_version(number)


def test_a_database_that_does_not_store_utf8_is_refused(postgres_server: LocalPostgres) -> None:
    words = "ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
    with a_database(postgres_server, words) as url, pytest.raises(DatabaseUnfit, match="UTF8"):
        migrate.migrate(url)


def test_a_database_that_is_down_is_one_sentence_without_the_password(free_port: int) -> None:
    with pytest.raises(Unavailable) as refusal:
        migrate.migrate(f"postgresql://yiwang:secret@127.0.0.1:{free_port}/yiwang")
    assert "连不上数据库" in str(refusal.value)
    assert "secret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_table_locked_by_somebody_stops_a_migration_and_leaves_the_database_as_it_was(
    empty_url: str,
) -> None:
    with psycopg.connect(empty_url) as other:
        other.execute("create table schema_version (version_num varchar(32) not null)")
        other.commit()
        other.execute("lock table schema_version in access exclusive mode")
        with pytest.raises(Unavailable):
            migrate.migrate(empty_url)
    with psycopg.connect(empty_url) as conn:
        left = conn.execute("select to_regclass('incident')").fetchone()
    assert left == (None,)


def test_an_administrator_can_read_every_step_before_it_runs(empty_url: str) -> None:
    text = migrate.sql_for_review()
    with psycopg.connect(empty_url, autocommit=True) as conn:
        conn.execute(text.encode())
        assert not migrate.pending(conn)


def test_the_newest_and_the_known_are_what_alembic_reads() -> None:
    scripts = ScriptDirectory.from_config(migrate._config())
    assert migrate.newest() == scripts.get_current_head()
    assert migrate._known() == {step.revision for step in scripts.walk_revisions()}
