"""Where a report comes from: file, sheet and row, the publication, and results as the laboratory wrote them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tribolake.oil.questions.source import ReportSource
from tribolake.oil.seeds import read_seed
from tribolake.web.addresses import FLEET, REPORT, Addresses
from tribolake.web.views.report import Fact
from tribolake.web.words import Words

# Columns of reports with texts as delivered, and what each is called.
WRITTEN = {
    "rejected_essays": "lineage.rejected",
    "censored_essays": "lineage.censored",
    "coded_essays": "lineage.coded",
    "delivered_essays": "lineage.delivered",
}


@dataclass(frozen=True)
class Written:
    """A result as the laboratory wrote it. `is_chosen` marks the one that the address names."""

    essay: str
    text: str
    kind: str
    is_chosen: bool


@dataclass(frozen=True)
class LineagePage:
    """The origin of a report. `is_unchanged` is None where the file was not compared."""

    client: str
    client_href: str
    unit: str
    component: str
    number: str
    report_href: str | None
    file: tuple[Fact, ...]
    verdict: str
    is_unchanged: bool | None
    publication: tuple[Fact, ...]
    written: tuple[Written, ...]
    command: str


def lineage_page(
    report: Mapping[str, Any], source: ReportSource, essay: str, words: Words, addresses: Addresses
) -> LineagePage:
    """Return the page of a row of `classified_reports` and its source. `essay` is marked."""
    run = source.run
    file = (
        ("report.file", report["sourceFile"]),
        ("report.sheet", report["sourceSheet"] or ""),
        ("report.row", str(report["sourceRow"])),
        ("lineage.sha", report["sourceSha256"]),
        ("lineage.bytes", f"{words.number(source.bytes)} B" if source.bytes is not None else ""),
        ("lineage.version", source.version_id or ""),
    )
    publication = (
        ("lineage.run", run.run_id),
        ("lineage.published", f"{words.moment(run.published_at)} UTC"),
        ("lineage.policy", report["policy"] or run.policy),
        ("report.limits", report["limits_version"] or ""),
        ("lineage.schema", run.schema_version),
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
        tuple(Fact(words(name), text) for name, text in file if text),
        words(verdicts[source.is_unchanged]),
        source.is_unchanged,
        tuple(Fact(words(name), text) for name, text in publication if text),
        _written(report, essay, words),
        f"tribolake lineage {shlex.quote(_numbered(report))} --client {report['client'].lower()}",
    )


def _written(report: Mapping[str, Any], chosen: str, words: Words) -> tuple[Written, ...]:
    """Return the results with a text of their own, and the chosen one if it came as a number."""
    texts = [
        (name, text, kind)
        for column, kind in WRITTEN.items()
        for name, text in json.loads(report.get(column) or "{}").items()
    ]
    numbers = {row["essay"] for row in read_seed("essays") if row["has_column"] == "true" and row["kind"] == "numeric"}
    if chosen in numbers - {name for name, _, _ in texts} and report.get(chosen) is not None:
        texts.insert(0, (chosen, words.number(report[chosen]), "lineage.number"))
    return tuple(Written(words.essay(name), text, words(kind), name == chosen) for name, text, kind in texts)


def _numbered(report: Mapping[str, Any]) -> str:
    """Return the name of a sample as commands take it."""
    occurrence = report["sampleOccurrence"]
    return f"{report['sampleNumber']}@{occurrence}" if occurrence else str(report["sampleNumber"])
