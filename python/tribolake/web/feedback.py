"""Feedback on pages: what they show of it, and the form that a browser sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError

from tribolake.errors import ConfigurationError, TribolakeError
from tribolake.oil.feedback.alerts import key_of_sample
from tribolake.oil.feedback.entry import KINDS, OF_KIND, Entry, new_entry, standing
from tribolake.oil.feedback.give import withdraw_entry
from tribolake.oil.feedback.shelf import add_entry
from tribolake.oil.questions.report import find_reports
from tribolake.oil.questions.samples import samples_of_alerts
from tribolake.web.typed import read_number
from tribolake.web.views.feedback import FeedbackPart, FleetFeedback, feedback_part, fleet_feedback
from tribolake.web.visit import Visit

MOST_FIELDS = 20
LONGEST_FORM = 16 * 1024  # bytes
FORM = "application/x-www-form-urlencoded"
TEXTS = ("note", "finding", "assigned_to")
NUMBERS = ("cost_usd", "hours_saved")
Sample = Mapping[str, Any]


class FormRefused(TribolakeError):
    """A form cannot be stored. `field` is the part that is wrong."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True)
class Given:
    """What a form says: the report, the kind, the name of the writer, and what else."""

    about: Mapping[str, str]
    kind: str
    written_by: str
    withdraws: str
    said: Mapping[str, str | float | date]


def on_report(visit: Visit, samples: Sequence[Sample], key: tuple[str, str, str]) -> FeedbackPart | None:
    """Return the part of a report's page. `samples` are all of its component, `key` is that of its own."""
    about = [sample for sample in samples if key_of_sample(sample) == key]
    return _part(visit, samples, about)


def on_machine(visit: Visit, samples: Sequence[Sample], components: Sequence[str]) -> FeedbackPart | None:
    """Return the part of a machine's page. `samples` are all of its own, `components` are in the order of the page."""
    latest = {sample["component"]: sample for sample in samples}
    return _part(visit, samples, [latest[name] for name in components if name in latest])


def _part(visit: Visit, samples: Sequence[Sample], about: Sequence[Sample]) -> FeedbackPart | None:
    if visit.at_desk is None or not samples:
        return None
    feedback = visit.at_desk.desk.read(visit.published, samples[0]["client"].lower())
    return feedback_part(feedback, samples, about, visit.at_desk, visit.words, visit.addresses)


def on_fleet(visit: Visit, clients: Sequence[str]) -> FleetFeedback | None:
    """Return the open alerts of a fleet, and who saw them."""
    if visit.at_desk is None:
        return None
    feedback = FleetFeedback()
    for client in clients:
        stand = standing(visit.at_desk.desk.read(visit.published, client).entries)
        samples = samples_of_alerts(visit.settings, [client], visit.published)
        feedback = feedback.joined(fleet_feedback(stand, samples, visit.words))
    return feedback


def parse_form(body: bytes) -> dict[str, str]:
    """Return the fields of a form.

    Raises:
        FormRefused: it is not one, or a field comes twice.
    """
    try:
        pairs = _pairs(body.decode("ascii"), MOST_FIELDS)
    except ValueError as error:
        raise FormRefused("form") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise FormRefused("form")
    return fields


def _pairs(text: str, most: int) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=most)


def given_by(fields: Mapping[str, str], login: str = "") -> Given:
    """Return what a form says. Empty fields say nothing. The user of a login is the writer, whatever the form says.

    Raises:
        FormRefused: a field is missing, cannot be read, or belongs to another kind.
    """
    kind = fields.get("kind", "")
    if kind not in KINDS:
        raise FormRefused("form")
    written_by = login or fields.get("written_by", "")
    if not written_by.strip():
        raise FormRefused("written_by")
    said: dict[str, str | float | date] = {name: fields[name] for name in TEXTS if fields.get(name, "").strip()}
    for name in NUMBERS:
        if text := fields.get(name, "").strip():
            said[name] = _read(name, text, read_number)
    if text := fields.get("due_on", "").strip():
        said["due_on"] = _read("due_on", text, date.fromisoformat)
    withdraws = fields.get("withdraws", "").strip()
    for name, (owner, is_needed) in OF_KIND.items():
        is_said = name in said or (name == "withdraws" and bool(withdraws))
        if is_said != (owner == kind) and (is_said or is_needed):
            raise FormRefused(name)
    return Given(_about(fields.get("about", "")), kind, written_by, withdraws, said)


def _read(name: str, text: str, read: Any) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise FormRefused(name) from error


def _about(text: str) -> dict[str, str]:
    try:
        about = dict(_pairs(text, 4))
    except ValueError as error:
        raise FormRefused("form") from error
    if about.keys() != {"client", "laboratory", "sample_number", "sample_occurrence"}:
        raise FormRefused("form")
    return about


def store(visit: Visit, given: Given) -> Entry | None:
    """Store what a form says. Returns None if no such report is published, or no such entry stands.

    Raises:
        FormRefused: it says something that cannot be stored.
        StoreUnavailable: the lake did not store it.
    """
    about = given.about
    if about["client"] not in visit.clients:
        return None
    found = find_reports(
        visit.settings,
        about["client"],
        about["sample_number"],
        occurrence=about["sample_occurrence"],
        laboratory=about["laboratory"],
        published=visit.published,
    )
    if len(found) != 1:
        return None
    try:
        if given.kind == "withdrawn":
            return _withdraw(visit, given)
        entry = new_entry(found[0], given.kind, given.written_by, visit.now, **given.said)
    except ConfigurationError as error:
        raise FormRefused(_wrong_field(error)) from error
    add_entry(visit.settings, entry)
    return entry


def _withdraw(visit: Visit, given: Given) -> Entry | None:
    if visit.at_desk is None:
        return None
    about = given.about
    sample = (about["laboratory"], about["sample_number"], about["sample_occurrence"])
    stand = standing(visit.at_desk.desk.read(visit.published, about["client"]).entries)
    first = next((entry for entry in stand if (entry.entry_id, entry.sample) == (given.withdraws, sample)), None)
    if first is None:
        return None
    return withdraw_entry(visit.settings, first, given.written_by, visit.now, note=str(given.said.get("note", "")))


def _wrong_field(error: ConfigurationError) -> str:
    cause = error.__cause__
    place = cause.errors()[0]["loc"] if isinstance(cause, ValidationError) else ()
    name = str(place[0]) if place else ""
    return name if name in ("written_by", *TEXTS, *NUMBERS, "due_on") else "form"
