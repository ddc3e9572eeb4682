"""A report: its advice, its values with the limits that judged them, and what stands around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tribolake.oil.questions.report import ShownReport
from tribolake.oil.questions.verdicts import Agreement
from tribolake.readers.layout import ANY_SHEET
from tribolake.web.addresses import FLEET, LINEAGE, REPORT, TAKE_REPORT, TAKE_VALUES, Addresses
from tribolake.web.views.actions import finding_of
from tribolake.web.views.change import ChangePart
from tribolake.web.views.charts import Charts
from tribolake.web.views.machine import differing
from tribolake.web.views.parts import (
    BANDS,
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
    strip_of,
    tables_of,
)
from tribolake.web.views.radar import Radar, radars_of
from tribolake.web.views.values import ValueRow, sample_address, value_row
from tribolake.web.words import Words

SHOWN_HISTORY = 40
AGREEMENTS: Mapping[Agreement, str] = {
    "both_alarm": "agreement.both_alarm",
    "both_calm": "agreement.both_calm",
    "stricter": "agreement.stricter",
    "laboratory_stricter": "agreement.laboratory_stricter",
    "not_evaluated": "agreement.not_evaluated",
    "open": "agreement.open",
    "not_declared": "agreement.not_declared",
    "silent": "agreement.silent",
}
AGREEMENT_SLUGS = {"both_alarm": "", "both_calm": "", "stricter": "doubted", "laboratory_stricter": "broken"}
Sample = Mapping[str, Any]


@dataclass(frozen=True)
class Fact:
    """A line of a list: what, and what of it. `href` leads on."""

    name: str
    text: str
    href: str | None = None


@dataclass(frozen=True)
class ReportPage:
    """A report. `doubts` speak against acting on it at once."""

    client: str
    client_href: str
    unit: str
    machine_href: str | None
    component: str
    number: str
    status: Status
    points: str
    sampled: Sampled | None
    finding: str
    deadline: Deadline | None
    advice: str
    doubts: tuple[str, ...]
    notes: tuple[str, ...]
    breaches: tuple[ValueRow, ...]
    others: tuple[ValueRow, ...]
    others_label: str
    judged_by: str
    facts: tuple[Fact, ...]
    before: Fact | None
    before_status: Status | None
    laboratory: tuple[str, ...]
    origin: tuple[Fact, ...]
    origin_href: str | None
    history: Strip
    earlier: str | None
    later: str | None
    charts: Charts | None
    radars: tuple[Radar, ...]
    change: ChangePart
    agreement: str
    agreement_slug: str
    downloads: tuple[File, ...]


def report_page(
    found: ShownReport,
    samples: Sequence[Sample],
    charts: Charts | None,
    change: ChangePart,
    words: Words,
    addresses: Addresses,
    today: date,
) -> ReportPage:
    """Return the page of a report.

    Args:
        found: the report.
        samples: all reports of its component, by time.
        charts: the values of its component up to this report.
        change: what would change its status.
        words: the language.
        addresses: those of pages.
        today: the day of the visit.
    """
    report = found.report
    values = [value_row(row, report, words, addresses) for row in found.values]
    # Those that decide come first, and the worst band of them.
    breaches = sorted(
        (row for row in values if row.band), key=lambda row: (bool(row.note), list(BANDS.values()).index(row.slug))
    )
    place = next(at for at, sample in enumerate(samples) if _is_of(sample, report))
    around = samples[max(0, place + 1 - SHOWN_HISTORY) : place + 1]
    statuses = [sample["status"] for sample in around]
    return ReportPage(
        report["client"],
        addresses.page(FLEET, client=report["client"].lower()),
        report["unitId"],
        addresses.machine(report["client"], report["unitId"]),
        report["componentName"],
        report["sampleNumber"],
        status_of(report["report_status"], words),
        words("report.points", n=words.number(report["classification_score"])),
        sampled_on(report["sampleDate"], today, words),
        words("report.finding", name=finding) if (finding := finding_of(report["rule_ids"], words)) else "",
        deadline_of(report["urgency"], None, None, words),
        report["ai_recommendation"] or "",
        _doubts(report, words),
        _notes(report, words),
        tuple(breaches),
        tuple(row for row in values if not row.band),
        words("report.others", n=sum(not row.band for row in values)),
        words("report.judged_by", version=report["limits_version"]) if report["limits_version"] else "",
        _facts(report, words),
        *_before(found, words, samples, addresses),
        tuple(text for text in (report["labVerdict"], *_comments(report["labComment"])) if text),
        _origin(report, words),
        sample_address(LINEAGE, report, addresses),
        strip_of(statuses, words("machine.history_label", n=len(around), statuses=counted(statuses, words))),
        addresses.report(samples[place - 1]) if place else None,
        addresses.report(samples[place + 1]) if place + 1 < len(samples) else None,
        charts,
        radars_of(found.values, words),
        change,
        words(AGREEMENTS[found.agreement]),
        AGREEMENT_SLUGS.get(found.agreement, "unknown"),
        _files(report, words, addresses),
    )


def others_of_report(report: Mapping[str, Any], addresses: Addresses, change: str) -> str | None:
    """Return the address of a report's less urgent charts. Returns None where a page has no addresses."""
    href = sample_address(REPORT, report, addresses, charts="all", change=change)
    return f"{href}#others" if href else None


def change_address(report: Mapping[str, Any], addresses: Addresses, charts: str) -> str | None:
    """Return the address of what would change a report's status. Returns None where a page has no addresses."""
    href = sample_address(REPORT, report, addresses, charts=charts, change="1")
    return f"{href}#change" if href else None


def _files(report: Mapping[str, Any], words: Words, addresses: Addresses) -> tuple[File, ...]:
    return (
        *files_of(("HTML", sample_address(TAKE_REPORT, report, addresses))),
        *pdf_of(sample_address(TAKE_REPORT, report, addresses, form="pdf"), words),
        *tables_of(lambda form: sample_address(TAKE_VALUES, report, addresses, form=form)),
    )


def _is_of(sample: Sample, report: Mapping[str, Any]) -> bool:
    return (sample["sample_number"], sample["sample_occurrence"], sample["laboratory"]) == (
        report["sampleNumber"],
        report["sampleOccurrence"],
        report["laboratory"],
    )


def _doubts(report: Mapping[str, Any], words: Words) -> tuple[str, ...]:
    difference = report["sump_difference"]
    return (words("report.differ", **differing(difference, words)),) if difference else ()


def _notes(report: Mapping[str, Any], words: Words) -> tuple[str, ...]:
    notes = []
    if report["alarm_also_in"]:
        notes.append(words("report.also_in", components=", ".join(report["alarm_also_in"])))
    if report["carries_alarm"] is False:
        notes.append(words("report.not_carrying", component=report["alarm_component"]))
    return tuple(notes)


def _facts(report: Mapping[str, Any], words: Words) -> tuple[Fact, ...]:
    kilometers = report["kilometers"] or {}

    def meter(field: str) -> str:
        if field in kilometers:
            return words("report.km", n=words.number(kilometers[field]))
        return words("report.hours", n=words.number(report[field])) if report[field] is not None else ""

    oil = " ".join(report[name] for name in ("oilBrand", "oilType", "oilWeight") if report[name])
    facts = (
        ("report.sample", report["sampleNumber"]),
        ("report.sampled", words.day(report["sampleDate"])),
        ("report.oil_hours", meter("oilMeter")),
        ("report.component_hours", meter("componentHours")),
        ("report.machine_hours", meter("machineHours")),
        ("report.oil", oil),
        ("report.site", report["site"] or ""),
    )
    return tuple(Fact(words(name), text) for name, text in facts if text)


def _before(
    found: ShownReport, words: Words, samples: Sequence[Sample], addresses: Addresses
) -> tuple[Fact | None, Status | None]:
    """Return the sample before, and its status."""
    before = found.before
    if before is None:
        return None, None
    known = next(
        (
            sample
            for sample in samples
            if (sample["sample_number"], sample["sample_date"]) == (before["sampleNumber"], before["sampleDate"])
        ),
        None,
    )
    fact = Fact(words.day(before["sampleDate"]), before["sampleNumber"], addresses.report(known) if known else None)
    return fact, status_of(before["report_status"], words)


def _comments(comment: str | None) -> list[str]:
    """Return the sentences of a laboratory's comment, which Finning ends with a slash and a space."""
    return [part.strip() for part in (comment or "").split("/ ")]


def _origin(report: Mapping[str, Any], words: Words) -> tuple[Fact, ...]:
    return (
        Fact(words("report.file"), report["sourceFile"]),
        *([Fact(words("report.sheet"), sheet)] if (sheet := sheet_of(report)) else []),
        Fact(words("report.row"), str(report["sourceRow"])),
        *([Fact(words("report.limits"), report["limits_version"])] if report["limits_version"] else []),
    )


def sheet_of(report: Mapping[str, Any]) -> str:
    """Return the sheet that a report was read from. A file that is one table has none."""
    return report["sourceSheet"] if report["sourceSheet"] not in (None, ANY_SHEET) else ""


def choices_of(reports: Sequence[Mapping[str, Any]], words: Words, addresses: Addresses) -> tuple[Fact, ...]:
    """Return the addresses of reports that have one number."""
    return tuple(
        Fact(
            f"{row['unitId']} · {row['componentName']}",
            f"{words.day(row['sampleDate'])} · {words.status(row['report_status'])} · {row['laboratory']}",
            sample_address(REPORT, row, addresses),
        )
        for row in reports
    )
