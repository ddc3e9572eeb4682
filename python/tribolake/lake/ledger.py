"""The ledger: files and contents that earlier runs saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tribolake.lake import Lake
from tribolake.lake.bronze import BronzeFile

# Later runs try a file that could not be opened this many times in all. After that, like a file whose content is wrong,
# it waits for `tribolake arrivals retry`.
MAX_ATTEMPTS = 5
LEDGER_QUERY = f"""
    select
        arrivals.client, arrivals.file_key, arrivals.size_bytes, arrivals.modified_at, arrivals.sha256,
        arrivals.status = 'failed' and (
            coalesce(retries.asked_at > arrivals.arrived_at, false)
            or (
                arrivals.is_transient
                and count(*) filter (where arrivals.is_transient)
                over (partition by arrivals.file_key, arrivals.size_bytes, arrivals.modified_at) < {MAX_ATTEMPTS}
            )
        ) as may_be_tried_again,
        arrivals.status
    from {{arrivals}} as arrivals
    left join {{retries}} as retries on arrivals.file_key = retries.file_key
"""


@dataclass(frozen=True)
class Ledger:
    """Files and contents that earlier runs saw. With `retry_failed`, failed files count as not seen."""

    files: frozenset[tuple[str, int, datetime]]  # key, size in bytes, modification time
    contents: frozenset[tuple[str, str]]  # client, SHA-256
    needs_whole_listing: bool = (
        True  # an old file may count as new: the ledger is empty, or a failed file is tried again
    )

    @classmethod
    def of(
        cls, arrivals: Iterable[tuple[str, str, int, datetime, str, bool, str]], *, retry_failed: bool = False
    ) -> Ledger:
        """Make a ledger of the rows of `LEDGER_QUERY`."""
        rows = list(arrivals)
        needs_whole_listing = not rows or retry_failed or any(may_be_tried_again for *_, may_be_tried_again, _ in rows)
        return cls(
            frozenset(
                (key, size, modified.astimezone(UTC))
                for _, key, size, modified, _, may_be_tried_again, status in rows
                if not (may_be_tried_again or (retry_failed and status == "failed"))
            ),
            frozenset((client, sha256) for client, _, _, _, sha256, _, status in rows if status == "loaded"),
            needs_whole_listing,
        )


def new_files(lake: Lake, ledger: Ledger, clients: Sequence[str] | None = None) -> list[BronzeFile]:
    """List files that the ledger has not seen with this size and modification time. Reads no content.

    Args:
        lake: the lake to list.
        ledger: earlier arrivals.
        clients: these only. None means all.
    """
    return [
        found
        for found in lake.list_bronze(whole=ledger.needs_whole_listing)
        if (found.key, found.size_bytes, found.modified_at) not in ledger.files
        and (clients is None or found.client in clients)
    ]
