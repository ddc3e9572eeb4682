"""What was said of a component, whether its alert is open, and the form that says more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from tribolake.oil.feedback.alerts import key_of_sample, open_alert
from tribolake.oil.feedback.entry import Entry, standing
from tribolake.oil.feedback.shelf import Feedback
from tribolake.web.addresses import FEEDBACK, LONGEST, Addresses
from tribolake.web.desk import DeskVisit
from tribolake.web.words import Words

SHOWN_LINES = 50
LONGEST_VALUE = 4000  # of a field: templates cut longer texts
Sample = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """An entry. `entry_id` is empty if it cannot be withdrawn here."""

    kind: str
    by: str
    iso: str
    at: str
    says: tuple[str, ...]
    sample: str
    sample_href: str | None
    withdrawn: str
    about: str
    entry_id: str


@dataclass(frozen=True)
class About:
    """A report that a form can be about."""

    label: str
    value: str


@dataclass(frozen=True)
class FeedbackPart:
    """The part of a page about feedback. Without `abouts` it has no form. If there is a `login`, it is the writer."""

    alerts: tuple[str, ...]
    lines: tuple[Line, ...]
    more_lines: str
    unreadable: str
    abouts: tuple[About, ...]
    href: str
    token: str
    login: str
    writer: str


@dataclass(frozen=True)
class FleetFeedback:
    """The open alerts of a fleet, by client in lower case, unit and component: who saw each, and those not seen."""

    seen: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    unseen: frozenset[tuple[str, str, str]] = frozenset()

    def of(self, client: str, unit: str, component: str) -> str:
        return self.seen.get((client.lower(), unit, component), "")

    def joined(self, other: FleetFeedback) -> FleetFeedback:
        return FleetFeedback({**self.seen, **other.seen}, self.unseen | other.unseen)


def feedback_part(
    feedback: Feedback,
    samples: Sequence[Sample],
    about: Sequence[Sample],
    at_desk: DeskVisit,
    words: Words,
    addresses: Addresses,
) -> FeedbackPart:
    """Return what is said of some components.

    Args:
        feedback: of the client.
        samples: all of the components, by component and time.
        about: the reports that the form can be about.
        at_desk: the browser.
        words: the language.
        addresses: of other pages.
    """
    by_key = {key_of_sample(sample): sample for sample in samples}
    stand = standing(feedback.entries)
    withdrawals = {entry.withdraws: entry for entry in feedback.entries if entry.kind == "withdrawn"}
    shown = [entry for entry in reversed(feedback.entries) if entry.kind != "withdrawn" and entry.sample in by_key]
    is_open = at_desk.desk.is_open
    by_component = {name: list(own) for name, own in groupby(samples, key=lambda sample: str(sample["component"]))}
    several = len(by_component) > 1
    ordered = dict.fromkeys((*(str(sample["component"]) for sample in about), *by_component))
    alerts = [
        text
        for component in ordered
        if (text := _alert(by_component[component], stand, component if several else "", words))
    ]
    return FeedbackPart(
        tuple(alerts),
        tuple(
            _line(entry, by_key[entry.sample], withdrawals.get(entry.entry_id), words, addresses, is_open=is_open)
            for entry in shown[:SHOWN_LINES]
        ),
        words("feedback.more", n=words.number(len(shown) - SHOWN_LINES)) if len(shown) > SHOWN_LINES else "",
        words("feedback.unreadable", n=words.number(len(feedback.unreadable))) if feedback.unreadable else "",
        _abouts(about, words) if is_open else (),
        addresses.page(FEEDBACK),
        at_desk.token,
        at_desk.login,
        at_desk.writer,
    )


def fleet_feedback(entries: Sequence[Entry], samples: Sequence[Sample], words: Words) -> FleetFeedback:
    """Return the open alerts of one client, and who saw them.

    Args:
        entries: those of the client that stand.
        samples: those of its open alerts, of `samples_of_alerts`.
        words: the language.
    """
    seen, unseen = {}, set()
    names = ("client", "unit_id", "component")
    for (client, unit, component), own in groupby(samples, key=lambda sample: tuple(sample[name] for name in names)):
        alert = open_alert(list(own), entries)
        if alert and alert.is_acknowledged:
            seen[client.lower(), unit, component] = words("feedback.seen_by", names=", ".join(alert.people))
        elif alert:
            unseen.add((client.lower(), unit, component))
    return FleetFeedback(seen, frozenset(unseen))


def about_of(client: str, sample: Sample) -> str:
    """Return the value of a form that names a report."""
    names = ("laboratory", "sample_number", "sample_occurrence")
    return urlencode({"client": client.lower()} | {name: sample[name] for name in names}, errors="replace")


def _alert(samples: Sequence[Sample], stand: Sequence[Entry], component: str, words: Words) -> str:
    alert = open_alert(samples, stand)
    if alert is None:
        return ""
    since = words("feedback.open_since", day=words.day(alert.opened_by["sample_date"]))
    if alert.is_acknowledged:
        state = words("feedback.seen_by", names=", ".join(alert.people))
    else:
        state = words("feedback.worse") if alert.entries else words("feedback.not_seen")
    return " · ".join(part for part in (component, since, state) if part)


def _abouts(samples: Sequence[Sample], words: Words) -> tuple[About, ...]:
    """Return the reports of a form. Names that are too long for a field are left out."""
    abouts = (
        About(
            f"{sample['component']} · {words.day(sample['sample_date'])} · {sample['sample_number']}",
            about_of(sample["client"], sample),
        )
        for sample in samples
        if len(sample["sample_number"]) <= LONGEST
    )
    return tuple(about for about in abouts if len(about.value) <= LONGEST_VALUE)


def _line(
    entry: Entry, sample: Sample, withdrawal: Entry | None, words: Words, addresses: Addresses, *, is_open: bool
) -> Line:
    moment = entry.written_at.isoformat()
    return Line(
        words(f"feedback.kind.{entry.kind}"),
        entry.written_by,
        moment,
        words("feedback.at", moment=words.moment(moment)),
        _says(entry, words),
        f"{sample['component']} · {words.day(sample['sample_date'])}",
        addresses.report(sample),
        words("feedback.withdrawn_by", name=withdrawal.written_by) if withdrawal else "",
        about_of(entry.client, sample),
        entry.entry_id if is_open and withdrawal is None else "",
    )


def _says(entry: Entry, words: Words) -> tuple[str, ...]:
    says = (
        entry.finding,
        words("feedback.saved_usd", n=words.number(entry.cost_usd)) if entry.cost_usd is not None else "",
        words("feedback.saved_hours", n=words.number(entry.hours_saved)) if entry.hours_saved is not None else "",
        words("feedback.to", name=entry.assigned_to) if entry.assigned_to else "",
        words("feedback.until", day=words.day(entry.due_on)) if entry.due_on else "",
        entry.note,
    )
    return tuple(text for text in says if text)
