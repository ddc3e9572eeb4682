"""Plan a run from a listing and the ledger, without reading a file."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tribolake.errors import ConfigurationError, RunFailed
from tribolake.lake.bronze import BronzeFile, Listing
from tribolake.lake.inbox import Inbox
from tribolake.lake.ledger import Ledger, note_missing_files, unseen_files, without_archived
from tribolake.lake.replicas import open_objects, open_replicas
from tribolake.product import Product
from tribolake.run.control_tables import control_tables
from tribolake.run.file_versions import ask_for_changed_files
from tribolake.run.first_listings import learn_first_listings
from tribolake.run.home import Home
from tribolake.run.project import Fingerprints
from tribolake.run.run_records import (
    PastRun,
    RunRequest,
    is_unfinished,
    last_run,
    last_shown,
    request_run,
    what_is_unfinished,
)
from tribolake.run.warehouse import open_for_a_run, read_ledger, relation_exists, table_exists
from tribolake.settings import PROJECT_DIR, Settings
from tribolake.texts import one_line


@dataclass(frozen=True)
class Plan:
    """The work of a run. Without reasons there is none."""

    request: RunRequest
    last_run_id: str | None
    listing: Listing
    found: list[BronzeFile]
    reasons: tuple[str, ...]  # as people and the run's report read them
    load_seeds: bool
    rebuild: bool  # build every derived table again
    republish: bool  # publish all clients, not only those that the run touches
    since: datetime  # later arrivals are new to readers of gold
    fingerprints: Fingerprints
    is_dated_ahead: bool = False  # the last run is: the clock of its machine was wrong
    problems: tuple[str, ...] = ()  # of the lake's records, with what to do


def new_run_id(now: datetime) -> str:
    """Return an id for a run that begins now (UTC). Ids of later runs come later in the order of texts."""
    return f"{now:%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(2)}"


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
    """Compare the listing with the ledger. If a run is due, write its request to the warehouse.

    Raises:
        ConfigurationError: the policy or a client is unknown.
        RunFailed: every file is to be read again, and some of a published lake cannot be read now.
    """
    clients = product.named_clients(clients)
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
            run_id=new_run_id(now),
            policy=policy,
            clients=tuple(clients) if clients else None,
            # Failed files may succeed with another seed or another reader.
            retry_failed=project_changed,
            recalculate_limits=recalculate_limits or unfinished.recalculate_limits,
            requested_at=now,
            language=settings.language,
        )
        ledger = Ledger.of([]) if reread else read_ledger(warehouse, product, retry_failed=project_changed)
        if list_everything:
            ledger = replace(ledger, needs_whole_listing=True)
        listing = home.lake.look(whole=ledger.needs_whole_listing)
        note_missing_files(listing, ledger, settings, product.inbox_of(settings))
        if (
            not reread
            and table_exists(warehouse, "control", "file_versions")
            and ask_for_changed_files(warehouse, listing.files, now)
        ):
            ledger = read_ledger(warehouse, product, retry_failed=project_changed)
        found = without_archived(home.lake, ledger, unseen_files(listing, ledger, product.folders_of(clients)))
        if reread or past is None:
            _refuse_to_lose_samples(settings, home, product.inbox_of(settings), listing, found)
        not_enough = {"the last run did not finish": is_unfinished(warehouse, product, past)} | (
            _reasons_of_the_past(home, request, past, last_shown(warehouse)) if past else {}
        )
        reasons = {
            "every file is read again, as asked": full_refresh,
            "the code that reads files changed: every file is read again": readers_changed,
            "models, seeds or code changed: every table is rebuilt": project_changed and past is not None,
            "first run": past is None,
            f"{len(found)} new files": bool(found) and not reread,
            "limits are calculated again, as asked": recalculate_limits,
            **product.steps().reasons(warehouse, settings, policy, now),
        } | not_enough
        holding = tuple(reason for reason, holds in reasons.items() if holds)
        problems: list[str] = []
        if holding:
            warehouse.execute(control_tables())
            replicas = open_replicas(settings)
            has_arrivals = relation_exists(warehouse, product.warehouse.arrivals)
            problems = learn_first_listings(warehouse, product, replicas, request.run_id, has_arrivals=has_arrivals)
            forget = product.warehouse.from_files if reread else ()
            request_run(warehouse, request, found, rebuild=rebuild, forget=forget)
    # A killed rebuild may have loaded other seeds than those of the last finished run.
    load_seeds = past is None or past.fingerprints.seeds != fingerprints.seeds or unfinished.rebuild
    since = min(past.finished_at, now) if past else datetime.min.replace(tzinfo=UTC)
    is_dated_ahead = past is not None and past.finished_at > now
    republish = rebuild or any(not_enough.values())
    last_run_id = past.run_id if past else None
    return Plan(
        request,
        last_run_id,
        listing,
        found,
        holding,
        load_seeds,
        rebuild,
        republish,
        since,
        fingerprints,
        is_dated_ahead,
        tuple(problems),
    )


def _refuse_to_lose_samples(
    settings: Settings, home: Home, inbox: Inbox, listing: Listing, found: Sequence[BronzeFile]
) -> None:
    """Refuse to read every file if some cannot be read now: the samples that they gave would no longer be published."""
    if not open_objects(settings).folders(f"{settings.prefix}/gold"):
        return
    if listing.unread_folders:
        raise RunFailed(
            f"every file has to be read, and {len(listing.unread_folders)} folders cannot be listed, such as "
            f"{listing.unread_folders[0]}. Check their permissions, then run again. What is published stays"
        )
    if not listing.files:
        raise RunFailed(
            f"every file has to be read, and {settings.address} has none below {inbox.folder}. Mount it or "
            "put the files back, then run again. What is published stays"
        )
    archived = sorted(home.lake.archived([file.key for file in found])) if found else []
    if archived:
        raise RunFailed(
            f"every file has to be read, and {len(archived)} of {len(found)} files are archived, such as "
            f"{archived[0]}. Restore them with `aws s3api restore-object`, then run again. What is published stays"
        )


def about_undeclared(product: Product, found: Sequence[BronzeFile]) -> list[str]:
    """Say which folders are not of a client, with the number of their new files, and what to do."""
    declared = set(product.folders_of(product.clients()) or ())
    files = Counter(file.client for file in found if file.client not in declared)
    if _clients_are_rows(product):
        problem = "is not a declared client"
        advice = f"Add a row to {_seed_of_clients(product)}, or rename the folder"
    else:
        problem, advice = (
            f"is not one of the folders {', '.join(sorted(product.client_folders()))}",
            "Rename the folder",
        )
    return [
        f"{one_line(folder)} {problem}: {number:,} new files are not read. {advice}"
        for folder, number in sorted(files.items())
    ]


def _seed_of_clients(product: Product) -> str:
    return f"seeds/{product.name}/clients.csv"


def _clients_are_rows(product: Product) -> bool:
    """Return whether a row can add a client. The folders of market data are the sources that it knows."""
    return (PROJECT_DIR / _seed_of_clients(product)).is_file()


def _reasons_of_the_past(home: Home, request: RunRequest, past: PastRun, shown: Mapping[str, str]) -> dict[str, bool]:
    """List reasons why the last run is not enough. `shown` is the run that published last, by client."""
    published = {client: shown.get(client) for client, done in past.report["clients"].items() if done["published"]}
    return {
        f"policy {request.policy} was not the last one": past.policy != request.policy,
        f"language {request.language} was not the last one": past.language != request.language,
        f"the lake is in another home: {home.settings.home}": past.home not in (None, home.settings.home),
        "clients that the last run left out": not _is_covered(request.clients, past.clients),
        "clients that were held back": past.was_held_back,
        "published files are missing, altered or of an earlier run": not home.shelf.shows(published),
    }


def _is_covered(clients: tuple[str, ...] | None, by: tuple[str, ...] | None) -> bool:
    return by is None or (clients is not None and set(clients) <= set(by))


def check_request(product: Product, policy: str, clients: Sequence[str] | None) -> None:
    """Check the arguments of a run.

    Raises:
        ConfigurationError: the policy or a client is unknown.
    """
    policies, declared = product.policies(), product.clients()
    if policy not in policies:
        raise ConfigurationError(f"policy {policy!r} is unknown: choose one of {', '.join(policies)}")
    unknown = sorted(set(clients or ()) - set(declared))
    if unknown:
        more = f", or add a row to {_seed_of_clients(product)}" if _clients_are_rows(product) else ""
        raise ConfigurationError(f"client {unknown[0]!r} is unknown: choose one of {', '.join(declared)}{more}")
