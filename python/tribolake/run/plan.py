"""Is a run due, and what has it to do? Answered from a listing and the ledger, without reading a file."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.bronze import BronzeFile
from tribolake.lake.ledger import Ledger, new_files
from tribolake.oil.wording.configuration import configuration_of
from tribolake.oil.wording.pattern import expert_rules
from tribolake.oil.wording.waiting import configuration_text, is_wording_due
from tribolake.publish.shelf import Shelf
from tribolake.run.home import Home
from tribolake.run.project import Fingerprints, declared_clients, policies, read_seed
from tribolake.run.warehouse import (
    PastRun,
    RunRequest,
    has_due_samples,
    has_old_limits,
    has_unprocessed_contents,
    is_unfinished,
    last_run,
    lower_names,
    open_for_a_run,
    read_ledger,
    request_run,
    what_is_unfinished,
)
from tribolake.settings import Settings


@dataclass(frozen=True)
class Plan:
    """What a run will do; `reason` is empty where nothing is to be done."""

    request: RunRequest
    last_run_id: str | None
    found: list[BronzeFile]
    reason: str
    load_seeds: bool
    rebuild: bool  # make every derived table anew: what earlier runs made does not hold any more
    republish: bool  # publish every client, not only those that the run touches: the last run left something undone
    since: datetime  # what arrived after this is new to readers of gold
    fingerprints: Fingerprints


def plan_run(
    settings: Settings,
    home: Home,
    *,
    policy: str,
    clients: Sequence[str] | None,
    full_refresh: bool,
    recalculate_limits: bool,
    list_everything: bool = False,
) -> Plan:
    """Compare the listing with the ledger; if a run is due its request is left in the warehouse.

    Raises:
        ConfigurationError: the policy or a client is unknown.
    """
    clients = lower_names(clients)
    check_request(policy, clients)
    now = datetime.now(UTC)
    fingerprints = Fingerprints.of_project()
    with open_for_a_run(settings.warehouse) as warehouse:
        past = last_run(warehouse)
        unfinished = what_is_unfinished(warehouse)
        project_changed = past is None or past.fingerprints.project != fingerprints.project
        reread = full_refresh or (past is not None and past.fingerprints.readers != fingerprints.readers)
        rebuild = (
            reread
            or project_changed
            or past is None
            or past.policy != policy
            or past.language != settings.language
            or unfinished.rebuild
        )
        request = RunRequest(
            run_id=f"{now:%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(2)}",
            policy=policy,
            clients=tuple(clients) if clients else None,
            # What failed before may succeed with another seed or another reader.
            retry_failed=project_changed,
            recalculate_limits=recalculate_limits or unfinished.recalculate_limits,
            requested_at=now,
            language=settings.language,
        )
        ledger = Ledger.of([]) if reread else read_ledger(warehouse, retry_failed=project_changed)
        if list_everything:
            ledger = replace(ledger, is_open=True)
        found = new_files(home.lake, ledger, clients)
        not_enough = {"the last run did not finish": is_unfinished(warehouse, past)} | (
            _reasons_of_the_past(home.shelf, request, past) if past else {}
        )
        reasons = {
            "every file is read again": full_refresh,
            "first run": past is None,
            f"{len(found)} new files": bool(found),
            "models or seeds changed": project_changed,
            "limits are to be calculated anew": recalculate_limits,
            "contents are to be checked again": has_unprocessed_contents(warehouse),
            "samples dated ahead have become due": has_due_samples(warehouse),
            "limits are old and samples came since": has_old_limits(warehouse, _limits_last_days(policy), now),
            "recommendations wait for their wording": settings.asks_a_model
            and _waits_for_wording(warehouse, settings, now),
        } | not_enough
        reason = next((reason for reason, holds in reasons.items() if holds), "")
        if reason:
            request_run(warehouse, request, found, rebuild=rebuild, forget_bronze=reread)
    # The seeds of a rebuild that was killed may be other ones than these, though the last finished run had these.
    load_seeds = past is None or past.fingerprints.seeds != fingerprints.seeds or unfinished.rebuild
    since = past.finished_at if past else datetime.min.replace(tzinfo=UTC)
    republish = rebuild or any(not_enough.values())
    last_run_id = past.run_id if past else None
    return Plan(request, last_run_id, found, reason, load_seeds, rebuild, republish, since, fingerprints)


def _reasons_of_the_past(shelf: Shelf, request: RunRequest, past: PastRun) -> dict[str, bool]:
    """Why the last run is not enough."""
    published = [client for client, done in past.report["clients"].items() if done["published"]]
    return {
        f"policy {request.policy} was not the last one": past.policy != request.policy,
        f"language {request.language} was not the last one": past.language != request.language,
        "clients that the last run left out": not _is_covered(request.clients, past.clients),
        "clients that were held back": past.was_held_back,
        "published files are gone": not all(shelf.shows(client) for client in published),
    }


def _waits_for_wording(warehouse: duckdb.DuckDBPyConnection, settings: Settings, now: datetime) -> bool:
    said = configuration_text(configuration_of(settings), expert_rules(settings.language))
    return is_wording_due(warehouse, said, now)


def _limits_last_days(policy: str) -> int:
    (row,) = (row for row in read_seed("policies") if row["policy"] == policy)
    return int(row["limits_last_days"])


def _is_covered(clients: tuple[str, ...] | None, by: tuple[str, ...] | None) -> bool:
    return by is None or (clients is not None and set(clients) <= set(by))


def check_request(policy: str, clients: Sequence[str] | None) -> None:
    """Whether a run can be asked for.

    Raises:
        ConfigurationError: the policy or a client is unknown.
    """
    if policy not in policies():
        raise ConfigurationError(f"policy {policy!r} is unknown: choose one of {', '.join(policies())}")
    unknown = sorted(set(clients or ()) - set(declared_clients()))
    if unknown:
        raise ConfigurationError(
            f"client {unknown[0]!r} is unknown: choose one of {', '.join(declared_clients())}, "
            "or add a row to seeds/oil/clients.csv"
        )
