"""Records of runs in the warehouse: what a run is asked to do, what one left undone, and the last that published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from tribolake.lake.bronze import BronzeFile
from tribolake.product import Product
from tribolake.run.control_tables import control_tables
from tribolake.run.project import Fingerprints
from tribolake.run.rejections import Rejection, remember_reported
from tribolake.run.report import RunReport
from tribolake.run.warehouse import relation_exists, table_exists, transaction


@dataclass(frozen=True)
class RunRequest:
    """The request of one run. `clients` None means all."""

    run_id: str
    policy: str
    clients: tuple[str, ...] | None
    retry_failed: bool
    recalculate_limits: bool
    requested_at: datetime
    language: str  # of the recommendations


@dataclass(frozen=True)
class PastRun:
    """The last run that published, with its report."""

    run_id: str
    finished_at: datetime
    fingerprints: Fingerprints
    policy: str
    clients: tuple[str, ...] | None
    report: dict[str, Any]

    @property
    def language(self) -> str:
        return str(self.report.get("language", "es"))

    @property
    def home(self) -> str | None:
        """The home of the lake: see `Settings.home`. Runs of earlier releases did not note it."""
        return self.report.get("home") or None

    @property
    def was_held_back(self) -> bool:
        return any(client["problem"] for client in self.report["clients"].values())


@dataclass(frozen=True)
class Unfinished:
    """Work that an interrupted run left. Tables may be partly old and partly new."""

    rebuild: bool = False
    recalculate_limits: bool = False


def last_run(connection: duckdb.DuckDBPyConnection) -> PastRun | None:
    if not table_exists(connection, "control", "runs"):
        return None
    row = connection.execute(
        "select run_id, finished_at, fingerprints, policy, clients, report"
        " from control.runs order by rowid desc limit 1"  # a clock may have been wrong
    ).fetchone()
    if row is None:
        return None
    run_id, finished_at, fingerprints, policy, clients, report = row
    return PastRun(
        run_id,
        finished_at,
        Fingerprints.of_record(json.loads(fingerprints)),
        policy,
        tuple(clients) if clients else None,
        json.loads(report),
    )


def is_unfinished(connection: duckdb.DuckDBPyConnection, product: Product, past: PastRun | None) -> bool:
    """Return True if rows were loaded and not published: a run was killed, or dbt was started by hand."""
    if past is None:
        return False
    requested = connection.execute("select run_id from control.run_request").fetchone()
    was_killed = requested is not None and requested[0] != past.run_id
    arrivals = product.warehouse.arrivals
    if was_killed or not relation_exists(connection, arrivals):
        return was_killed
    # Times ahead of the clock are from when it was wrong. Not bound, see `table_exists`.
    arrived = connection.execute(f"select max(arrived_at) from {arrivals} where arrived_at <= now()").fetchone()
    return bool(arrived and arrived[0] and arrived[0] > past.finished_at)


def what_is_unfinished(connection: duckdb.DuckDBPyConnection) -> Unfinished:
    """Return work that the next run must repeat because the last run was interrupted."""
    if not table_exists(connection, "control", "unfinished"):
        return Unfinished()
    row = connection.execute("select rebuild, recalculate_limits from control.unfinished").fetchone()
    return Unfinished(*row) if row else Unfinished()


def request_run(
    connection: duckdb.DuckDBPyConnection,
    request: RunRequest,
    found: Sequence[BronzeFile],
    *,
    rebuild: bool,
    forget: Sequence[str],
) -> None:
    """Write the request and the files to read for the models, and work to repeat for the next run.

    All in one transaction: a run that is killed here has asked for nothing.

    Args:
        connection: to the warehouse.
        request: what the run is asked to do.
        found: the files that the run reads.
        rebuild: the run builds every derived table again.
        forget: relations that are dropped, such as what was read from files when the build must read them again.
    """
    with transaction(connection):
        connection.execute(control_tables())
        connection.execute("delete from control.run_request")
        connection.execute(
            "insert into control.run_request by name"
            " select ? as run_id, ? as policy, ?::varchar[] as clients, ? as retry_failed, ? as recalculate_limits,"
            " ?::timestamptz as requested_at, ? as language, true as has_found_files",
            [
                request.run_id,
                request.policy,
                _list(request.clients),
                request.retry_failed,
                request.recalculate_limits,
                request.requested_at,
                request.language,
            ],
        )
        connection.execute("delete from control.found_files")
        connection.execute(
            "insert into control.found_files select unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::bigint[]),"
            " unnest(?::timestamptz[]), unnest(?::date[])",
            [
                [file.client for file in found],
                [file.key for file in found],
                [file.size_bytes for file in found],
                [file.modified_at for file in found],
                [file.partition_date for file in found],
            ],
        )
        connection.execute("delete from control.unfinished")
        connection.execute("insert into control.unfinished values (?, ?)", [rebuild, request.recalculate_limits])
        for relation in forget:
            connection.execute(f"drop table if exists {relation}")


def hold_back(connection: duckdb.DuckDBPyConnection, clients: Sequence[str]) -> None:
    """Write which clients are not published, for the snapshots."""
    connection.execute("delete from control.held_back")
    connection.execute("insert into control.held_back select unnest(?)", [list(clients)])


def note_shown(connection: duckdb.DuckDBPyConnection, client: str, run_id: str) -> None:
    """Note the run whose publication readers of a client see."""
    connection.execute("insert or replace into control.shown values (?, ?)", [client, run_id])


def last_shown(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the run that published last, by client. Warehouses of earlier releases do not know it."""
    is_known = table_exists(connection, "control", "shown")
    return dict(connection.execute("select client, run_id from control.shown").fetchall()) if is_known else {}


def record_run(
    connection: duckdb.DuckDBPyConnection,
    request: RunRequest,
    fingerprints: Fingerprints,
    report: RunReport,
    rejections: Sequence[Rejection] = (),
) -> None:
    """Record a run that published, with the fingerprints of the project and its seeds, and the sent rejections."""
    with transaction(connection):
        connection.execute(
            "insert or replace into control.runs by name select ? as run_id, ?::timestamptz as finished_at,"
            " ? as fingerprints, ? as policy, ?::varchar[] as clients, ? as report",
            [
                request.run_id,
                datetime.now(UTC),
                json.dumps(asdict(fingerprints)),
                request.policy,
                _list(request.clients),
                json.dumps(report.as_dict(), ensure_ascii=False),
            ],
        )
        remember_reported(connection, rejections)
        connection.execute("delete from control.unfinished")
        connection.execute("update control.run_request set has_found_files = false")  # they are loaded
        connection.execute("delete from control.found_files")


def _list(values: Sequence[str] | None) -> list[str] | None:
    return list(values) if values is not None else None
