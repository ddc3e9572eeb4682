"""The newest samples of a component as a table: a row for each essay, with the numbers of its chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tribolake.oil.questions.series import ComponentSeries, EssaySeries
from tribolake.web.addresses import Addresses
from tribolake.web.views.parts import BANDS, File, tables_of
from tribolake.web.words import Words

SHOWN_SAMPLES = 8


@dataclass(frozen=True)
class Row:
    """An essay, and its value in each sample with the class of the limit that it breaks. Empty without a value."""

    essay: str
    unit: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SampleTable:
    """`days` are the days of the samples with the addresses of their reports, the newest first.

    `downloads` have all samples.
    """

    label: str
    days: tuple[tuple[str, str | None], ...]
    rows: tuple[Row, ...]
    downloads: tuple[File, ...]


def sample_table(
    found: ComponentSeries, samples: Sequence[Mapping[str, Any]], words: Words, addresses: Addresses
) -> SampleTable | None:
    """Return the table of a component. Returns None without values.

    Args:
        found: its series.
        samples: all of its reports, by time.
        words: the language.
        addresses: those of pages.
    """
    if not found.series:
        return None
    places = range(len(found.samples))[-SHOWN_SAMPLES:][::-1]
    newest = samples[-SHOWN_SAMPLES:][::-1]
    days = tuple((words.day(sample["sample_date"]), addresses.report(sample)) for sample in newest)
    rows = tuple(_row(series, places, words) for series in found.series)
    client, unit, component = (str(samples[-1][name]) for name in ("client", "unit_id", "component"))
    files = tables_of(partial(addresses.series, client, unit, component))
    return SampleTable(words("table.title", n=words.number(len(days))), days, rows, files)


def _row(series: EssaySeries, places: Sequence[int], words: Words) -> Row:
    points = {point.sample: point for point in series.points}
    cells = tuple(
        (words.number(one.text or one.value), BANDS.get(one.band, "")) if (one := points.get(place)) else ("", "")
        for place in places
    )
    return Row(words.essay(series.essay), words.unit(series.unit), cells)
