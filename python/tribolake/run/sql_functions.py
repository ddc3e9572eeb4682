"""Functions that the models' SQL has beyond DuckDB's own; profiles.yml names this module as a plugin of dbt-duckdb."""

from __future__ import annotations

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from tribolake.readers.names import normal_form, plain_spelling


class Plugin(BasePlugin):
    """Adds the functions to each connection that dbt opens."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Add the forms in which spellings of one name are equal. Python does it for the reader."""
        conn.create_function("normal_form", normal_form, ["VARCHAR"], "VARCHAR")
        conn.create_function("plain_spelling", plain_spelling, ["VARCHAR"], "VARCHAR")
