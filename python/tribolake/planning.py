"""Is a run due, and what has it to do? Answered from a listing and the ledger, without reading a file."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tribolake.errors import ConfigurationError
from tribolake.lake.folder import BronzeFile, FolderLake
from tribolake.lake.ledger import Ledger, new_files
from tribolake.project import declared_clients, fingerprint_project, fingerprint_seeds, policies
from tribolake.publish.contract import MANIFEST
from tribolake.settings import Settings
from tribolake.warehouse import PastRun, RunRequest, last_run, open_warehouse, read_ledger, request_run


@dataclass(frozen=True)
class Plan:
    """What a run will do; `reason` is empty where nothing is to be done."""

    request: RunRequest
    found: list[BronzeFile]
    reason: str
    with_seeds: bool
    full_refresh: bool
    project_fingerprint: str
    seeds_fingerprint: str


def plan_run(settings: Settings, *, policy: str, clients: Sequence[str] | None, full_refresh: bool) -> Plan:
    """Compare the listing with the ledger; if a run is due its request is left in the warehouse.

    Raises:
        ConfigurationError: the policy or a client is unknown.
    """
    _check(policy, clients)
    lake = FolderLake(settings.lake, settings.prefix)
    now = datetime.now(UTC)
    project, seeds = fingerprint_project(), fingerprint_seeds()
    with open_warehouse(settings.warehouse) as warehouse:
        past = last_run(warehouse)
        project_changed = past is None or past.project_fingerprint != project
        request = RunRequest(
            run_id=f"{now:%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(2)}",
            policy=policy,
            clients=tuple(sorted(clients)) if clients else None,
            # What failed before may succeed with another seed or another reader.
            retry_failed=project_changed,
            requested_at=now,
        )
        ledger = Ledger.of([]) if full_refresh else read_ledger(warehouse, retry_failed=project_changed)
        found = new_files(lake, ledger, clients)
        reason = (
            "every file is read again"
            if full_refresh
            else _reason(request, past, len(found), project_changed=project_changed)
        )
        if not reason and _unpublished(lake, request.clients):
            reason = "clients that are not published yet"
        if reason:
            request_run(warehouse, request)
    with_seeds = past is None or past.seeds_fingerprint != seeds
    return Plan(request, found, reason, with_seeds, full_refresh, project, seeds)


def _reason(plan_for: RunRequest, past: PastRun | None, found: int, *, project_changed: bool) -> str:
    """Why a run is due, or nothing."""
    reasons = {
        f"{found} new files": found > 0,
        "first run": past is None,
        "models or seeds changed": project_changed,
        f"policy {plan_for.policy} was not the last one": past is not None and past.policy != plan_for.policy,
        "clients that the last run left out": past is not None and not _is_covered(plan_for.clients, past.clients),
        "clients that were held back": past is not None and past.was_held_back,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _is_covered(clients: tuple[str, ...] | None, by: tuple[str, ...] | None) -> bool:
    return by is None or (clients is not None and set(clients) <= set(by))


def _unpublished(lake: FolderLake, clients: tuple[str, ...] | None) -> bool:
    """Whether a declared client with files in bronze has no manifest."""
    with_files = {file.client for file in lake.list_bronze()} & set(clients or declared_clients())
    return any(not (lake.home / "gold" / client / MANIFEST).exists() for client in with_files)


def _check(policy: str, clients: Sequence[str] | None) -> None:
    if policy not in policies():
        raise ConfigurationError(f"policy {policy!r} is unknown: choose one of {', '.join(policies())}")
    unknown = sorted(set(clients or ()) - set(declared_clients()))
    if unknown:
        raise ConfigurationError(
            f"client {unknown[0]!r} is unknown: choose one of {', '.join(declared_clients())}, "
            "or add a row to seeds/oil/clients.csv"
        )
