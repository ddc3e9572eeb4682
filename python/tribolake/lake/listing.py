"""How much of a bucket has to be listed: what could be new, and all of it now and then.

A listing gives 1 000 objects a call. While all of bronze fits into a few calls it is listed whole. Beyond that only
what sorts after the date folder of two weeks ago is asked for, client by client: there laboratories deliver, and there
lie most files that are in no date folder. Everything is listed once a day, so a late file in an old folder costs a day,
and `tribolake run --full-refresh` at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

PAGE = 1000
MAX_WHOLE = 2 * PAGE
RECENT = timedelta(days=14)
WHOLE_EVERY = timedelta(days=1)
FILE_NAME = "listing.json"


@dataclass(frozen=True)
class WholeListing:
    """The last time that all of bronze was listed: when, how many objects, and the client folders."""

    listed_at: str
    objects: int
    clients: tuple[str, ...]


def read_whole_listing(state: Path) -> WholeListing | None:
    """What this machine, or the checkpoint that it goes on from, knows of the last whole listing."""
    try:
        found = json.loads((state / FILE_NAME).read_text(encoding="utf-8"))
        return WholeListing(found["listed_at"], found["objects"], tuple(found["clients"]))
    except (OSError, ValueError, KeyError):
        return None


def write_whole_listing(state: Path, listing: WholeListing) -> None:
    state.mkdir(parents=True, exist_ok=True)
    (state / FILE_NAME).write_text(json.dumps(asdict(listing)), encoding="utf-8")


def starts(last: WholeListing | None, now: datetime) -> Sequence[tuple[str, str]] | None:
    """Where to begin to list, as pairs of client folder and first date folder; None means: list everything.

    Args:
        last: the last whole listing, if any.
        now: the time of this one.
    """
    if last is None or last.objects <= MAX_WHOLE or datetime.fromisoformat(last.listed_at) + WHOLE_EVERY < now:
        return None
    since = (now.astimezone(UTC) - RECENT).date().isoformat()
    return [(client, since) for client in last.clients]
