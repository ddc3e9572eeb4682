"""Which part of a bucket to list: the part that can have new files, and once a day all of it.

A listing gives 1 000 objects a call. While all of bronze fits into a few calls, all of it is listed. Beyond that, only
keys after the date folder of two weeks ago are listed, client by client. Laboratories deliver there, and most files
outside date folders sort there. So a late file in an old folder is found within a day, or at once by
`tribolake run --full-refresh`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tribolake.lake.files import read_json, write_aside

PAGE = 1000
MAX_WHOLE = 2 * PAGE
RECENT = timedelta(days=14)
WHOLE_EVERY = timedelta(days=1)
FILE_NAME = "listing.json"


@dataclass(frozen=True)
class WholeListing:
    """The last listing of all of bronze: its time, the number of objects, and the folders above the date folders."""

    listed_at: str
    objects: int
    clients: tuple[str, ...]


def read_whole_listing(state: Path) -> WholeListing | None:
    """Read the last whole listing of this machine, or of the checkpoint that it restored. Returns None without one."""
    try:
        found = read_json(state / FILE_NAME)
        listed_at = datetime.fromisoformat(found["listed_at"])
        listing = WholeListing(found["listed_at"], int(found["objects"]), tuple(map(str, found["clients"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return listing if listed_at.tzinfo else None


def write_whole_listing(state: Path, listing: WholeListing) -> None:
    state.mkdir(parents=True, exist_ok=True)
    write_aside(state / FILE_NAME, json.dumps(asdict(listing)))


def listing_starts(last: WholeListing | None, now: datetime) -> Sequence[tuple[str, str]] | None:
    """Return where listings begin: pairs of client folder and first date folder. None means: list everything.

    Args:
        last: the last whole listing, if any.
        now: time of this listing.
    """
    if last is None or last.objects <= MAX_WHOLE or datetime.fromisoformat(last.listed_at) + WHOLE_EVERY < now:
        return None
    since = (now.astimezone(UTC) - RECENT).date().isoformat()
    return [(client, since) for client in last.clients]
