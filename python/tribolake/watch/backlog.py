"""The files that wait for a run: what successive listings of a lake show, less what runs have taken."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from tribolake.lake import open_lake
from tribolake.lake.inbox import Inbox
from tribolake.lake.listing import RECENT
from tribolake.product import Product
from tribolake.settings import Settings
from tribolake.watch.completeness import FileStamp, SettleTimes, Sighting, update_sightings
from tribolake.watch.entries import EntryFolders
from tribolake.watch.event_source import NEVER

# Between two listings. A burst of events is one listing. Listing a large lake takes a tenth of the time at most.
PAUSE_SECONDS = 0.1
PAUSE_PER_LISTING = 10
# On S3 each listing costs money and listed files are complete. This wait only gathers a burst into one run.
BURST_SECONDS = 0.5


class Backlog:
    """Files of bronze and entries that no successful run has taken. All times are monotonic seconds."""

    def __init__(self, product: Product, settings: Settings, clients: Sequence[str] | None) -> None:
        """`clients`: only their files wait. None means all."""
        # One attempt per listing: the watcher lists again anyway, and retries in the store would delay the heartbeat.
        hasty = settings.changed(s3_attempts=1)
        self.inbox = product.inbox(settings) or Inbox.below(settings.prefix)
        self._lake = open_lake(hasty, self.inbox)
        self._entries = EntryFolders(hasty, product.entry_folders, clients)
        self._folders = product.folders_of(clients)
        self._shortest_pause = BURST_SECONDS if settings.is_on_s3 else PAUSE_SECONDS
        settle_seconds = max(settings.watch.settle_seconds, BURST_SECONDS if settings.is_on_s3 else 0)
        self._times = SettleTimes(settle_seconds, settings.watch.max_wait_seconds)
        self._waiting: dict[str, Sighting] = {}
        self._taken: dict[str, FileStamp] = {}  # by successful runs
        self._taking: dict[str, FileStamp] = {}  # by the run under way
        self._listed: set[str] | None = None
        self.next_listing_from = 0.0  # an event may not cause a listing before this time

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def places(self) -> list[Inbox]:
        """Where files and entries arrive."""
        return [self.inbox, *self._entries.places]

    @property
    def was_listed(self) -> bool:
        return self._listed is not None

    @property
    def is_settling(self) -> bool:
        """Whether a file may not be complete yet."""
        return not all(sighting.is_complete for sighting in self._waiting.values())

    @property
    def complete_since(self) -> float:
        """Since when the oldest complete file is unchanged. NEVER if there is none."""
        complete = (sighting.unchanged_since for sighting in self._waiting.values() if sighting.is_complete)
        return min(complete, default=NEVER)

    def update(self, now: float) -> float:
        """List the lake. Returns when to list again, because a file may be complete then."""
        files = self._lake.list_bronze()
        self._listed = {file.key for file in files}
        listed = {
            file.key: (file.size_bytes, file.modified_at, file.version)
            for file in files
            if self._folders is None or file.client in self._folders
        }
        listed |= self._entries.stamps()
        self._taken = {key: stamp for key, stamp in self._taken.items() if key in listed}
        new = {key: stamp for key, stamp in listed.items() if self._taken.get(key) != stamp}
        self._waiting = update_sightings(self._waiting, new, now, self._times, self._is_at_rest)
        pause = max(self._shortest_pause, PAUSE_PER_LISTING * (time.monotonic() - now))
        self.next_listing_from = now + pause
        return min((self._next_look(sighting, now) for sighting in self._waiting.values()), default=NEVER)

    def hand_over(self, named: Collection[str]) -> bool:
        """Give the complete files to a run that begins.

        Returns whether a listing of recent folders shows them, and the keys that events named: on a large lake, a run
        lists no more unless it must.
        """
        self._taking = {key: sighting.stamp for key, sighting in self._waiting.items() if sighting.is_complete}
        expected = {key for key in (*named, *self._taking) if not self._entries.has(key)}
        return expected <= (self._listed or set()) and all(_is_recent(key, self.inbox) for key in expected)

    def forget_taken(self) -> None:
        """Note that the run succeeded. Files that changed in the meantime still wait."""
        self._taken |= self._taking
        self._waiting = {
            key: sighting for key, sighting in self._waiting.items() if self._taken.get(key) != sighting.stamp
        }

    def _next_look(self, sighting: Sighting, now: float) -> float:
        """Return when the file may have settled, or sooner, so that a change in between is found early."""
        if sighting.is_complete:
            return NEVER
        settled_at = sighting.unchanged_since + self._times.settle_seconds
        return min(settled_at, self.next_listing_from) if settled_at > now else self.next_listing_from

    def _is_at_rest(self, key: str) -> bool:
        return self._entries.has(key) or self._lake.is_at_rest(key)


def _is_recent(key: str, inbox: Inbox) -> bool:
    """Return whether every listing shows this file, tomorrow's too. See `lake/listing.py`."""
    since = (datetime.now(UTC) - RECENT + timedelta(days=1)).date().isoformat()
    folders = key.removeprefix(f"{inbox.folder}/").split("/")
    return "/".join(folders[inbox.depth :]) > since
