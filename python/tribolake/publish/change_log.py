"""The log of changes: `logs/changes.jsonl` in the lake and `history.change_log` in the warehouse.

Both can be written again for the same run without duplicate lines. So the next run can complete the log of a run that
was killed after it published.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from tribolake.lake.files import (
    append_durably,
    errors_name,
    make_folder,
    parse_json,
    partial_path,
    replace_durably,
    set_aside,
    sync_folder,
)
from tribolake.sql import literal

TABLE = """
    create schema if not exists history;
    create table if not exists history.change_log (
        run_id varchar not null,
        published_at timestamptz not null, -- `at` in the file, a reserved word in SQL
        client varchar not null,
        entity varchar not null,
        old_count bigint not null,
        new_count bigint not null,
        added bigint not null,
        changed bigint not null,
        removed bigint not null,
        transitions json not null,
        keys json not null,
        sample json not null,
        columns_added varchar[] not null,
        primary key (run_id, client, entity)
    );
"""
COLUMNS = """{
    run_id: 'varchar', "at": 'timestamptz', client: 'varchar', entity: 'varchar', old_count: 'bigint',
    new_count: 'bigint', added: 'bigint', changed: 'bigint', removed: 'bigint', transitions: 'json', keys: 'json',
    sample: 'json', columns_added: 'varchar[]'
}"""


def log_changes(connection: duckdb.DuckDBPyConnection, root: Path, log: Path, changes: Path) -> None:
    """Add the changes of a publication to the log and to the table, unless they are there.

    Args:
        connection: to the warehouse.
        root: the lake's folder.
        log: `logs/changes.jsonl`.
        changes: the `_changes.json` of the published version: a list of entries, one per entity.
    """
    make_folder(log.parent, root)
    _append(log, json.loads(changes.read_text(encoding="utf-8")))
    connection.execute(TABLE)
    found = connection.execute("select count(*) from history.change_log").fetchone()
    # A rebuilt warehouse is filled from the whole log, of which another program may have damaged lines.
    of_run, whole_log = f"{literal(changes)}, format = 'array'", f"{literal(log)}, format = 'nd', ignore_errors = true"
    source = of_run if found and found[0] else whole_log
    connection.execute(
        'insert or ignore into history.change_log by name select * rename ("at" as published_at)'
        f" from read_json({source}, columns = {COLUMNS}) where columns(*) is not null"
    )


def repair(log: Path) -> bytes:
    """Remove torn lines from a log. Returns its content.

    A power loss can leave part of the last write: a line without its end, or zeros.
    """
    aside = partial_path(log)
    if not log.is_file():
        set_aside(log)
    content = log.read_bytes() if log.exists() else b""
    if not content or (content.endswith(b"\n") and b"\0" not in content):
        return content
    whole = b"".join(line + b"\n" for line in content.split(b"\n") if _is_entry(line))
    with errors_name(log):
        aside.write_bytes(whole)
    replace_durably(aside, log)
    return whole


def _append(log: Path, entries: list[dict[str, Any]]) -> None:
    parsed = (_parsed(line) for line in _lines_of(repair(log), entries))
    logged = {_key(entry) for entry in parsed if entry}
    missing = [entry for entry in entries if _key(entry) not in logged]
    lines = "".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n" for entry in missing)
    append_durably(log, lines.encode())
    sync_folder(log.parent)


def _lines_of(content: bytes, entries: list[dict[str, Any]]) -> list[bytes]:
    """Select the lines that may be of the same run. Parsing all lines would take longer with every run."""
    runs = {entry["run_id"].encode() for entry in entries}
    return [line for line in content.split(b"\n") if any(run in line for run in runs)]


def _key(entry: dict[str, Any]) -> tuple[str, str, str]:
    return str(entry.get("run_id")), str(entry.get("client")), str(entry.get("entity"))


def _is_entry(line: bytes) -> bool:
    return _parsed(line) is not None


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Parse a line of the log. Returns None if it is damaged."""
    try:
        entry = parse_json(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
