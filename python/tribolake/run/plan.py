"""Is a run due, and what has it to do? Answered from a listing and the ledger, without reading a file."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tribolake.errors import ConfigurationError
from tribolake.lake.bronze import BronzeFile
from tribolake.lake.ledger import Ledger, new_files
from tribolake.product import Product
from tribolake.publish.shelf import Shelf
from tribolake.run.home import Home
from tribolake.run.project import Fingerprints
from tribolake.run.warehouse import (
    PastRun,
    RunRequest,
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
    """What a run will do; without reasons there is nothing to do."""

    request: RunRequest
    last_run_id: str | None
    found: list[BronzeFile]
    reasons: tuple[str, ...]  # all that hold, as people and the run's report read them
    load_seeds: bool
    rebuild: bool  # make every derived table anew: what earlier runs made does not hold any more
    republish: bool  # publish every client, not only those that the run touches: the last run left something undone
    since: datetime  # what arrived after this is new to readers of gold
    fingerprints: Fingerprints


def plan_run(
    product: Product,
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
    check_request(product, policy, clients)
    now = datetime.now(UTC)
    fingerprints = Fingerprints.of(product)
    with open_for_a_run(settings.warehouse) as warehouse:
        past = last_run(warehouse)
        unfinished = what_is_unfinished(warehouse)
        project_changed = past is None or past.fingerprints.project != fingerprints.project
        readers_changed = past is not None and past.fingerprints.readers != fingerprints.readers
        reread = full_refresh or readers_changed
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
        ledger = Ledger.of([]) if reread else read_ledger(warehouse, product, retry_failed=project_changed)
        if list_everything:
            ledger = replace(ledger, needs_whole_listing=True)
        found = new_files(home.lake, ledger, clients)
        not_enough = {"the last run did not finish": is_unfinished(warehouse, product, past)} | (
            _reasons_of_the_past(home.shelf, request, past) if past else {}
        )
        reasons = {
            "every file is read again, as asked": full_refresh,
            "the code that reads files changed: every file is read again": readers_changed,
            "models, seeds or code changed: every table is rebuilt": project_changed and past is not None,
            "first run": past is None,
            f"{len(found)} new files": bool(found) and not reread,
            "limits are to be calculated anew": recalculate_limits,
            **product.steps().reasons(warehouse, settings, policy, now),
        } | not_enough
        holding = tuple(reason for reason, holds in reasons.items() if holds)
        if holding:
            forget = product.warehouse.from_files if reread else ()
            request_run(warehouse, request, found, rebuild=rebuild, forget=forget)
    # The seeds of a rebuild that was killed may be other ones than these, though the last finished run had these.
    load_seeds = past is None or past.fingerprints.seeds != fingerprints.seeds or unfinished.rebuild
    since = past.finished_at if past else datetime.min.replace(tzinfo=UTC)
    republish = rebuild or any(not_enough.values())
    last_run_id = past.run_id if past else None
    return Plan(request, last_run_id, found, holding, load_seeds, rebuild, republish, since, fingerprints)


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


def _is_covered(clients: tuple[str, ...] | None, by: tuple[str, ...] | None) -> bool:
    return by is None or (clients is not None and set(clients) <= set(by))


def check_request(product: Product, policy: str, clients: Sequence[str] | None) -> None:
    """Whether a run can be asked for.

    Raises:
        ConfigurationError: the policy or a client is unknown.
    """
    policies, declared = product.policies(), product.clients()
    if policy not in policies:
        raise ConfigurationError(f"policy {policy!r} is unknown: choose one of {', '.join(policies)}")
    unknown = sorted(set(clients or ()) - set(declared))
    if unknown:
        raise ConfigurationError(
            f"client {unknown[0]!r} is unknown: choose one of {', '.join(declared)}, "
            f"or add a row to seeds/{product.name}/clients.csv"
        )
