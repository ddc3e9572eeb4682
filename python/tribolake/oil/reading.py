"""Arrivals: new files are read and recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tribolake.lake import open_lake
from tribolake.lake.bronze import CLIENT_NAME, BronzeFile
from tribolake.lake.files import make_folder
from tribolake.lake.ledger import Ledger
from tribolake.readers.confined import ReadingTask
from tribolake.readers.layout import FileLayout
from tribolake.readers.read_ahead import read_ahead, readings_of
from tribolake.readers.reading import Reading, ReadingLimits
from tribolake.settings import Settings

# How the laboratory of each declared client lays out its files.
Layouts = Mapping[str, FileLayout]


def begin_to_read(settings: Settings, run_id: str, found: Sequence[BronzeFile], layouts: Layouts) -> None:
    """Begin to read new files in the background; :func:`read_arrivals` waits for them."""
    read_ahead(_reading_tasks(settings, found, layouts), ReadingLimits.of(settings), _record(settings, run_id))


def read_arrivals(
    settings: Settings, run_id: str, found: Sequence[BronzeFile], ledger: Ledger, layouts: Layouts
) -> list[dict[str, object]]:
    """Read new files into the staging folder and record each as an arrival.

    Args:
        settings: the lake and what reading may cost.
        run_id: of the run whose files were read ahead, if any were.
        found: new files.
        ledger: earlier arrivals.
        layouts: how the laboratory of each declared client lays out its files.

    Returns:
        One row per file, its columns those of the model `bronze_arrivals`. Status is `loaded` (its rows are
        staged), `duplicate` (this client's content is loaded already under another name) or `failed` (the message
        says what to do).
    """
    tasks = _reading_tasks(settings, found, layouts)
    readings = readings_of(tasks, ReadingLimits.of(settings), _record(settings, run_id))
    contents = set(ledger.contents)
    rows = []
    for file in found:
        reading = readings[file.key] if file.key in tasks else Reading("", 0, _undeclared(file.client))
        duplicate = (file.client, reading.sha256) in contents
        status = "failed" if reading.problem else "duplicate" if duplicate else "loaded"
        if status == "loaded":
            contents.add((file.client, reading.sha256))
        rows.append(_arrival(file, reading, status))
    return rows


def staged_file(settings: Settings, client: str, sha256: str) -> Path:
    """Return where the raw rows of a content wait to be loaded."""
    return settings.staging / f"{client}.{sha256}.parquet"


def _record(settings: Settings, run_id: str) -> Path:
    return settings.staging / f"{run_id}.jsonl"


def _reading_tasks(settings: Settings, found: Sequence[BronzeFile], layouts: Layouts) -> dict[str, ReadingTask]:
    make_folder(settings.staging, settings.state)
    lake, staging = open_lake(settings), settings.staging
    return {
        file.key: ReadingTask(lake.content(file), str(staging / f"{file.client}."), layouts[file.client])
        for file in found
        if file.client in layouts
    }


def _arrival(file: BronzeFile, reading: Reading, status: str) -> dict[str, object]:
    arrived_at = datetime.now(UTC)
    identity = f"{file.key}\n{reading.sha256}\n{arrived_at.isoformat()}"
    return {
        "arrival_id": _short_hash(identity),
        "content_id": _short_hash(f"{file.client}\n{reading.sha256}") if reading.sha256 else None,
        "client": file.client,
        "file_key": file.key,
        "sha256": reading.sha256,
        "version_id": reading.version_id,
        "size_bytes": file.size_bytes,
        "modified_at": file.modified_at,
        "partition_date": file.partition_date,
        "status": status,
        "message": "the same content is loaded already" if status == "duplicate" else reading.problem,
        "is_transient": reading.is_transient,
        "rows_read": reading.rows if status == "loaded" else 0,
        "unread_sheets": [{"sheet": sheet, "rows": rows} for sheet, rows in reading.unread_sheets],
        "arrived_at": arrived_at,
    }


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _undeclared(client: str) -> str:
    if not CLIENT_NAME.match(client):
        return "the client folder's name is not a usable client name: use a-z, 0-9, - and _"
    return f"client {client!r} is not declared: add a row to seeds/oil/clients.csv and run again"
