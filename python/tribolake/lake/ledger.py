"""The ledger: which files and contents earlier runs saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tribolake.lake import Lake
from tribolake.lake.bronze import BronzeFile

# A file that could not be opened is tried again by later runs, so often; then, like a file that is wrong in itself, it
# waits until `tribolake arrivals retry` asks for it.
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
    """What earlier runs saw; with `retry_failed`, files that failed count as not seen."""

    files: frozenset[tuple[str, int, datetime]]  # key, size in bytes, modification time
    contents: frozenset[tuple[str, str]]  # client, SHA-256
    is_open: bool = True  # a file of any age may count as new: nothing was seen yet, or some are to be tried again

    @classmethod
    def of(
        cls, arrivals: Iterable[tuple[str, str, int, datetime, str, bool, str]], *, retry_failed: bool = False
    ) -> Ledger:
        """From the rows that `LEDGER_QUERY` gives."""
        rows = list(arrivals)
        is_open = not rows or retry_failed or any(may_be_tried_again for *_, may_be_tried_again, _ in rows)
        return cls(
            frozenset(
                (key, size, modified.astimezone(UTC))
                for _, key, size, modified, _, may_be_tried_again, status in rows
                if not (may_be_tried_again or (retry_failed and status == "failed"))
            ),
            frozenset((client, sha256) for client, _, _, _, sha256, _, status in rows if status == "loaded"),
            is_open,
        )


def new_files(lake: Lake, ledger: Ledger, clients: Sequence[str] | None = None) -> list[BronzeFile]:
    """Files that the ledger has not seen with this size and modification time; no content is read.

    Args:
        lake: where to look.
        ledger: earlier arrivals.
        clients: look at these only; None means all.
    """
    return [
        found
        for found in lake.list_bronze(whole=ledger.is_open)
        if (found.key, found.size_bytes, found.modified_at) not in ledger.files
        and (clients is None or found.client in clients)
    ]
