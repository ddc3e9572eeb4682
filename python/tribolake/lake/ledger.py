"""The ledger: files and contents that earlier runs saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tribolake.lake import Lake
from tribolake.lake.bronze import BronzeFile, Listing
from tribolake.lake.content import ARCHIVED
from tribolake.lake.inbox import Inbox
from tribolake.settings import Settings

# Later runs try a file that could not be opened this many times in all. After that, like a file whose content is wrong,
# it waits for `tribolake arrivals retry`.
MAX_ATTEMPTS = 5
# An archived file is tried again once it is restored. Earlier releases noted the code of the error.
IS_ARCHIVED = f"(starts_with(arrivals.message, '{ARCHIVED}') or contains(arrivals.message, '(InvalidObjectState)'))"
# The columns of control.found_files.
FOUND_FILES = "client, file_key, size_bytes, modified_at, partition_date"
LEDGER_QUERY = f"""
    select
        arrivals.client, arrivals.file_key, arrivals.size_bytes, arrivals.modified_at, arrivals.sha256,
        coalesce(retries.asked_at > max(arrivals.arrived_at) over (partition by arrivals.file_key), false)
        or (
            arrivals.status = 'failed'
            and arrivals.is_transient
            and count(*) filter (where arrivals.is_transient)
            over (partition by arrivals.file_key, arrivals.size_bytes, arrivals.modified_at) < {MAX_ATTEMPTS}
        ) as may_be_tried_again,
        if(arrivals.status = 'failed' and {IS_ARCHIVED}, 'archived', arrivals.status) as status
    from {{arrivals}} as arrivals
    left join {{retries}} as retries on arrivals.file_key = retries.file_key
"""


@dataclass(frozen=True)
class Ledger:
    """Files and contents that earlier runs saw. With `retry_failed`, failed files count as not seen."""

    files: frozenset[tuple[str, int, datetime]]  # key, size in bytes, modification time
    contents: frozenset[tuple[str, str]]  # client, SHA-256
    archived: frozenset[tuple[str, int, datetime]] = frozenset()  # files that can be read once they are restored
    needs_whole_listing: bool = (
        True  # an old file may count as new: the ledger is empty, or a failed file is tried again
    )

    @classmethod
    def of(
        cls, arrivals: Iterable[tuple[str, str, int, datetime, str, bool, str]], *, retry_failed: bool = False
    ) -> Ledger:
        """Make a ledger of the rows of `LEDGER_QUERY`."""
        rows = list(arrivals)
        files, archived = set(), set()
        needs_whole_listing = not rows or retry_failed
        for _, key, size, modified, _, may_be_tried_again, status in rows:
            version = (key, size, modified.astimezone(UTC))
            if status == "archived":
                archived.add(version)
            elif not (may_be_tried_again or (retry_failed and status == "failed")):
                files.add(version)
            needs_whole_listing |= may_be_tried_again
        archived -= files
        return cls(
            frozenset(files),
            frozenset((client, sha256) for client, _, _, _, sha256, _, status in rows if status == "loaded"),
            frozenset(archived),
            needs_whole_listing or bool(archived),
        )


def files_of(rows: Sequence[tuple[str, str, int, datetime, date | None]], ledger: Ledger) -> list[BronzeFile]:
    """Return the files that a plan found, from rows of control.found_files, without those that are loaded since."""
    found = (
        BronzeFile(client, key, size_bytes, modified_at.astimezone(UTC), day)
        for client, key, size_bytes, modified_at, day in sorted(rows, key=lambda row: row[1])
    )
    return [file for file in found if (file.key, file.size_bytes, file.modified_at) not in ledger.files]


def new_files(lake: Lake, ledger: Ledger, folders: Sequence[str] | None = None) -> list[BronzeFile]:
    """List files that the ledger has not seen with this size and modification time. Reads no content.

    Args:
        lake: the lake to list.
        ledger: earlier arrivals.
        folders: of clients, these only. None means all.
    """
    listing = lake.look(whole=ledger.needs_whole_listing)
    return without_archived(lake, ledger, unseen_files(listing, ledger, folders))


def unseen_files(listing: Listing, ledger: Ledger, folders: Sequence[str] | None = None) -> list[BronzeFile]:
    """Return the files of a listing that the ledger has not seen, archived ones too."""
    return [
        found
        for found in listing.files
        if (found.key, found.size_bytes, found.modified_at) not in ledger.files
        and (folders is None or found.client in folders)
    ]


def note_missing_files(listing: Listing, ledger: Ledger, settings: Settings, inbox: Inbox) -> None:
    """Count the inbox as an unread folder if it has no file any more: a mount that is away leaves an empty folder."""
    if ledger.files and not listing.files and not settings.is_on_s3:
        listing.unread_folders.append(inbox.folder)


def without_archived(lake: Lake, ledger: Ledger, found: Sequence[BronzeFile]) -> list[BronzeFile]:
    """Leave out files that an earlier run found archived, and that still are."""
    waiting = [file.key for file in found if (file.key, file.size_bytes, file.modified_at) in ledger.archived]
    still_archived = lake.archived(waiting) if waiting else frozenset()
    return [file for file in found if file.key not in still_archived]
