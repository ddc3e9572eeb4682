"""Show a report: its values, the limits that judged them, the sample before, its text and its row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.lake.objects import Objects
from tribolake.oil.contract import RESULTS
from tribolake.oil.questions.essays import place_of
from tribolake.oil.questions.limits import THRESHOLDS
from tribolake.oil.questions.published import rows
from tribolake.oil.questions.verdicts import Agreement, agreement_of
from tribolake.settings import Settings
from tribolake.sql import literal

FIELDS = (
    "client", "sampleNumber", "sampleOccurrence", "laboratory", "sampleDate", "labDate", "reportDate", "site",
    "unitId", "machineName", "machineModel", "machineHours", "componentName", "componentNameNormalized",
    "componentHours", "oilMeter", "oilBrand", "oilType", "oilWeight", "report_status", "classification_score",
    "severity_score", "urgency", "rule_ids", "policy", "limits_version", "labVerdict", "labComment", "sump",
    "alarm_component", "carries_alarm", "alarm_also_in", "sump_difference", "ai_recommendation", "sourceFile",
    "sourceSheet", "sourceRow", "sourceSha256", "kilometers",
)  # fmt: skip
# The sample before, of the same unit and component.
BEFORE = """
    select sampleNumber, sampleDate, report_status, classification_score
    from classified_reports
    where
        unitId = {unitId} and componentName = {componentName}
        and sampleNumber = {previousSampleNumber} and sampleDate = {previousSampleDate}
    limit 1
"""
# What is used of the report and of the sample before it. Rows of a component are next to one another.
RESULTS_QUERY = f"""
    select
        (sampleNumber, sampleOccurrence, laboratory) = ({{sampleNumber}}, {{sampleOccurrence}}, {{laboratory}})
            as is_of_report,
        essay, unit, value, code, censoring, text, status, {", ".join(THRESHOLDS)}, quality, n, decides, limit_value
    from {RESULTS.name}
    where
        unitId = {{unitId}} and componentName = {{componentName}} and rejection is null
        and (is_of_report or (sampleNumber = {{previousSampleNumber}} and sampleDate = {{previousSampleDate}}))
"""
NAMES = (
    "sampleNumber", "sampleOccurrence", "laboratory", "unitId", "componentName", "previousSampleNumber",
    "previousSampleDate",
)  # fmt: skip


# Columns that `shown_report` reads. Reading the many columns of essays takes longer than all else.
READ = (*dict.fromkeys((*FIELDS, *NAMES, "delivered_essays")),)


@dataclass(frozen=True)
class ShownReport:
    """A report. `values` has a row for each result that is used: see :func:`_value`.

    `limit` of a value is the limit that it breaks. It is not among the thresholds if a floor or a fixed band decides.
    `delivered` is the result as delivered, where its unit is not the essay's own: `450 ppm`. `censoring` is `<` or `>`
    where the value is out of the method's range.
    """

    report: dict[str, Any]
    values: list[dict[str, Any]]
    before: dict[str, Any] | None  # number, date and status of the sample before
    agreement: Agreement  # with the laboratory

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def show_report(settings: Settings, sample: str, clients: Sequence[str] | None = None) -> ShownReport:
    """Read a report from published files.

    Args:
        settings: the lake.
        sample: a number. Of a number with several samples `NUMBER@OCCURRENCE` is one.
        clients: these only. None means all.

    Raises:
        ConfigurationError: there is no such report, or there are several.
    """
    number = literal(sample.strip())
    found = rows(
        settings,
        "select * from classified_reports"
        f" where sampleNumber = {number} or sampleNumber || '@' || sampleOccurrence = {number}"
        " order by client, laboratory, sampleOccurrence",
        clients,
    )
    if not found:
        raise ConfigurationError(
            f"no report of sample {sample[:80]!r} is published: `tribolake show machine UNIT` lists a unit's latest"
        )
    if len(found) > 1:
        names = ", ".join(f"{one['sampleNumber']}@{one['sampleOccurrence']} of {one['client']}" for one in found)
        raise ConfigurationError(f"{len(found)} reports have sample {sample[:80]!r}: choose {names}, or give --client")
    return shown_report(settings, found[0])


def find_reports(
    settings: Settings,
    client: str,
    number: str,
    *,
    occurrence: str | None = None,
    laboratory: str | None = None,
    published: Objects | None = None,
    columns: Sequence[str] = ("*",),
) -> list[dict[str, Any]]:
    """Find the published reports of exactly this number. None means any occurrence, and any laboratory.

    Returns:
        Rows of `classified_reports` with these columns.
    """
    wanted = {"sampleNumber": number, "sampleOccurrence": occurrence, "laboratory": laboratory}
    named = [f"{column} = {literal(value)}" for column, value in wanted.items() if value is not None]
    select = f"select {', '.join(columns)} from classified_reports where {' and '.join(named)}"
    return rows(settings, f"{select} order by laboratory, sampleOccurrence", [client], published)


def shown_report(settings: Settings, report: Mapping[str, Any], published: Objects | None = None) -> ShownReport:
    """Return what a row of `classified_reports` shows.

    Raises:
        PublishedEarlier: an earlier release published the client, without results.
    """
    client = [str(report["client"]).lower()]
    before = rows(settings, BEFORE.format(**_named(report)), client, published)
    results = rows(settings, RESULTS_QUERY.format(**_named(report)), client, published, needs=[RESULTS.name])
    then = {result["essay"]: _text(result) for result in results if not result["is_of_report"]}
    delivered = json.loads(report.get("delivered_essays") or "{}")
    values = [
        _value(result, then.get(result["essay"]), delivered.get(result["essay"]))
        for result in sorted(results, key=lambda result: place_of(result["essay"]))
        if result["is_of_report"]
    ]
    shown = {name: report.get(name) for name in FIELDS}
    for column in ("sump_difference", "kilometers"):
        shown[column] = json.loads(shown[column] or "null")
    return ShownReport(shown, values, before[0] if before else None, agreement_of(report))


def _named(report: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns of a report as literals."""
    return {name: "null" if report[name] is None else literal(report[name]) for name in NAMES}


def _value(result: Mapping[str, Any], before: str | None, delivered: str | None) -> dict[str, Any]:
    """Return an essay with `value` and `before` as the laboratory wrote them, its status, and its limits in `unit`."""
    return {
        "essay": result["essay"],
        "unit": result["unit"],
        "value": _text(result),
        "before": before,
        "status": result["status"],
        **{name: result[name] for name in (*THRESHOLDS, "quality", "n", "decides")},
        "limit": result["limit_value"],
        "delivered": delivered,
        "censoring": result["censoring"],
    }


def _text(result: Mapping[str, Any]) -> str | None:
    """Return a result as text: `<0,05` below detection, a code where it is one."""
    value, code = result["value"], result["code"]
    if result["censoring"] is not None:
        return str(result["text"])
    # Fifteen digits are what a double holds: six would show 1 234 567 particles as 1.23457e+06.
    return code and str(code) if value is None else f"{value:.15g}"
