"""The fleet: machines in the order in which to look at them, and those without a recent sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tribolake.oil.fleet import in_order
from tribolake.oil.questions.last_publication import PublishedChange
from tribolake.oil.questions.verdicts import IN_ALARM
from tribolake.web.addresses import FLEET, TAKE_FLEET, Addresses
from tribolake.web.views.actions import action_of, finding_of
from tribolake.web.views.changes import ChangesPart, changes_part
from tribolake.web.views.choice import (
    SHOWN_MACHINES,
    ChoosableMachine,
    Filter,
    FleetChoice,
    choosable,
    filters_of,
    kept_fields,
)
from tribolake.web.views.feedback import FleetFeedback
from tribolake.web.views.parts import (
    SLUGS,
    Breach,
    Deadline,
    File,
    Sampled,
    Status,
    Strip,
    counted,
    deadline_of,
    deciding_breaches,
    sampled_on,
    status_of,
    status_of_worse_component,
    strip_of,
    tables_of,
)
from tribolake.web.words import Words

SHOWN_BREACHES = 3
Machine = Mapping[str, Any]
Sample = Mapping[str, Any]


@dataclass(frozen=True)
class MachineRow:
    """A machine of the order. Without a component in alarm, `component` and `finding` are empty."""

    place: str
    client: str
    unit: str
    href: str | None
    kind: str
    site: str
    status: Status
    worst: Status | None  # if a component is worse than the machine
    component: str
    report: str | None
    finding: str
    worse: str  # what the component was before, if it got worse
    doubtful: str
    breaches: tuple[Breach, ...]
    more_breaches: str
    deadline: Deadline | None
    action: str
    components: Strip
    sampled: Sampled | None


@dataclass(frozen=True)
class SilentRow:
    """A machine without a recent sample."""

    client: str
    unit: str
    href: str | None
    kind: str
    status: Status
    sampled: Sampled | None
    behind: str


@dataclass(frozen=True)
class FoundSample:
    """A sample whose number was searched for."""

    number: str
    href: str | None
    about: str
    status: Status


@dataclass(frozen=True)
class Fleet:
    """What the page is made of: machines of `read_fleet`, the latest sample of each component, of `latest_samples`,
    the open alerts, samples whose number was searched for, and what the last publications changed.
    """

    machines: Sequence[Machine]
    samples: Sequence[Sample] = ()
    feedback: FleetFeedback | None = None
    found: Sequence[Sample] = ()
    changes: Sequence[PublishedChange] = ()


@dataclass(frozen=True)
class FleetPage:
    """`counts` says how large the fleet is. `more` is the address that shows more machines, if there are more.

    `kept` has the fields of the search that are not seen, and `text` is searched for.
    """

    counts: str
    filters: tuple[Filter, ...]
    rows: tuple[MachineRow, ...]
    shown: str
    more: str | None
    more_label: str
    silent: tuple[SilentRow, ...]
    clear: str
    is_filtered: bool
    downloads: tuple[File, ...]
    text: str
    kept: tuple[tuple[str, str], ...]
    found: tuple[FoundSample, ...]
    changes: ChangesPart | None


def chosen_machines(fleet: Fleet, choice: FleetChoice) -> list[Machine]:
    """Return the machines that a choice includes, in their order. Those without a recent sample come last."""
    every = choosable(in_order(fleet.machines), fleet.samples, fleet.feedback, choice)
    return [one.machine for one in every if one.is_chosen]


def fleet_page(fleet: Fleet, choice: FleetChoice, words: Words, addresses: Addresses, today: date) -> FleetPage:
    """Return the page of a fleet.

    Args:
        fleet: what is published of it.
        choice: which machines are shown.
        words: the language.
        addresses: the addresses of other pages.
        today: the ages of samples count to this day.
    """
    ordered = choosable(in_order(fleet.machines), fleet.samples, fleet.feedback, choice)
    # A filter does not change the place of a machine in its fleet.
    places = enumerate((one for one in ordered if one.is_recent), start=1)
    chosen = [(place, one) for place, one in places if one.is_chosen]
    recent = [one.machine for _, one in chosen]
    silent = [one.machine for one in ordered if not one.is_recent and one.is_chosen]
    rows = [_row(place, one, words, addresses, today) for place, one in chosen[: choice.shown]]
    left = len(recent) - len(rows)
    return FleetPage(
        words(
            "fleet.counts",
            machines=words.number(len(recent)),
            silent=words.number(len(silent)),
            alarms=words.number(sum(machine["worst_status"] in IN_ALARM for machine in recent)),
            overdue=words.number(sum(bool(machine["days_overdue"]) for machine in recent)),
        ),
        filters_of(ordered, choice, words, addresses),
        tuple(rows),
        words("fleet.shown", shown=words.number(len(rows)), all=words.number(len(recent))),
        addresses.page(FLEET, **choice.query, show=choice.shown + SHOWN_MACHINES) if left else None,
        words("fleet.more", n=words.number(min(left, SHOWN_MACHINES))),
        tuple(_silent_row(machine, words, addresses, today) for machine in silent),
        addresses.page(FLEET),
        choice.is_filtered,
        tables_of(lambda form: addresses.page(TAKE_FLEET, form=form, **choice.query)),
        choice.text,
        kept_fields(choice, addresses),
        tuple(_found(sample, words, addresses) for sample in fleet.found),
        changes_part([one for one in fleet.changes if choice.client in ("", one.client.lower())], words, addresses),
    )


def _row(place: int, one: ChoosableMachine, words: Words, addresses: Addresses, today: date) -> MachineRow:
    machine, samples = one.machine, one.samples
    first = _first_sample(machine, samples)
    breaches = deciding_breaches(first, words) if first else []
    more = len(breaches) - SHOWN_BREACHES
    statuses = sorted((sample["status"] for sample in samples), key=list(SLUGS).index)
    action = action_of(first["ai_recommendation"], first["rule_ids"], words) if first else ""
    return MachineRow(
        str(place),
        machine["client"],
        machine["unit_id"],
        addresses.machine(machine["client"], machine["unit_id"]),
        kind_of(machine, words),
        machine["site"] or "",
        status_of(machine["overall_status"], words),
        status_of_worse_component(machine, words),
        first["component"] if first else "",
        addresses.report(first) if first else None,
        finding_of(first["rule_ids"], words) if first else "",
        words("fleet.worse", status=words.status(first["previous_status"])) if first and first["got_worse"] else "",
        words("fleet.doubtful") if first and first["is_doubtful"] else "",
        tuple(breaches[:SHOWN_BREACHES]),
        words("fleet.more_breaches", n=more) if more > 0 else "",
        deadline_of(machine["urgency"], machine["deadline_on"], machine["days_overdue"], words),
        action,
        strip_of(statuses, words("fleet.components", counts=counted(statuses, words))),
        sampled_on(machine["latest_sample_date"], today, words),
    )


def _first_sample(machine: Machine, samples: Sequence[Sample]) -> Sample | None:
    """Return the latest sample of the component to look at first. Returns None without a component in alarm."""
    return next((sample for sample in samples if sample["component"] == machine["first_component"]), None)


def _found(sample: Sample, words: Words, addresses: Addresses) -> FoundSample:
    return FoundSample(
        sample["sample_number"],
        addresses.report(sample),
        f"{sample['client']} · {sample['unit_id']} · {sample['component']} · {words.day(sample['sample_date'])}",
        status_of(sample["status"], words),
    )


def _silent_row(machine: Machine, words: Words, addresses: Addresses, today: date) -> SilentRow:
    return SilentRow(
        machine["client"],
        machine["unit_id"],
        addresses.machine(machine["client"], machine["unit_id"]),
        kind_of(machine, words),
        status_of(machine["worst_status"] or machine["overall_status"], words),
        sampled_on(machine["latest_sample_date"], today, words),
        words.days(machine["days_behind_client"] or 0),
    )


def kind_of(machine: Mapping[str, Any], words: Words) -> str:
    """Return the kind and the model of a machine, as far as they are known."""
    model = machine["machine_model"] or ""
    return f"{words.kind(machine['machine_name'])} {model.upper()}".strip()
