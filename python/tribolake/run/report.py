"""What a run did, as people and programs read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from tribolake.product import Product, StepResult
from tribolake.run.data_tests import Finding


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
    reasons: list[str] = field(default_factory=list)  # why the run had something to do
    stages: dict[str, float] = field(default_factory=dict)
    clients: dict[str, ClientReport] = field(default_factory=dict)
    failed_files: list[dict[str, str]] = field(default_factory=list)
    failed_tests: list[str] = field(default_factory=list)  # with offending rows, and the command that lists all
    warnings: list[str] = field(default_factory=list)  # data tests that warn, likewise: what they found is published
    results: dict[str, StepResult] = field(default_factory=dict)  # of the product's own steps
    calls: dict[str, int] = field(default_factory=dict)  # to the object store, by operation; empty in a folder

    @property
    def needs_a_look(self) -> bool:
        is_asked_for = any(result.needs_a_look for result in self.results.values())
        return bool(self.failed_files or self.failed_tests or self.problems or is_asked_for)

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
        """The report as JSON: what a step reports stands under the step's own name."""
        told = asdict(self)
        del told["results"]
        return told | {name: result.report for name, result in self.results.items()}


def describe_clients(
    warehouse: duckdb.DuckDBPyConnection, product: Product, since: datetime, clients: Sequence[str]
) -> dict[str, ClientReport]:
    """What arrived for each client since a moment, and how many samples it has."""
    rows = warehouse.execute(product.warehouse.arrived, {"since": since}).fetchall()
    arrived = {client: counts for client, *counts in rows}
    samples = dict(warehouse.execute(product.warehouse.samples).fetchall())
    reports = {}
    for client in clients:
        arrivals, read, loaded, superseded, rejected = (int(count or 0) for count in arrived.get(client, [0] * 5))
        reports[client] = ClientReport(arrivals, read, loaded, superseded, rejected, samples.get(client, 0))
    return reports


def describe_failed_files(
    warehouse: duckdb.DuckDBPyConnection, product: Product, since: datetime
) -> list[dict[str, str]]:
    """Files that arrived since a moment and cannot be read, with what to do."""
    found = warehouse.execute(product.warehouse.failed, {"since": since}).fetchall()
    return [{"file": key, "problem": message} for key, message in found]
