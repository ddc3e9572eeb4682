"""Read the status of a lake: the fleet as readers see it, the last attempt, and what waits, failed or is held back.

The source is what is published and what runs record beside it (run/attempt.py). The warehouse stays closed, so that
the status comes at once while a run works. See docs/adr/0022-status-without-the-warehouse.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError, TribolakeError, is_of_the_disk, with_advice
from tribolake.lake import open_lake
from tribolake.lake.ledger import note_missing_files, unseen_files, without_archived
from tribolake.lake.replicas import open_objects
from tribolake.oil.fleet import Choice, in_order
from tribolake.oil.health import judge
from tribolake.oil.product import OIL
from tribolake.oil.published_fleet import clients_to_show, read_fleet
from tribolake.run.attempt import ledger_of, read_attempt, read_status, status_of
from tribolake.run.calls import last_calls
from tribolake.run.home import bring_warehouse
from tribolake.run.warehouse import open_warehouse
from tribolake.settings import Settings
from tribolake.trace.manifests import published_clients
from tribolake.watch.heartbeat import read_heartbeat

EVERY_MACHINE = Choice()


@dataclass(frozen=True)
class LakeStatus:
    """The status of a lake. `machines` are in the order in which to look at them: see oil/fleet.py."""

    lake: str
    last_run: dict[str, Any] | None
    waiting_files: list[str]
    failed_files: list[dict[str, Any]]
    unmapped_names: list[dict[str, Any]]
    rejected: list[dict[str, Any]]  # what is not used of the live files, by file and reason
    reports: list[dict[str, Any]]
    machines: list[dict[str, Any]]
    watcher: dict[str, Any] | None
    calls: dict[str, int]  # to the object store, by the last run on this machine
    attempt: dict[str, Any] | None = None  # the last run that was tried: see run/attempt.py
    held_back: list[dict[str, Any]] = field(default_factory=list)  # client, problem, since
    published: list[dict[str, Any]] = field(default_factory=list)  # what readers see of each client, since when
    waiting_since: str | None = None  # modification time of the oldest file that waits
    health: dict[str, Any] | None = None  # code and words for a monitor
    # Files whose time is later than their first listing: it counts as unknown.
    dated_ahead: list[dict[str, str]] = field(default_factory=list)
    passed_over: dict[str, int] = field(default_factory=dict)  # names in bronze that are not deliveries, by kind
    skipped_links: list[str] = field(default_factory=list)  # in bronze, out of the folder of their client
    unread_folders: list[str] = field(default_factory=list)  # in bronze, whose files are unknown
    unread_feedback: list[dict[str, str]] = field(default_factory=list)  # objects among the entries that are none
    unread: dict[str, str] = field(default_factory=dict)  # published clients whose gold cannot be read, and why

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def lake_status(
    settings: Settings, clients: Sequence[str] | None, *, stale_hours: float = 24, choice: Choice = EVERY_MACHINE
) -> LakeStatus:
    """Read the status of a lake without changing it.

    Args:
        settings: the lake.
        clients: these only. None means all.
        stale_hours: files that wait longer than this are a failure.
        choice: the machines that are shown. Health is that of all.

    Raises:
        ConfigurationError: no run has taken place, or an urgency is unknown.
    """
    now = datetime.now(UTC)
    lake, published = open_lake(settings), open_objects(settings)
    attempt, known = read_attempt(settings), read_status(settings)
    known = known or _known_to_an_earlier_release(settings)
    if not (attempt or known or published_clients(published)):
        raise ConfigurationError(
            f"{settings.address} has no warehouse yet: put files under {settings.prefix}/bronze/CLIENT/ and start "
            "`tribolake run`, or try `tribolake demo`"
        )
    wanted = OIL.named_clients(clients)
    folders = OIL.folders_of(wanted)
    ledger = ledger_of(known or {"ledger": []})
    listing = lake.look(whole=ledger.needs_whole_listing)
    note_missing_files(listing, ledger, settings, OIL.inbox_of(settings))
    waiting = without_archived(lake, ledger, unseen_files(listing, ledger, folders))
    of_lake = clients_to_show(published, known.get("report"))
    shown = [name for name in of_lake if wanted is None or name in wanted]
    held_back = _held_back(attempt, shown if wanted is None else wanted, wanted is None)
    # Reasons are those of the warehouse. Readers do not see it of a client that is held back.
    untold = {one["client"] for one in held_back}
    reasons = [one for one in known.get("reasons", []) if one["client"].lower() not in untold]
    why = {(one["client"], one["unit_id"]): one["why"] for one in reasons}
    fleet = read_fleet(published, shown, now, why, known.get("shown"))
    heartbeat = read_heartbeat(settings.state)
    watcher = heartbeat.as_dict() if heartbeat else None
    failed = [one for one in known.get("failed_files", []) if folders is None or one["client"] in folders]
    rejected = [one for one in known.get("rejected", []) if wanted is None or one["client"] in wanted]
    since = min((file.modified_at for file in waiting), default=None)
    health = judge(
        attempt,
        now=now,
        held_back=held_back,
        failed_files=failed,
        unread={client: _what_to_do(settings, why) for client, why in fleet.unread.items()},
        watcher=watcher,
        waiting=len(waiting),
        waiting_since=since,
        stale_hours=stale_hours,
        machines=[one for one in fleet.machines if one["overall_status"] == "Anormal"],
    )
    return LakeStatus(
        lake=settings.address,
        last_run=known.get("report"),
        waiting_files=[file.key for file in waiting],
        dated_ahead=known.get("dated_ahead", []),
        passed_over=listing.passed_over,
        skipped_links=listing.skipped_links,
        unread_folders=listing.unread_folders,
        unread_feedback=known.get("unread_feedback", []),
        unread=fleet.unread,
        failed_files=failed,
        unmapped_names=known.get("unmapped_names", []),
        rejected=rejected,
        reports=fleet.reports,
        machines=[machine for machine in in_order(fleet.machines) if choice.includes(machine)],
        watcher=watcher,
        calls=last_calls(settings.state),
        attempt={"state": health.state, **attempt} if attempt else None,
        held_back=held_back,
        published=fleet.published,
        waiting_since=since.isoformat() if since else None,
        health={"code": health.code, "words": health.words},
    )


def _known_to_an_earlier_release(settings: Settings) -> dict[str, Any]:
    """Ask the warehouse of a lake in which no run of this release has ended."""
    bring_warehouse(settings)
    if not settings.warehouse.exists():
        return {}
    try:
        with open_warehouse(settings.warehouse, read_only=True) as warehouse:
            return status_of(warehouse, OIL)
    except (TribolakeError, duckdb.Error):
        # A run holds it, or it is damaged. What is published can be shown all the same.
        return {}


def _what_to_do(settings: Settings, why: str) -> str:
    """Return why gold cannot be read, and what publishes it again. In a bucket a run with nothing new does not look."""
    if is_of_the_disk(why):
        return with_advice(why)
    return f"{why}. {'`tribolake run --full-refresh`' if settings.is_on_s3 else 'The next run'} publishes it again"


def _held_back(attempt: Mapping[str, Any], names: Sequence[str], every: bool) -> list[dict[str, Any]]:
    found = attempt.get("held_back", {})
    return [{"client": name} | one for name, one in sorted(found.items()) if every or name in names]
