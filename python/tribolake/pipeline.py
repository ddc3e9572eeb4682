"""The order of the steps of a run; the only module that knows it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb
from filelock import FileLock, Timeout

from tribolake.dbtrun import Dbt, FailedTest, import_ahead
from tribolake.errors import ConfigurationError, ContractBroken, LakeIsBusy, RunFailed
from tribolake.lake.arrivals import read_ahead
from tribolake.lake.folder import BronzeFile, FolderLake
from tribolake.lake.ledger import Ledger, new_files
from tribolake.project import (
    declared_clients,
    declared_layouts,
    fingerprint_project,
    fingerprint_seeds,
    policies,
)
from tribolake.publish.contract import GOLD, MANIFEST
from tribolake.publish.gold import Publication, publish_client
from tribolake.publish.limits import publish_limits
from tribolake.settings import Settings
from tribolake.warehouse import RunRequest, last_run, open_warehouse, read_ledger, record_run, request_run

Progress = Callable[[str], None]


@dataclass
class ClientReport:
    """What a run did for one client."""

    arrivals: int = 0
    rows_read: int = 0
    rows_loaded: int = 0
    rows_superseded: int = 0
    rows_rejected: int = 0
    samples: int = 0
    published: bool = False
    problem: str | None = None


@dataclass
class RunReport:
    """What a run did: `needs_a_look` says whether a person should look at a file or a client."""

    run_id: str
    policy: str
    seconds: float = 0.0
    nothing_new: bool = False
    stages: dict[str, float] = field(default_factory=dict)
    clients: dict[str, ClientReport] = field(default_factory=dict)
    failed_files: list[dict[str, str]] = field(default_factory=list)
    failed_tests: list[str] = field(default_factory=list)

    @property
    def needs_a_look(self) -> bool:
        return bool(self.failed_files or self.failed_tests or any(c.problem for c in self.clients.values()))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run(
    settings: Settings,
    *,
    policy: str = "default",
    clients: Sequence[str] | None = None,
    full_refresh: bool = False,
    progress: Progress = lambda _: None,
) -> RunReport:
    """Bring gold up to date with bronze: read what is new, build, test, publish.

    Args:
        settings: the lake.
        policy: a row of the seed `policies`.
        clients: publish and read only these; None means all.
        full_refresh: forget what was loaded and read every file again.
        progress: told what is under way.

    Raises:
        ConfigurationError: policy or client is unknown.
        LakeIsBusy: another run holds the lake.
        RunFailed: nothing was published; what was published before stays as it is.
    """
    _check(policy, clients)
    settings.state.mkdir(parents=True, exist_ok=True)
    with _lock(settings):
        return _Run(settings, policy, tuple(sorted(clients)) if clients else None, progress).execute(full_refresh)


@dataclass
class _Run:
    settings: Settings
    policy: str
    clients: tuple[str, ...] | None
    progress: Progress

    def __post_init__(self) -> None:
        self.started = time.perf_counter()
        now = datetime.now(UTC)
        run_id = f"{now:%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(2)}"
        self.report = RunReport(run_id, self.policy)
        self.lake = FolderLake(self.settings.lake, self.settings.prefix)
        self.requested_at = now

    def execute(self, full_refresh: bool) -> RunReport:
        fingerprint = fingerprint_project()
        with self._stage("discover"):
            found, is_due, with_seeds, request = self._discover(fingerprint, full_refresh)
        if not is_due:
            self.report.nothing_new = True
            return self._finished()
        self.progress(f"{len(found)} new files")
        read_ahead(self.settings, found, declared_layouts())
        import_ahead()
        dbt = Dbt(self.settings, self.progress)
        with self._stage("models"):
            dbt.build_models(with_seeds=with_seeds, full_refresh=full_refresh)
        with self._stage("tests"):
            failed_tests = dbt.failed_tests()
        with self._stage("publish"), open_warehouse(self.settings.warehouse) as warehouse:
            held = self._held_back(warehouse, failed_tests)
            self._describe_arrivals(warehouse, found)
            self._publish(warehouse, dbt, held)
            self._finished()
            record_run(warehouse, request, fingerprint, self.report.as_dict() | {"seeds": fingerprint_seeds()})
        self._clear_staging()
        return self._finished()

    def _discover(self, fingerprint: str, full_refresh: bool) -> tuple[list[BronzeFile], bool, bool, RunRequest]:
        with open_warehouse(self.settings.warehouse) as warehouse:
            past = last_run(warehouse)
            project_changed = past is None or past.project_fingerprint != fingerprint
            request = RunRequest(self.report.run_id, self.policy, self.clients, project_changed, self.requested_at)
            ledger = read_ledger(warehouse, retry_failed=project_changed)
            found = new_files(self.lake, Ledger.of([]) if full_refresh else ledger, self.clients)
            is_due = bool(
                found
                or full_refresh
                or project_changed
                or past.policy != self.policy
                or past.report["failed_tests"]
                or not self._covered_by(past.clients)
                or self._unpublished()
            )
            if is_due:
                request_run(warehouse, request)
        with_seeds = past is None or past.report.get("seeds") != fingerprint_seeds()
        return found, is_due, with_seeds, request

    def _covered_by(self, clients: tuple[str, ...] | None) -> bool:
        return clients is None or (self.clients is not None and set(self.clients) <= set(clients))

    def _unpublished(self) -> bool:
        """Whether a client that has been loaded lacks a manifest."""
        gold = self.lake.home / "gold"
        return any(
            not (gold / client / MANIFEST).exists()
            for client in {file.client for file in self.lake.list_bronze()} & set(declared_clients())
            if self.clients is None or client in self.clients
        )

    def _held_back(self, warehouse: duckdb.DuckDBPyConnection, failed_tests: list[FailedTest]) -> dict[str, str]:
        """The clients that failed tests speak of; a test that names no client holds all of them back."""
        held: dict[str, str] = {}
        for test in failed_tests:
            self.report.failed_tests.append(f"{test.name}: {test.message}")
            for client in clients_of(warehouse, test) or declared_clients():
                held.setdefault(client, f"data test {test.name} failed")
        return held

    def _describe_arrivals(self, warehouse: duckdb.DuckDBPyConnection, found: list[BronzeFile]) -> None:
        """Fill the report from the arrivals of this run."""
        keys = [file.key for file in found]
        rows = warehouse.execute(
            """
            select
                client, count(*), sum(rows_read), sum(rows_loaded), sum(rows_superseded), sum(rows_rejected)
            from silver.arrival_reconciliation
            where arrived_at >= ? and list_contains(?, file_key)
            group by client
            """,
            [self.requested_at, keys],
        ).fetchall()
        arrived = {client: counts for client, *counts in rows}
        samples = dict(warehouse.execute("select lower(client), count(*) from silver.samples group by 1").fetchall())
        for client in self.clients or declared_clients():
            counts = [int(count or 0) for count in arrived.get(client, [0] * 5)]
            self.report.clients[client] = ClientReport(*counts, samples=samples.get(client, 0))
        self.report.failed_files = [
            {"file": key, "problem": message}
            for key, message in warehouse.execute(
                "select file_key, message from silver.arrival_reconciliation"
                " where arrived_at >= ? and status = 'failed' order by file_key",
                [self.requested_at],
            ).fetchall()
        ]

    def _publish(self, warehouse: duckdb.DuckDBPyConnection, dbt: Dbt, held: dict[str, str]) -> None:
        declared = {table.name: dbt.columns_of(table.name) for table in GOLD}
        publication = Publication(self.report.run_id, self.policy, self.requested_at.isoformat())
        for client, report in self.report.clients.items():
            if not report.samples:
                continue
            report.problem = held.get(client)
            if report.problem:
                continue
            self.progress(f"publish {client}")
            try:
                publish_client(warehouse, self.lake.home, client, publication, declared)
                report.published = True
            except (ContractBroken, OSError, duckdb.Error) as error:
                report.problem = f"not published: {error}"
        if any(report.published for report in self.report.clients.values()):
            publish_limits(warehouse, self.lake.home)
        elif any(report.samples for report in self.report.clients.values()):
            problems = "; ".join(f"{client}: {r.problem}" for client, r in self.report.clients.items() if r.problem)
            raise RunFailed(f"nothing was published, what was published before stays. {problems}")

    def _clear_staging(self) -> None:
        for staged in self.settings.staging.glob("*"):
            staged.unlink(missing_ok=True)

    def _finished(self) -> RunReport:
        self.report.seconds = round(time.perf_counter() - self.started, 3)
        return self.report

    @contextmanager
    def _stage(self, name: str):
        self.progress(name)
        started = time.perf_counter()
        yield
        self.report.stages[name] = round(time.perf_counter() - started, 3)


def clients_of(warehouse: duckdb.DuckDBPyConnection, test: FailedTest) -> set[str]:
    """The clients of the rows that a failed test found; empty where they do not say."""
    try:
        rows = warehouse.execute(f"select distinct lower(client) from ({test.query}) as offending").fetchall()
    except duckdb.Error:
        return set()
    return {client for (client,) in rows if client} if all(client for (client,) in rows) else set()


def _check(policy: str, clients: Sequence[str] | None) -> None:
    if policy not in policies():
        raise ConfigurationError(f"policy {policy!r} is unknown: choose one of {', '.join(policies())}")
    unknown = sorted(set(clients or ()) - set(declared_clients()))
    if unknown:
        raise ConfigurationError(
            f"client {unknown[0]!r} is unknown: choose one of {', '.join(declared_clients())}, "
            "or add a row to seeds/oil/clients.csv"
        )


@contextmanager
def _lock(settings: Settings):
    lock = FileLock(settings.state / "run.lock")
    try:
        with lock.acquire(blocking=False):
            yield
    except Timeout as error:
        raise LakeIsBusy(f"another run holds {settings.state / 'run.lock'}: wait until it ends, or stop it") from error
