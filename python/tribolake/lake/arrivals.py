"""Arrivals: what is in bronze that the ledger does not know yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from tribolake.labs.confined import Reading, ReadingLimits, ReadingTask, read_files
from tribolake.labs.rawrows import SheetLayout
from tribolake.lake.folder import CLIENT_NAME, BronzeFile, FolderLake
from tribolake.settings import Settings

ARRIVALS = pa.schema(
    [
        ("arrival_id", pa.string()),
        ("client", pa.string()),
        ("file_key", pa.string()),
        ("sha256", pa.string()),
        ("size_bytes", pa.int64()),
        ("modified_at", pa.timestamp("us", "UTC")),
        ("partition_date", pa.date32()),
        ("status", pa.string()),
        ("message", pa.string()),
        ("rows_read", pa.int64()),
        ("arrived_at", pa.timestamp("us", "UTC")),
    ]
)


@dataclass(frozen=True)
class Ledger:
    """What earlier runs saw: files by key, size and modification time; contents by client and SHA-256."""

    files: frozenset[tuple[str, int, datetime]]
    contents: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, arrivals: Iterable[tuple[str, str, int, datetime, str, str]]) -> Ledger:
        """From rows of (client, file_key, size_bytes, modified_at, sha256, status)."""
        rows = list(arrivals)
        return cls(
            frozenset((key, size, modified.astimezone(UTC)) for _, key, size, modified, _, _ in rows),
            frozenset((client, sha256) for client, _, _, _, sha256, status in rows if status == "loaded"),
        )


LEDGER_QUERY = "select client, file_key, size_bytes, modified_at, sha256, status from {relation}"


def new_files(lake: FolderLake, ledger: Ledger) -> list[BronzeFile]:
    """Files that the ledger has not seen with this size and modification time; no content is read."""
    return [
        found
        for found in lake.list_bronze()
        if (found.key, found.size_bytes, found.modified_at) not in ledger.files
    ]


def read_arrivals(
    settings: Settings,
    found: Sequence[BronzeFile],
    ledger: Ledger,
    layouts: Mapping[str, tuple[SheetLayout, ...]],
) -> pa.Table:
    """Read new files into the staging folder and record each as an arrival.

    Args:
        settings: the lake and what reading may cost.
        found: new files, from :func:`new_files`.
        ledger: earlier arrivals.
        layouts: the sheets that each declared client's laboratory delivers.

    Returns:
        Table of the shape `ARRIVALS`, one row per file. Status is `loaded` (its rows are staged), `duplicate`
        (this client's content is loaded already under another name) or `failed` (the message says what to do).
    """
    settings.staging.mkdir(parents=True, exist_ok=True)
    lake = FolderLake(settings.lake, settings.prefix)
    limits = ReadingLimits(
        settings.max_file_mb,
        settings.max_inflated_mb,
        settings.reader_memory_mb,
        settings.reader_seconds,
    )
    expected = [file for file in found if file.client in layouts]
    tasks = [
        ReadingTask(str(lake.path(file.key)), str(settings.staging / f"{file.client}."), layouts[file.client])
        for file in expected
    ]
    readings = dict(zip(expected, read_files(tasks, limits), strict=True))
    contents = set(ledger.contents)
    rows = []
    for file in found:
        reading = readings.get(file) or Reading("", 0, _undeclared(file.client))
        duplicate = (file.client, reading.sha256) in contents
        status = "failed" if reading.problem else "duplicate" if duplicate else "loaded"
        if status == "loaded":
            contents.add((file.client, reading.sha256))
        rows.append(_arrival(file, reading, status))
    return pa.Table.from_pylist(rows, schema=ARRIVALS)


def staged_file(settings: Settings, client: str, sha256: str) -> Path:
    """Where the raw rows of a content wait to be loaded."""
    return settings.staging / f"{client}.{sha256}.parquet"


def _arrival(file: BronzeFile, reading: Reading, status: str) -> dict[str, object]:
    identity = f"{file.key}\n{reading.sha256}\n{file.size_bytes}\n{file.modified_at.isoformat()}"
    return {
        "arrival_id": hashlib.sha256(identity.encode()).hexdigest()[:16],
        "client": file.client,
        "file_key": file.key,
        "sha256": reading.sha256,
        "size_bytes": file.size_bytes,
        "modified_at": file.modified_at,
        "partition_date": file.partition_date,
        "status": status,
        "message": "the same content is loaded already" if status == "duplicate" else reading.problem,
        "rows_read": reading.rows if status == "loaded" else 0,
        "arrived_at": datetime.now(UTC),
    }


def _undeclared(client: str) -> str:
    if not CLIENT_NAME.match(client):
        return "the client folder's name is not a usable client name: use a-z, 0-9, - and _"
    return f"client {client!r} is not declared: add a row to seeds/oil/clients.csv, then touch the file"
