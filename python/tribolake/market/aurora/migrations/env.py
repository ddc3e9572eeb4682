"""Carry out migrations: Alembic runs this file. `schema.py` gives it a connection, or a dialect to write SQL for."""

from alembic import context

from tribolake.market.aurora.tables import SCHEMA

attributes = context.config.attributes
if context.is_offline_mode():
    context.configure(
        dialect_name=attributes["dialect"],
        dialect_opts={"paramstyle": "named"},
        literal_binds=True,
        version_table_schema=SCHEMA,
    )
else:
    context.configure(connection=attributes["connection"], version_table_schema=SCHEMA)
with context.begin_transaction():
    if context.is_offline_mode():
        context.execute(f"create schema if not exists {SCHEMA}")
    context.run_migrations()
