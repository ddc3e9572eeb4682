"""Give feedback on published reports, take it back, and list what was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.lake.objects import Objects
from tribolake.oil.feedback.entry import Entry, new_entry, standing
from tribolake.oil.feedback.shelf import Feedback, add_entry, read_feedback
from tribolake.oil.questions.report import show_report
from tribolake.settings import Settings


@dataclass(frozen=True)
class ListedFeedback:
    """Entries of several clients by time. `stand` has the ids of those that no other entry withdraws."""

    feedback: Feedback
    stand: frozenset[str]

    def as_dict(self) -> dict[str, Any]:
        return {
            "entries": [
                entry.model_dump(mode="json", exclude_none=True) | {"stands": entry.entry_id in self.stand}
                for entry in self.feedback.entries
            ],
            "unreadable": [{"key": one.key, "problem": one.problem} for one in self.feedback.unreadable],
        }


def give(
    settings: Settings,
    sample: str,
    kind: str,
    written_by: str,
    at: datetime,
    clients: Sequence[str] | None = None,
    **said: str | float | date | None,
) -> Entry:
    """Store feedback on a published report.

    Args:
        settings: the lake.
        sample: a number. Of a number with several samples `NUMBER@OCCURRENCE` is one.
        kind: one of KINDS, but not `withdrawn`.
        written_by: name of the writer.
        at: now.
        clients: the sample is one of these. None means of any.
        said: see `new_entry`.

    Raises:
        ConfigurationError: there is no such report, there are several, or the entry says too much or too little.
        StoreUnavailable: it could not be stored.
    """
    report = show_report(settings, sample, clients).report
    entry = new_entry(report, kind, written_by, at, **said)
    add_entry(settings, entry)
    return entry


def withdraw(settings: Settings, objects: Objects, entry_id: str, written_by: str, at: datetime, **said: str) -> Entry:
    """Store an entry that withdraws another one. The first one stays.

    Raises:
        ConfigurationError: no entry that stands has this id.
        StoreUnavailable: it could not be stored.
    """
    stand = standing(read_feedback(objects).entries)
    first = next((entry for entry in stand if entry.entry_id == entry_id), None)
    if first:
        return withdraw_entry(settings, first, written_by, at, **said)
    raise ConfigurationError(f"no entry {entry_id[:80]!r} stands: `tribolake feedback list` shows their ids")


def withdraw_entry(settings: Settings, first: Entry, written_by: str, at: datetime, **said: str) -> Entry:
    """Store an entry that withdraws `first`."""
    about = {
        "client": first.client,
        "laboratory": first.laboratory,
        "sampleNumber": first.sample_number,
        "sampleOccurrence": first.sample_occurrence,
        "unitId": first.unit_id,
        "componentName": first.component,
    }
    entry = new_entry(about, "withdrawn", written_by, at, withdraws=first.entry_id, **said)
    add_entry(settings, entry)
    return entry


def list_feedback(objects: Objects, clients: Sequence[str] | None = None) -> ListedFeedback:
    """List the feedback on these clients. None means all that have some, published or not."""
    names = [None] if clients is None else sorted({name.lower() for name in clients})
    found = [read_feedback(objects, client) for client in names]
    entries = sorted(
        (entry for one in found for entry in one.entries), key=lambda entry: (entry.written_at, entry.entry_id)
    )
    stand = {entry.entry_id for one in found for entry in standing(one.entries)}
    return ListedFeedback(
        Feedback(tuple(entries), tuple(bad for one in found for bad in one.unreadable)), frozenset(stand)
    )
