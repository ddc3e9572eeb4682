"""What a run did, as people and programs read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from tribolake.run.data_tests import Finding

ARRIVED_QUERY = """
    select client, count(*), sum(rows_read), sum(rows_loaded), sum(rows_superseded), sum(rows_rejected)
    from silver.arrival_reconciliation
    where arrived_at >= ?
    group by client
"""
SAMPLES_QUERY = "select lower(client), count(*) from silver.samples group by 1"
FAILED_QUERY = """
    select file_key, message
    from silver.arrival_reconciliation
    where arrived_at >= ? and status = 'failed'
    order by file_key
"""


@dataclass
class ClientReport:
    """What a run did for one client: counts of its new files and their rows, and all samples it has now."""

    arrivals: int = 0
    rows_read: int = 0
    rows_loaded: int = 0
    rows_superseded: int = 0
    rows_rejected: int = 0
    samples: int = 0
    published: bool = False  # readers see what the warehouse has
    changed: bool = False  # and saw something else before this run
    problem: str | None = None


@dataclass
class RunReport:
    """What a run did; `needs_a_look` says whether a person should look at a file or a client."""

    run_id: str
    policy: str
    language: str  # of the recommendations
    seconds: float = 0.0
    nothing_new: bool = False
    stages: dict[str, float] = field(default_factory=dict)
    clients: dict[str, ClientReport] = field(default_factory=dict)
    failed_files: list[dict[str, str]] = field(default_factory=list)
    failed_tests: list[str] = field(default_factory=list)  # with offending rows, and the command that lists all
    warnings: list[str] = field(default_factory=list)  # data tests that warn, likewise: what they found is published
    recommendations: dict[str, Any] = field(default_factory=dict)  # how they were worded: see oil/wording/result.py
    calls: dict[str, int] = field(default_factory=dict)  # to the object store, by operation; empty in a folder

    @property
    def needs_a_look(self) -> bool:
        # A spent budget is what somebody asked for; an endpoint that refuses the key is not.
        is_unasked = self.recommendations.get("stopped") and not self.recommendations["budget_spent"]
        return bool(self.failed_files or self.failed_tests or self.problems or is_unasked)

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong with clients, held back above all."""
        return {client: report.problem for client, report in self.clients.items() if report.problem}

    def add_findings(self, found: Sequence[Finding]) -> None:
        """Add the data tests that failed or warn."""
        for finding in found:
            told = self.failed_tests if finding.is_failure else self.warnings
            told.append(f"{finding.test}: {finding.message}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def describe_clients(
    warehouse: duckdb.DuckDBPyConnection, since: datetime, clients: Sequence[str]
) -> dict[str, ClientReport]:
    """What arrived for each client since a moment, and how many samples it has."""
    arrived = {client: counts for client, *counts in warehouse.execute(ARRIVED_QUERY, [since]).fetchall()}
    samples = dict(warehouse.execute(SAMPLES_QUERY).fetchall())
    reports = {}
    for client in clients:
        arrivals, read, loaded, superseded, rejected = (int(count or 0) for count in arrived.get(client, [0] * 5))
        reports[client] = ClientReport(arrivals, read, loaded, superseded, rejected, samples.get(client, 0))
    return reports


def describe_failed_files(warehouse: duckdb.DuckDBPyConnection, since: datetime) -> list[dict[str, str]]:
    """Files that arrived since a moment and cannot be read, with what to do."""
    found = warehouse.execute(FAILED_QUERY, [since]).fetchall()
    return [{"file": key, "problem": message} for key, message in found]
