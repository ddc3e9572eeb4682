"""Parts that several pages show: a status, a deadline, a breach, a strip of statuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tribolake.oil.fleet import worse_component
from tribolake.oil.questions.deciding import deciding_essays
from tribolake.oil.questions.essays import place_of
from tribolake.oil.questions.units import unit_of
from tribolake.web.printing.printer import can_print
from tribolake.web.words import Words

SLUGS = {"Anormal": "abnormal", "Alerta": "alert", "Normal": "normal", "Sin evaluar": "unknown"}
BANDS = {"Critico": "critical", "Condenatorio": "condemning", "Marginal": "marginal"}
# Height says what colour says, for those who see no colour and for paper.
HEIGHTS = {"abnormal": 20, "alert": 13, "normal": 6, "unknown": 6}
TALLEST, BAR, GAP = 20, 7, 2
OLD_SAMPLE_DAYS = 90


@dataclass(frozen=True)
class Status:
    """A status and the class of its colour."""

    label: str
    slug: str


@dataclass(frozen=True)
class Deadline:
    """A deadline: its word, its class, and until when or since when it is over."""

    label: str
    slug: str
    until: str
    is_overdue: bool


@dataclass(frozen=True)
class Breach:
    """A breach of a limit. `limit` is empty where a code decides, and `low` where the value is not too low."""

    essay: str
    value: str
    limit: str
    unit: str
    band: str
    slug: str
    low: str


@dataclass(frozen=True)
class File:
    """A file to take along: what it is called, and its address. It is empty if the text says what is missing."""

    text: str
    href: str


@dataclass(frozen=True)
class Bar:
    """A bar of a strip, in the units of its picture."""

    x: int
    y: int
    height: int
    slug: str


@dataclass(frozen=True)
class Strip:
    """Statuses side by side, as one picture with a text for those who do not see it."""

    bars: tuple[Bar, ...]
    width: int
    label: str
    height: int = TALLEST


@dataclass(frozen=True)
class Sampled:
    """The day of a sample and how long ago it was."""

    day: str
    iso: str
    age: str
    is_old: bool


def files_of(*named: tuple[str, str | None]) -> tuple[File, ...]:
    """Return the files that have an address."""
    return tuple(File(text, href) for text, href in named if href)


def tables_of(address: Callable[[str], str | None]) -> tuple[File, ...]:
    """Return a table as files of each kind. `address` takes the kind."""
    return files_of(*((form.upper(), address(form)) for form in ("csv", "xlsx")))


def pdf_of(href: str | None, words: Words) -> tuple[File, ...]:
    """Return the PDF at an address, or what to install for it. Returns nothing without an address."""
    if not href:
        return ()
    return (File("PDF", href) if can_print() else File(words("take.no_pdf"), ""),)


def status_of(name: str | None, words: Words) -> Status:
    return Status(words.status(name), SLUGS.get(name or "", "unknown"))


def status_of_worse_component(machine: Mapping[str, Any], words: Words) -> Status | None:
    worst = worse_component(machine)
    return status_of(worst, words) if worst else None


def sampled_on(day: date | str | None, today: date, words: Words) -> Sampled | None:
    """Return the day of a sample. Returns None if it is not known."""
    iso = str(day or "")[:10]
    if not iso:
        return None
    days = (today - date.fromisoformat(iso)).days
    return Sampled(words.day(iso), iso, words.age(days), days > OLD_SAMPLE_DAYS)


def deadline_of(urgency: str | None, due: str | None, days_overdue: int | None, words: Words) -> Deadline | None:
    """Return the deadline of an urgency.

    Args:
        urgency: U0 to U3. None has no deadline.
        due: its last day as ISO text. None if the deadline is not a day.
        days_overdue: for how many days it is over. None if it is not.
        words: the language.
    """
    if not urgency:
        return None
    _, _, label = words.of_field(f"deadline.{urgency}", urgency).rstrip(".").rpartition(": ")
    until = ""
    if due:
        until = words("due.overdue" if days_overdue else "due.until", day=words.day(due))
    return Deadline(label[:1].upper() + label[1:], urgency.lower(), until, bool(days_overdue))


def strip_of(names: Sequence[str], label: str) -> Strip:
    """Return a strip of statuses, in the order of `names`."""
    bars = []
    for place, name in enumerate(names):
        slug = SLUGS.get(name, "unknown")
        height = HEIGHTS[slug]
        bars.append(Bar(place * (BAR + GAP), TALLEST - height, height, slug))
    return Strip(tuple(bars), max(len(bars) * (BAR + GAP) - GAP, 1), label)


def counted(names: Iterable[str], words: Words) -> str:
    """Return how many have each status, the worst first: `1 Anormal, 2 Normal`."""
    found = list(names)
    counts = ((name, found.count(name)) for name in SLUGS)
    return ", ".join(f"{count} {words.status(name)}" for name, count in counts if count)


def deciding_breaches(report: Mapping[str, Any], words: Words) -> list[Breach]:
    """Return the breaches that decide the status of a report, those with most points first, as a report lists them."""
    deciding = deciding_essays(report["policy"])
    found = [breach for breach in json.loads(report["breached_essays"] or "[]") if breach["essay"] in deciding]
    found.sort(key=lambda breach: (-breach["points"], place_of(breach["essay"])))
    codes, delivered = (json.loads(report.get(name) or "{}") for name in ("coded_essays", "delivered_essays"))
    return [breach_of(breach, codes, delivered, words) for breach in found]


def breach_of(
    breach: Mapping[str, Any], codes: Mapping[str, str], delivered: Mapping[str, str], words: Words
) -> Breach:
    """Return a breach of `breached_essays`. A code has no value: `presente`."""
    essay, value, band = breach["essay"], breach["value"], breach["threshold"]
    unit = unit_of(essay, value, delivered.get(essay))
    return Breach(
        words.essay(essay),
        coded(codes.get(essay, ""), words) if value is None else words.number(value),
        words.number(breach["limit"]),
        words.unit(unit) if value is not None else "",
        words(f"band.{band}"),
        BANDS.get(band, "marginal"),
        words("breach.low") if None not in (value, breach["limit"]) and value < breach["limit"] else "",
    )


def coded(code: str, words: Words) -> str:
    """Return what a code of a laboratory means. An unknown one stays what it is."""
    return words.of_field(f"code.{code}", code)
