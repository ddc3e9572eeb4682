"""What the last publication changed, as a short list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tribolake.oil.questions.last_publication import PublishedChange
from tribolake.web.addresses import Addresses
from tribolake.web.views.parts import Status, status_of
from tribolake.web.words import Words

SHOWN_MACHINES = 5


@dataclass(frozen=True)
class ChangedRow:
    """A machine and its status before and now."""

    unit: str
    href: str | None
    before: Status
    after: Status


@dataclass(frozen=True)
class ChangeLine:
    """What a publication changed of a client. `more` says how many machines are not listed."""

    client: str
    at: str
    counts: str
    machines: tuple[ChangedRow, ...]
    more: str


@dataclass(frozen=True)
class ChangesPart:
    """What the last publications changed. `summary` is all of it in one line."""

    summary: str
    lines: tuple[ChangeLine, ...]


def changes_part(changes: Sequence[PublishedChange], words: Words, addresses: Addresses) -> ChangesPart | None:
    """Return what the last publications changed. Returns None if nobody knows."""
    if not changes:
        return None
    summary = words(
        "changes.summary",
        added=words.number(sum(one.added for one in changes)),
        machines=words.number(sum(one.machines_changed for one in changes)),
    )
    return ChangesPart(summary, tuple(_line(one, words, addresses) for one in changes))


def _line(change: PublishedChange, words: Words, addresses: Addresses) -> ChangeLine:
    machines = tuple(
        ChangedRow(
            one.unit,
            addresses.machine(change.client, one.unit),
            status_of(one.before, words),
            status_of(one.after, words),
        )
        for one in change.machines[:SHOWN_MACHINES]
    )
    more = change.machines_changed - len(machines)
    numbers = {name: words.number(getattr(change, name)) for name in ("added", "changed", "removed")}
    return ChangeLine(
        change.client.upper(),
        words.moment(change.at),
        words("changes.first" if change.is_first else "changes.counts", **numbers),
        machines,
        words("changes.more", n=words.number(more)) if more > 0 else "",
    )
