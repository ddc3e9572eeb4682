"""A machine: its advice, and its components with their history, the most urgent first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tribolake.oil.fleet import score_that_orders
from tribolake.oil.questions.machine import ShownMachine
from tribolake.oil.questions.series import ComponentSeries
from tribolake.web.addresses import FLEET, LONGEST, MACHINE, TAKE_MACHINE, Addresses
from tribolake.web.views.charts import Charts, charts_of
from tribolake.web.views.parts import (
    Deadline,
    File,
    Sampled,
    Status,
    Strip,
    counted,
    deadline_of,
    files_of,
    sampled_on,
    status_of,
    strip_of,
    worse_component,
)
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
class ComponentLink:
    """A component whose series can be shown."""

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
    components: tuple[ComponentRow, ...]
    findings: tuple[str, ...]
    charted: str
    chartable: tuple[ComponentLink, ...]
    charts: Charts | None
    downloads: tuple[File, ...]


def chosen_component(found: ShownMachine, asked: str) -> str:
    """Return the component whose series are shown: the one asked for, or the most urgent one."""
    names = [row["component"] for row in found.components]
    return asked if asked in names else (names[0] if names else "")


def machine_page(
    found: ShownMachine,
    samples: Sequence[Sample],
    charted: str,
    series: ComponentSeries,
    words: Words,
    addresses: Addresses,
    today: date,
) -> MachinePage:
    """Return the page of a machine.

    Args:
        found: the machine.
        samples: all of its reports, by component and time.
        charted: the component of the series.
        series: of this component.
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
        worse_component(machine, words),
        words("machine.score", n=words.number(score_that_orders(machine))),
        deadline_of(machine["urgency"], machine["deadline_on"], machine["days_overdue"], words),
        sampled_on(machine["latest_sample_date"], today, words),
        machine["machine_ai_recommendation"] or "",
        tuple(_component(row, by_component[row["component"]], words, addresses, today) for row in found.components),
        tuple(_finding(finding, words) for finding in found.findings),
        charted,
        tuple(
            ComponentLink(
                row["component"],
                addresses.page(
                    MACHINE, client=machine["client"].lower(), unit=machine["unit_id"], component=row["component"]
                )
                + "#series",
                row["component"] == charted,
            )
            for row in found.components
            if len(row["component"]) <= LONGEST
        ),
        charts_of(series, words),
        files_of(
            (
                "HTML",
                addresses.page(
                    TAKE_MACHINE, client=machine["client"].lower(), unit=machine["unit_id"], component=charted[:LONGEST]
                )
                if len(machine["unit_id"]) <= LONGEST
                else None,
            )
        ),
    )


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
        words("machine.same_oil", sump=row["sump"]) if row["sump"] else "",
        strip_of(statuses, label),
        words("machine.samples", n=words.number(len(samples))),
        links,
    )


def _finding(finding: Mapping[str, Any], words: Words) -> str:
    return words(
        "machine.differ_row",
        day=words.day(finding["sample_date"]),
        sump=finding["sump"],
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
