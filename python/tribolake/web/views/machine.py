"""A machine: its advice, and its components with their history, the most urgent first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, get_args

from tribolake.oil.fleet import score_that_orders
from tribolake.oil.questions.axis import AxisKind
from tribolake.oil.questions.machine import ShownMachine
from tribolake.web.addresses import FLEET, LONGEST, MACHINE, TAKE_MACHINE, Addresses
from tribolake.web.views.charts import Charts
from tribolake.web.views.parts import (
    Deadline,
    File,
    Sampled,
    Status,
    Strip,
    counted,
    deadline_of,
    files_of,
    pdf_of,
    sampled_on,
    status_of,
    status_of_worse_component,
    strip_of,
)
from tribolake.web.views.place import PlacePart, place_part
from tribolake.web.views.sample_table import SampleTable
from tribolake.web.words import Words

SHOWN_SAMPLES = 24
Sample = Mapping[str, Any]


@dataclass(frozen=True)
class SampleLink:
    """A sample of a component's history."""

    day: str
    status: Status
    href: str | None
    number: str


@dataclass(frozen=True)
class ComponentRow:
    """A component by its latest sample. `samples` are its newest ones, the newest first."""

    name: str
    status: Status
    points: str
    deadline: Deadline | None
    sampled: Sampled | None
    href: str | None
    number: str
    behind: str
    oil_hours: str
    same_oil: str
    history: Strip
    samples_label: str
    samples: tuple[SampleLink, ...]


@dataclass(frozen=True)
class Charted:
    """The component whose series are shown, the axis of its charts, and these. It has none without values."""

    component: str
    axis: AxisKind
    charts: Charts | None
    table: SampleTable | None


@dataclass(frozen=True)
class Choice:
    """A component, or an axis, that can be chosen for the charts."""

    name: str
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class MachinePage:
    """A machine. `findings` are days on which samples of one oil differ. `charts` are those of `charted`."""

    client: str
    unit: str
    client_href: str
    status: Status
    worst: Status | None
    points: str
    deadline: Deadline | None
    sampled: Sampled | None
    advice: str
    place: PlacePart
    components: tuple[ComponentRow, ...]
    findings: tuple[str, ...]
    charted: str
    chartable: tuple[Choice, ...]
    axes: tuple[Choice, ...]
    charts: Charts | None
    table: SampleTable | None
    downloads: tuple[File, ...]


def chosen_component(found: ShownMachine, asked: str) -> str:
    """Return the component whose series are shown: the one asked for, or the most urgent one."""
    names = [row["component"] for row in found.components]
    return asked if asked in names else (names[0] if names else "")


def machine_page(
    found: ShownMachine,
    samples: Sequence[Sample],
    ordered: Sequence[Mapping[str, Any]],
    charted: Charted,
    words: Words,
    addresses: Addresses,
    today: date,
) -> MachinePage:
    """Return the page of a machine.

    Args:
        found: the machine.
        samples: all of its reports, by component and time.
        ordered: the machines that the reader sees, in order.
        charted: its charts.
        words: the language.
        addresses: those of pages.
        today: the day of the visit.
    """
    machine = found.machine
    by_component: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_component[sample["component"]].append(sample)
    return MachinePage(
        machine["client"],
        machine["unit_id"],
        addresses.page(FLEET, client=machine["client"].lower()),
        status_of(machine["overall_status"], words),
        status_of_worse_component(machine, words),
        words("machine.score", n=words.number(score_that_orders(machine))),
        deadline_of(machine["urgency"], machine["deadline_on"], machine["days_overdue"], words),
        sampled_on(machine["latest_sample_date"], today, words),
        machine["machine_ai_recommendation"] or "",
        place_part(machine, found.components, ordered, words, addresses),
        tuple(_component(row, by_component[row["component"]], words, addresses, today) for row in found.components),
        tuple(_finding(finding, words) for finding in found.findings),
        charted.component,
        _components_to_chart(found, charted, addresses),
        _axes(machine, charted, words, addresses),
        charted.charts,
        charted.table,
        _files(machine, charted, words, addresses),
    )


def others_of_machine(machine: Mapping[str, Any], component: str, axis: AxisKind, addresses: Addresses) -> str | None:
    """Return the address of a component's less urgent charts. Returns None where a page has no addresses."""
    href = _address(MACHINE, machine, component, axis, addresses, charts="all")
    return f"{href}#others" if href else None


def _files(machine: Mapping[str, Any], charted: Charted, words: Words, addresses: Addresses) -> tuple[File, ...]:
    html, pdf = (
        _address(TAKE_MACHINE, machine, charted.component, charted.axis, addresses, form=form) for form in ("", "pdf")
    )
    return (*files_of(("HTML", html)), *pdf_of(pdf, words))


def _components_to_chart(found: ShownMachine, charted: Charted, addresses: Addresses) -> tuple[Choice, ...]:
    names = (row["component"] for row in found.components)
    links = ((name, _address(MACHINE, found.machine, name, charted.axis, addresses)) for name in names)
    return tuple(Choice(name, f"{href}#series", name == charted.component) for name, href in links if href is not None)


def _axes(machine: Mapping[str, Any], charted: Charted, words: Words, addresses: Addresses) -> tuple[Choice, ...]:
    axes: tuple[AxisKind, ...] = get_args(AxisKind)
    links = ((axis, _address(MACHINE, machine, charted.component, axis, addresses)) for axis in axes)
    return tuple(
        Choice(words(f"axis.{axis}"), f"{href}#series", axis == charted.axis)
        for axis, href in links
        if href is not None
    )


def _address(
    path: str, machine: Mapping[str, Any], component: str, axis: AxisKind, addresses: Addresses, **more: str
) -> str | None:
    """Return an address of a machine's charts. Returns None if a name is too long for one."""
    if max(len(machine["unit_id"]), len(component)) > LONGEST:
        return None
    own = axis if axis != "date" else ""
    named = {"client": machine["client"].lower(), "unit": machine["unit_id"], "component": component}
    return addresses.page(path, **named, axis=own, **more)


def _component(
    row: Mapping[str, Any], samples: Sequence[Sample], words: Words, addresses: Addresses, today: date
) -> ComponentRow:
    newest = samples[-SHOWN_SAMPLES:]
    statuses = [sample["status"] for sample in newest]
    label = words("machine.history_label", n=len(newest), statuses=counted(statuses, words))
    links = tuple(
        SampleLink(
            words.day(sample["sample_date"]),
            status_of(sample["status"], words),
            addresses.report(sample),
            sample["sample_number"],
        )
        for sample in reversed(newest)
    )
    return ComponentRow(
        row["component"],
        status_of(row["status"], words),
        words.number(row["score"]),
        deadline_of(row["urgency"], None, None, words),
        sampled_on(row["sample_date"], today, words),
        links[0].href if links else None,
        row["sample_number"],
        words.days(row["days_behind_unit"]) if row["days_behind_unit"] else "",
        words.number(row["oil_hours"]),
        words("machine.same_oil", sump=words.sump(row["sump"])) if row["sump"] else "",
        strip_of(statuses, label),
        words("machine.samples", n=words.number(len(samples))),
        links,
    )


def _finding(finding: Mapping[str, Any], words: Words) -> str:
    return words(
        "machine.differ_row",
        day=words.day(finding["sample_date"]),
        sump=words.sump(finding["sump"]),
        **differing(finding["difference"], words),
    )


def differing(difference: Mapping[str, Any], words: Words) -> dict[str, str]:
    """Return the words of two compartments whose samples of one oil differ."""
    return {
        "essay": words.essay(difference["essay"]),
        "low": words.number(difference["low"]),
        "high": words.number(difference["high"]),
        "low_component": difference["low_component"],
        "high_component": difference["high_component"],
    }
