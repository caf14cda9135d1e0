"""Alembic's door: runs the steps on the connection that migrate.py hands over, or prints them."""

from alembic import context

from incidents.postgres.migrate import VERSION_TABLE

if context.is_offline_mode():
    context.configure(
        dialect_name="postgresql", version_table=VERSION_TABLE, transactional_ddl=True
    )
else:
    context.configure(
        connection=context.config.attributes["connection"],
        version_table=VERSION_TABLE,
        transaction_per_migration=True,
    )

with context.begin_transaction():
    context.run_migrations()
