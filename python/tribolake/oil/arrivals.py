"""List arrivals, failed files and rejected rows, and mark them for another try."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.lake.custody import Custody, lock_machine
from tribolake.oil.product import FAILED_FILES, OIL
from tribolake.run.attempt import keep_status, share_status
from tribolake.run.home import open_custody
from tribolake.run.run_records import last_run
from tribolake.run.warehouse import open_built, open_warehouse, rows_of
from tribolake.settings import Settings

ARRIVALS = """
    select
        client, file_key as file, status, rows_read, rows_loaded, rows_superseded, rows_rejected, message, arrived_at
    from silver.arrival_reconciliation
    where $folders is null or list_contains($folders, client)
    order by arrived_at desc, file_key
"""
REJECTED_ROWS = """
    select
        rejected.client, rejected.file_key as file, rejected.reason, count(*) as rows,
        min(rejected.row_number) as first_row, any_value(reasons.meaning) as meaning
    from silver.rejected_rows as rejected
    inner join seeds.rejection_reasons as reasons on rejected.reason = reasons.reason
    where $folders is null or list_contains($folders, rejected.client)
    group by rejected.client, rejected.file_key, rejected.reason
    order by rejected.client, file, rows desc, rejected.reason
"""


def list_arrivals(settings: Settings, clients: Sequence[str] | None) -> list[dict[str, Any]]:
    """List arrivals with their row counts, the latest first."""
    with open_built(settings, "silver", "rejected_rows") as warehouse:
        return rows_of(warehouse, ARRIVALS, {"folders": _folders(clients)})


def list_failed(settings: Settings, clients: Sequence[str] | None) -> dict[str, list[dict[str, Any]]]:
    """List dead letters: unreadable `files`, and unusable `rows` counted by reason."""
    with open_built(settings, "silver", "rejected_rows") as warehouse:
        folders = _folders(clients)
        files = rows_of(warehouse, FAILED_FILES)
        return {
            "files": [file for file in files if folders is None or file["client"] in folders],
            "rows": rows_of(warehouse, REJECTED_ROWS, {"folders": folders}),
        }


def retry_arrivals(settings: Settings, files: Sequence[str], clients: Sequence[str] | None) -> dict[str, list[str]]:
    """Make the next run read failed files again and check rejected rows again.

    Args:
        settings: the lake.
        files: paths below the lake. An empty list means all failed files and all files with rejected rows.
        clients: only these. None means all.

    Returns:
        `files` to be read again, and files whose `rows` are to be checked again.

    Raises:
        ConfigurationError: a file neither failed nor has rejected rows.
        LakeIsBusy: another run holds the lake.
    """
    with lock_machine(settings):
        custody = open_custody(settings)
        with custody.hold():
            custody.restore()
            return _mark_for_retry(settings, files, clients, custody)


def _mark_for_retry(
    settings: Settings, files: Sequence[str], clients: Sequence[str] | None, custody: Custody
) -> dict[str, list[str]]:
    failed = list_failed(settings, clients)
    known = {kind: {str(found["file"]) for found in failed[kind]} for kind in ("files", "rows")}
    unknown = sorted(set(files) - known["files"] - known["rows"])
    if unknown:
        raise ConfigurationError(
            f"{unknown[0]} neither failed nor has rejected rows: `tribolake arrivals list --failed` lists those that do"
        )
    chosen = {kind: sorted(known[kind] & set(files) if files else known[kind]) for kind in known}
    with open_warehouse(settings.warehouse) as warehouse:
        warehouse.execute(
            "insert or replace into control.retries select unnest(?), ?", [chosen["files"], datetime.now(UTC)]
        )
        warehouse.execute(
            "delete from control.processed_contents where content_id in ("
            " select content_id from silver.rejected_rows where list_contains(?, file_key))",
            [chosen["rows"]],
        )
        past = last_run(warehouse)
        keep_status(settings, warehouse, OIL)
    share_status(settings)
    if past:
        custody.save(past.run_id, changed=True)
    return chosen


def _folders(clients: Sequence[str] | None) -> list[str] | None:
    return OIL.folders_of(OIL.named_clients(clients))
