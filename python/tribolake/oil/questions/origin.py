"""Where the results of a report stand in the files of its laboratory, as `results` names their cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tribolake.lake.objects import Objects
from tribolake.oil.contract import RESULTS
from tribolake.oil.questions.published import rows
from tribolake.settings import Settings
from tribolake.sql import literal

NAMES = ("unitId", "componentName", "sampleNumber", "sampleOccurrence", "laboratory")
QUERY = f"from {RESULTS.name} where {' and '.join(f'{name} = {{{name}}}' for name in NAMES)}"
FILE = ("sourceSha256", "sourceFile", "sourceSheet")
CELL = (*FILE, "sourceRow", "column_name")


@dataclass(frozen=True)
class Origin:
    """The rows of a file that a value comes from, or a whole report.

    `place` has sourceFile, sourceSheet, sourceRow and sourceSha256. `rows` are numbers of rows in that sheet, that of
    `place` first. `result` is the row of `results`, or None. `computed_from` is the essay that a computed result comes
    from, or empty.
    """

    place: Mapping[str, Any]
    rows: tuple[int, ...]
    result: Mapping[str, Any] | None
    computed_from: str


def origin_of(settings: Settings, report: Mapping[str, Any], essay: str, published: Objects) -> Origin:
    """Return where a report's result of an essay stands. Without one it is where the report stands.

    Args:
        settings: the lake.
        report: a row of `classified_reports`.
        essay: by its published name. An empty one asks for the report.
        published: objects of the lake.

    Raises:
        PublishedEarlier: an earlier release published the client, without results.
    """
    named = QUERY.format(**{name: literal(str(report[name])) for name in NAMES})
    results = rows(settings, named, [str(report["client"]).lower()], published, needs=[RESULTS.name])
    result = next((one for one in results if one["essay"] == essay), None)
    if result is None:
        return Origin(report, _rows(report, results), None, "")
    return Origin(result, (result["sourceRow"],), result, _computed_from(result, results))


def _rows(report: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return the row of a report, and the others of its sheet with results."""
    same_sheet = (one for one in results if _same(FILE, one, report))
    return tuple(dict.fromkeys((report["sourceRow"], *sorted(one["sourceRow"] for one in same_sheet))))


def _computed_from(result: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> str:
    if not result["is_computed"]:
        return ""
    written = (one["essay"] for one in results if not one["is_computed"] and _same(CELL, one, result))
    return next(written, "")


def _same(names: Sequence[str], one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[name] == other[name] for name in names)
