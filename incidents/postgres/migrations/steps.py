"""Runs a .sql file as it stands: no placeholder of any library is looked for in it."""

from importlib.resources import files

from alembic import context, op


def run_sql(name: str) -> None:
    """Execute `migrations/versions/<name>` on the bare driver, or print it when SQL was asked for."""
    text = (files("incidents.postgres.migrations") / "versions" / name).read_text(encoding="utf-8")
    migration = context.get_context()
    if migration.as_sql:
        migration.impl.static_output(text)
        return
    bare = op.get_bind().connection.driver_connection
    if bare is None:
        raise RuntimeError("the migration has no connection")
    with bare.cursor() as cursor:
        cursor.execute(text)
