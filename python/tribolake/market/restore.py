"""Fill a new warehouse with what is published, so that tickers that are held back keep it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from tribolake.errors import ContractBroken
from tribolake.lake.bronze import BronzeFile
from tribolake.lake.objects import ObjectNotFound
from tribolake.lake.replicas import open_objects
from tribolake.market.contract import BARS, FEATURES, INDICATORS, PERCENTILES, UNIVERSE
from tribolake.publish.version import silver_file
from tribolake.run.warehouse import open_warehouse, table_exists, transaction
from tribolake.settings import Settings
from tribolake.sql import literal
from tribolake.trace.manifests import current_publication

FILES = {BARS: silver_file(BARS)} | {table: table.file_name for table in (INDICATORS, PERCENTILES, FEATURES)}


def restore_published(settings: Settings, run_id: str, found: Sequence[BronzeFile]) -> None:
    """Create the tables whose rows outlive a rebuild from the published files, if the warehouse has none.

    The build that follows replaces them, and keeps the rows of tickers that are held back. Files that are gone or
    altered restore nothing.
    """
    del run_id, found
    with open_warehouse(settings.warehouse) as warehouse:
        published = open_objects(settings)
        if table_exists(warehouse, *BARS.relation.split(".")):
            return
        publication = current_publication(published, UNIVERSE)
        if publication is None or publication.folder is None:
            return
        with suppress(ObjectNotFound, ContractBroken):
            paths = {
                table: published.fetch(f"{publication.folder}/{name}", publication.sha256_of(name))
                for table, name in FILES.items()
            }
            with transaction(warehouse):
                for table, path in paths.items():
                    schema, _, _ = table.relation.partition(".")
                    rows = f"select *, {literal(UNIVERSE)} as client from read_parquet({literal(path)})"
                    warehouse.execute(f"create schema if not exists {schema}; create table {table.relation} as {rows}")
