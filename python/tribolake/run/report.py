"""What a run did, as people and programs read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from tribolake.lake.bronze import Listing
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
    rejected: dict[str, int] = field(default_factory=dict)  # what is not used of its live files, by reason
    published: bool = False  # readers see what the warehouse has
    changed: bool = False  # and saw something else before this run
    problem: str | None = None


@dataclass
class RunReport:
    """What a run did; `needs_a_look` says whether a person should look at a file or a client."""

    run_id: str
    policy: str
    language: str  # of the recommendations
    home: str = ""  # where readers look: see `Settings.home`
    seconds: float = 0.0
    nothing_new: bool = False
    reasons: list[str] = field(default_factory=list)  # why the run had something to do
    stages: dict[str, float] = field(default_factory=dict)
    clients: dict[str, ClientReport] = field(default_factory=dict)
    failed_files: list[dict[str, str]] = field(default_factory=list)
    # Published files that another program altered or removed. They were published again.
    altered_files: list[dict[str, str]] = field(default_factory=list)
    dated_ahead: list[dict[str, str]] = field(default_factory=list)  # new files that state a later time than now
    passed_over: dict[str, int] = field(default_factory=dict)  # names in bronze that are not deliveries, by kind
    skipped_links: list[str] = field(default_factory=list)  # in bronze, out of the folder of their client
    unread_folders: list[str] = field(default_factory=list)  # in bronze, whose files are unknown
    rejected: list[dict[str, Any]] = field(default_factory=list)  # what no earlier run reported, by file and reason
    failed_tests: list[str] = field(default_factory=list)  # with offending rows, and the command that lists all
    warnings: list[str] = field(default_factory=list)  # data tests that warn, likewise: what they found is published
    results: dict[str, StepResult] = field(default_factory=dict)  # of the product's own steps
    calls: dict[str, int] = field(default_factory=dict)  # to the object store, by operation; empty in a folder

    @property
    def needs_a_look(self) -> bool:
        is_asked_for = any(result.needs_a_look for result in self.results.values())
        is_rejected = any(one["needs_a_look"] for one in self.rejected)
        files = self.failed_files or self.altered_files or self.dated_ahead or self.skipped_links
        return bool(files or self.unread_folders or self.failed_tests or self.problems or is_asked_for or is_rejected)

    @property
    def problems(self) -> dict[str, str]:
        """Problems of clients, most of them held back."""
        return {client: report.problem for client, report in self.clients.items() if report.problem}

    def add_listing(self, listing: Listing) -> None:
        """Add what a listing of bronze passed over."""
        self.passed_over = listing.passed_over
        self.skipped_links = listing.skipped_links
        self.unread_folders = listing.unread_folders

    def add_findings(self, found: Sequence[Finding]) -> None:
        """Add the data tests that failed or warn."""
        for finding in found:
            listed = self.failed_tests if finding.is_failure else self.warnings
            listed.append(f"{finding.test}: {finding.message}")

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON. What a step reports stands under the step's own name."""
        fields = asdict(self)
        del fields["results"]
        return fields | {name: result.report for name, result in self.results.items()}


def describe_clients(
    warehouse: duckdb.DuckDBPyConnection, product: Product, since: datetime, clients: Sequence[str]
) -> dict[str, ClientReport]:
    """Return what arrived for each client since a moment, and how many samples it has."""
    rows = warehouse.execute(product.warehouse.arrived, {"since": since}).fetchall()
    arrived = {client: counts for client, *counts in rows}
    samples = dict(warehouse.execute(product.warehouse.samples).fetchall())
    reports = {}
    for client in clients:
        arrivals, read, loaded, superseded, rejected = (int(count or 0) for count in arrived.get(client, [0] * 5))
        reports[client] = ClientReport(arrivals, read, loaded, superseded, rejected, samples.get(client, 0))
    return reports


def describe_failed_files(
    warehouse: duckdb.DuckDBPyConnection, product: Product, since: datetime | None = None
) -> list[dict[str, str]]:
    """List files whose last attempt failed, with what to do. With `since`, only those tried since then.

    A file that failed in a run that was broken off, and was read since, is not listed.
    """
    query = f"""
        select file_key, message from {product.warehouse.arrivals}
        qualify
            status = 'failed' and row_number() over (partition by file_key order by arrived_at desc) = 1
            {"and arrived_at >= $since" if since else ""}
        order by client, file_key
    """
    found = warehouse.execute(query, {"since": since} if since else None).fetchall()
    return [{"file": key, "problem": message} for key, message in found]


def describe_dated_ahead(
    warehouse: duckdb.DuckDBPyConnection, product: Product, since: datetime | None = None
) -> list[dict[str, str]]:
    """List files whose folder or time is later than their first listing. With `since`, only later arrivals."""
    query = product.warehouse.dated_ahead
    if query is None:
        return []
    found = warehouse.execute(query, {"since": since}).fetchall()
    return [{"file": key, "states": states} for key, states in found]
