"""The schema in Aurora: made by `tribolake market aurora upgrade`, and checked by every run that writes to it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tribolake.libraries import library
from tribolake.market.aurora.connection import AuroraConnection, AuroraUnavailable, url_of
from tribolake.market.aurora.tables import SCHEMA
from tribolake.settings import Settings

# Runs do not need them.
alembic_command = library("alembic.command", "market")
alembic_config = library("alembic.config", "market")

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = ("1",)  # of the migrations, the oldest first
UPGRADE = "`tribolake market aurora upgrade`"
MISSING = f"Aurora has no schema {SCHEMA} yet: {UPGRADE} makes it"
OLDER = f"the schema {SCHEMA} in Aurora is version {{found}}, and this release writes version {{ours}}: {UPGRADE}"
NEWER = (
    f"the schema {SCHEMA} in Aurora is version {{found}}, which a later release of tribolake made: install that release"
)
BUSY = "another upgrade of Aurora has not ended within {seconds:g} s: try again"
LOCK = 0x7472_6962_6F6C  # of PostgreSQL, a number


def require_schema(connection: sa.Connection) -> None:
    """Check that the schema is that of this release.

    Raises:
        AuroraUnavailable: it is missing, older or newer.
    """
    found = schema_version(connection)
    if found is None:
        raise AuroraUnavailable(MISSING)
    if found not in REVISIONS:
        raise AuroraUnavailable(NEWER.format(found=found))
    if found != REVISIONS[-1]:
        raise AuroraUnavailable(OLDER.format(found=found, ours=REVISIONS[-1]))


def schema_version(connection: sa.Connection) -> str | None:
    """Return the version of the schema. None if there is no schema."""
    if not sa.inspect(connection).has_table("alembic_version", schema=SCHEMA):
        return None
    version: str | None = connection.scalar(
        sa.select(sa.column("version_num")).select_from(sa.table("alembic_version", schema=SCHEMA))
    )
    return version


def upgrade(settings: Settings) -> tuple[str | None, str]:
    """Bring the schema to the version of this release. A second one that is started meanwhile waits.

    Returns:
        The version before, None if there was no schema, and the version now.

    Raises:
        AuroraUnavailable: Aurora cannot be used, or a later release made the schema.
    """
    aurora = AuroraConnection(settings)
    try:
        with aurora.transaction() as connection:
            _lock(connection, settings.market.sink_seconds)
            before = schema_version(connection)
            if before is not None and before not in REVISIONS:
                raise AuroraUnavailable(NEWER.format(found=before))
            if not sa.inspect(connection).has_schema(SCHEMA):
                connection.execute(sa.schema.CreateSchema(SCHEMA))
            config = _config()
            config.attributes["connection"] = connection
            alembic_command.upgrade(config, "head")
            return before, REVISIONS[-1]
    finally:
        aurora.close()


def upgrade_sql(settings: Settings) -> str:
    """Return the statements that make the schema in an empty database. Nothing is connected to."""
    written = StringIO()
    config = _config(written)
    config.attributes["dialect"] = url_of(settings).get_backend_name()
    alembic_command.upgrade(config, "head", sql=True)
    return written.getvalue()


def _config(output: StringIO | None = None) -> Any:
    config = alembic_config.Config(output_buffer=output)
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _lock(connection: sa.Connection, seconds: float) -> None:
    """Wait for the lock of upgrades. It is given back after the commit, or else the next one would not see the version.

    PostgreSQL gives it back with the transaction. DDL of MySQL ends transactions, so there it is the connection's.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    elif connection.scalar(sa.select(sa.func.get_lock(SCHEMA, seconds))) != 1:
        raise AuroraUnavailable(BUSY.format(seconds=seconds))
