"""One row per file that arrived in bronze; reading it stages its raw rows."""

from collections import defaultdict

from tribolake.labs.rawrows import SheetLayout
from tribolake.lake.arrivals import LEDGER_QUERY, Ledger, new_files, read_arrivals
from tribolake.lake.folder import FolderLake
from tribolake.settings import load_settings


def model(dbt, session):
    dbt.config(materialized="incremental", incremental_strategy="append")
    settings = load_settings()
    ledger = Ledger.of(
        session.execute(LEDGER_QUERY.format(relation=dbt.this)).fetchall() if dbt.is_incremental else []
    )
    layouts = defaultdict(tuple)
    declared = dbt.ref("clients").join(dbt.ref("lab_sheets"), "laboratory").project("client, sheet, key_header")
    for client, sheet, key_header in declared.fetchall():
        layouts[client] += (SheetLayout(sheet, key_header),)
    found = new_files(FolderLake(settings.lake, settings.prefix), ledger)
    return read_arrivals(settings, found, ledger, layouts)
