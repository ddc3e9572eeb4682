"""The values of a report: each against the limits that judged it, and beside the value before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tribolake.oil.limits.choice import LimitGroup
from tribolake.oil.questions.limits import judging_grain
from tribolake.web.addresses import LIMIT, LINEAGE, Addresses
from tribolake.web.views.meter import LOWER, UPPER, Meter, meter_of
from tribolake.web.views.parts import BANDS, coded
from tribolake.web.words import Words

NO_LIMIT = "–"  # a group with few samples has no critical limit


@dataclass(frozen=True)
class ValueRow:
    """An essay: its value, the one before, and the limits that judged it. `band` is empty if it breaks none."""

    essay: str
    value: str
    unit: str
    before: str
    band: str
    slug: str
    limit: str
    thresholds: str
    lower: str
    quality: str
    note: str  # that it does not decide
    delivered: str
    meter: Meter | None
    meter_label: str
    origin: str | None
    limit_href: str | None  # of the limits that judged it


def sample_address(path: str, report: Mapping[str, Any], addresses: Addresses, **more: object) -> str | None:
    return addresses.sample(
        path, report["client"], report["sampleNumber"], report["sampleOccurrence"], report["laboratory"], **more
    )


def value_row(row: Mapping[str, Any], report: Mapping[str, Any], words: Words, addresses: Addresses) -> ValueRow:
    value, before = number_of(row["value"]), number_of(row["before"])
    unit = row["unit"]
    is_breach = row["status"] in BANDS
    decides = row["decides"]
    has_upper = any(row[name] is not None for name in UPPER)
    upper = [words.number(row[name]) or NO_LIMIT for name in UPPER]
    lower = [words.number(row[name]) for name in LOWER if row[name] is not None]
    shown = text_of(row["value"], words)
    return ValueRow(
        words.essay(row["essay"]),
        shown,
        words.unit(unit) if value is not None else "",
        words("report.before", value=text_of(row["before"], words)) if row["before"] else "",
        words(f"band.{row['status']}") if is_breach else "",
        BANDS[row["status"]] if is_breach else "",
        words.number(row["limit"]),
        words("report.thresholds", normal=upper[0], alert=upper[1], critic=upper[2]) if has_upper else "",
        words("report.lower", lower=" · ".join(lower)) if lower else "",
        words("report.quality", quality=row["quality"]) if row["quality"] else "",
        "" if decides else words("report.not_deciding"),
        words("report.delivered", text=row["delivered"])
        if row["delivered"] not in (None, f"{row['value']} {unit}")
        else "",
        meter_of(value, before, row),
        words("report.meter_label", value=shown, limits=" · ".join([*lower, *(upper if has_upper else [])])),
        sample_address(LINEAGE, report, addresses, essay=row["essay"]),
        _limit_address(row, report, addresses),
    )


def _limit_address(row: Mapping[str, Any], report: Mapping[str, Any], addresses: Addresses) -> str | None:
    """Return the address of the limits of the group that judged a value. Returns None if none did."""
    if report["limits_version"] is None or all(row[name] is None for name in (*UPPER, *LOWER)):
        return None
    grain = judging_grain(report["policy"])
    group = LimitGroup(
        report["client"],
        grain,
        report["machineName"],
        (report["machineModel"] or "") if grain == "model" else "",
        report["componentNameNormalized"],
        row["essay"],
        row["unit"] or "",
    )
    return addresses.limit(LIMIT, group, version=report["limits_version"])


def number_of(text: str | None) -> float | None:
    """Return the number of a value. Codes and values out of range have none."""
    try:
        return float(text) if text else None
    except ValueError:
        return None


def text_of(text: str | None, words: Words) -> str:
    return coded(text or "", words) if number_of(text) is None else words.number(text)
