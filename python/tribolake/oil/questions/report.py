"""Show a report: its values, the limits that judged them, the sample before, its text and its row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.lake.objects import Objects
from tribolake.lake.replicas import open_objects
from tribolake.oil.limits.versions import JUDGING_LIMITS, LIMITS
from tribolake.oil.questions.limits import THRESHOLDS, judging_limits
from tribolake.oil.questions.published import rows
from tribolake.oil.seeds import read_seed
from tribolake.settings import Settings
from tribolake.sql import literal
from tribolake.trace.find import fetch_version

FIELDS = (
    "client", "sampleNumber", "sampleOccurrence", "laboratory", "sampleDate", "labDate", "reportDate", "site",
    "unitId", "machineName", "machineModel", "machineHours", "componentName", "componentNameNormalized",
    "componentHours", "oilMeter", "oilBrand", "oilType", "oilWeight", "report_status", "classification_score",
    "severity_score", "urgency", "rule_ids", "policy", "limits_version", "labVerdict", "labComment", "sump",
    "alarm_component", "carries_alarm", "alarm_also_in", "sump_difference", "ai_recommendation", "sourceFile",
    "sourceSheet", "sourceRow", "sourceSha256", "kilometers",
)  # fmt: skip
BEFORE = ("sampleNumber", "sampleDate", "report_status", "classification_score")


@dataclass(frozen=True)
class ShownReport:
    """A report. `values` has a row for each essay that was measured: see :func:`_value`.

    `limit` of a value is the limit that it breaks. It is not among the thresholds if a floor or a fixed band decides.
    `delivered` is the result as delivered, where its unit is not the essay's own: `450 ppm`.
    """

    report: dict[str, Any]
    values: list[dict[str, Any]]
    before: dict[str, Any] | None  # number, date and status of the sample before

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
) -> list[dict[str, Any]]:
    """Find the published reports of exactly this number. None means any occurrence, and any laboratory.

    Returns:
        Rows of `classified_reports`.
    """
    wanted = {"sampleNumber": number, "sampleOccurrence": occurrence, "laboratory": laboratory}
    named = [f"{column} = {literal(value)}" for column, value in wanted.items() if value is not None]
    select = f"select * from classified_reports where {' and '.join(named)} order by laboratory, sampleOccurrence"
    return rows(settings, select, [client], published)


def shown_report(settings: Settings, report: Mapping[str, Any], published: Objects | None = None) -> ShownReport:
    """Return what a row of `classified_reports` shows."""
    before = _before(settings, report, published)
    values = _values(report, before or {}, limits_of(settings, report))
    earlier = None
    if before:
        earlier = {name: before[name] for name in BEFORE}
    shown = {name: report.get(name) for name in FIELDS}
    for column in ("sump_difference", "kilometers"):
        shown[column] = json.loads(shown[column] or "null")
    return ShownReport(shown, values, earlier)


def _before(settings: Settings, report: Mapping[str, Any], published: Objects | None) -> dict[str, Any] | None:
    """Return the report of the sample before, of the same unit and component."""
    if report["previousSampleNumber"] is None:
        return None
    found = rows(
        settings,
        f"select * from classified_reports where unitId = {literal(report['unitId'])}"
        f" and componentName = {literal(report['componentName'])}"
        f" and sampleNumber = {literal(report['previousSampleNumber'])}"
        f" and sampleDate = {literal(report['previousSampleDate'])}",
        [str(report["client"]).lower()],
        published,
    )
    return found[0] if found else None


def limits_of(settings: Settings, report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the limits that judged a report, by essay.

    Args:
        settings: the lake.
        report: limits_version, policy, machineName, machineModel, componentNameNormalized, and delivered_essays.
    """
    if report["limits_version"] is None:
        return {}
    file = fetch_version(open_objects(settings), LIMITS, report["limits_version"], JUDGING_LIMITS)
    delivered = json.loads(report.get("delivered_essays") or "{}")
    units = {row["essay"]: row["unit"] for row in read_seed("essays")}
    found: dict[str, dict[str, Any]] = {}
    for limit in judging_limits(file, report["policy"]):
        if limit["machine"] != report["machineName"] or limit["component"] != report["componentNameNormalized"]:
            continue
        if limit["machine_model"] not in (None, report["machineModel"] or ""):
            continue
        # An essay with limits in two scales is in its own unit, unless it was delivered in the other one.
        own, unit = delivered.get(limit["essay"], ""), limit["unit"]
        if limit["essay"] not in found or own.endswith(f" {unit}") or unit == units.get(limit["essay"]):
            found[limit["essay"]] = limit
    return found


def _values(
    report: Mapping[str, Any], before: Mapping[str, Any], limits: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    essays = [row["essay"] for row in read_seed("essays") if row["has_column"] == "true"]
    now, then = _texts(report), _texts(before)
    statuses = json.loads(report["essay_status"] or "{}")
    delivered = json.loads(report.get("delivered_essays") or "{}")
    breached = {breach["essay"]: breach["limit"] for breach in json.loads(report["breached_essays"] or "[]")}
    essays += [essay for essay in statuses if essay not in essays]  # those without a column have a status only
    return [
        _value(essay, now.get(essay), then.get(essay), statuses.get(essay), limits.get(essay, {}))
        | {"limit": breached.get(essay), "delivered": delivered.get(essay)}
        for essay in essays
        if essay in now or statuses.get(essay) not in (None, "Normal")
    ]


def _value(
    essay: str, value: str | None, before: str | None, status: str | None, limits: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an essay with `value` and `before` as the laboratory wrote them, its status, and its limits in `unit`."""
    return {
        "essay": essay,
        "unit": limits.get("unit"),
        "value": value,
        "before": before,
        "status": status,
        **{name: limits.get(name) for name in THRESHOLDS},
        "quality": limits.get("quality"),
    }


def _texts(report: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of a report as text, by essay: `<0,05` below detection, a code where it is one."""
    if not report:
        return {}
    texts: dict[str, str] = {}
    for row in read_seed("essays"):
        value = report[row["essay"]] if row["has_column"] == "true" else None
        if value is not None:
            # Fifteen digits are what a double holds: six would show 1 234 567 particles as 1.23457e+06.
            texts[row["essay"]] = f"{value:.15g}" if isinstance(value, float | int) else str(value)
    for column in ("coded_essays", "censored_essays"):
        texts |= json.loads(report[column] or "{}")
    return texts
