"""Where a report or a value comes from: file, sheet and row as the laboratory wrote it, and the publication."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tribolake.oil.questions.origin import Origin
from tribolake.oil.questions.source import ReportSource
from tribolake.oil.written.rows import Cell, Written
from tribolake.web.addresses import FLEET, REPORT, Addresses
from tribolake.web.views.parts import coded
from tribolake.web.views.report import Fact, sheet_of
from tribolake.web.views.written import WrittenView, written_view
from tribolake.web.words import Words

# Columns of reports with texts as delivered, and what each is called.
WRITTEN = {
    "rejected_essays": "lineage.rejected",
    "censored_essays": "lineage.censored",
    "coded_essays": "lineage.coded",
    "delivered_essays": "lineage.delivered",
}


@dataclass(frozen=True)
class Reading:
    """A result that is not a number in the unit of its essay: its text, and how it is read."""

    essay: str
    text: str
    kind: str
    is_chosen: bool


@dataclass(frozen=True)
class LineagePage:
    """The origin of a report, and of one of its values if `value` has facts.

    `is_unchanged` is None where the file was not compared.
    """

    client: str
    client_href: str
    unit: str
    component: str
    number: str
    report_href: str | None
    value: tuple[Fact, ...]
    essay: str
    file: tuple[Fact, ...]
    verdict: str
    is_unchanged: bool | None
    written: WrittenView
    readings: tuple[Reading, ...]
    publication: tuple[Fact, ...]
    command: str


def lineage_page(
    report: Mapping[str, Any],
    origin: Origin,
    source: ReportSource,
    written: Written,
    essay: str,
    words: Words,
    addresses: Addresses,
) -> LineagePage:
    """Return the page of a row of `classified_reports`, its source and its rows. The cell of `essay` is marked."""
    run, content, place = source.run, source.content or {}, origin.place
    rows = written_view(written, origin, essay, words)
    file = (
        ("report.file", place["sourceFile"]),
        ("report.sheet", sheet_of(place)),
        ("report.row", str(place["sourceRow"])),
        ("lineage.sha", place["sourceSha256"]),
        ("lineage.bytes", f"{words.number(content['bytes'])} B" if content else ""),
        ("lineage.version", content.get("version_id") or ""),
    )
    publication = (
        ("lineage.run", run.run_id),
        ("lineage.published", f"{words.moment(run.published_at)} UTC"),
        ("lineage.policy", report["policy"] or run.policy),
        ("report.limits", report["limits_version"] or ""),
        ("lineage.schema", run.schema_version),
        ("lineage.code", run.code),
        ("lineage.manifest", run.manifest),
    )
    verdicts = {True: "lineage.same", False: "lineage.changed", None: "lineage.unchecked"}
    names = (report["client"], report["sampleNumber"], report["sampleOccurrence"], report["laboratory"])
    return LineagePage(
        report["client"],
        addresses.page(FLEET, client=report["client"].lower()),
        report["unitId"],
        report["componentName"],
        report["sampleNumber"],
        addresses.sample(REPORT, *names),
        _value(origin.result, rows.value, words) if origin.result else (),
        words.essay(essay) if essay else "",
        tuple(Fact(words(name), text) for name, text in file if text),
        words(verdicts[written.is_unchanged]),
        written.is_unchanged,
        rows,
        _readings(report, essay, words),
        tuple(Fact(words(name), text) for name, text in publication if text),
        f"tribolake lineage {shlex.quote(_numbered(report))} --client {report['client'].lower()}",
    )


def _value(result: Mapping[str, Any], cell: Cell | None, words: Words) -> tuple[Fact, ...]:
    """Return what gold has of an essay, and the cell that it was read from."""
    facts = (
        ("report.value", _published(result, words)),
        ("lineage.cell", cell.text if cell else ""),
        ("lineage.column", cell.column if cell else ""),
    )
    return tuple(Fact(words(name), text) for name, text in facts if text)


def _published(result: Mapping[str, Any], words: Words) -> str:
    """Return the published value with its unit."""
    if result["rejection"]:
        return words("lineage.rejected")
    if result["code"] is not None:
        return coded(result["code"], words)
    value = result["text"] if result["censoring"] else words.number(result["value"])
    return f"{value} {words.unit(result['unit'])}".strip()


def _readings(report: Mapping[str, Any], chosen: str, words: Words) -> tuple[Reading, ...]:
    """Return the results that are read in another way than as a number in the unit of the essay."""
    return tuple(
        Reading(words.essay(name), text, words(kind), name == chosen)
        for column, kind in WRITTEN.items()
        for name, text in json.loads(report.get(column) or "{}").items()
    )


def _numbered(report: Mapping[str, Any]) -> str:
    """Return the name of a sample as commands take it."""
    occurrence = report["sampleOccurrence"]
    return f"{report['sampleNumber']}@{occurrence}" if occurrence else str(report["sampleNumber"])
