"""The law of arrival order for every rule that looks at more than one row, on deliveries that Hypothesis makes.

Lost decimal points, decimal marks, the order of day and month, units below the headers, two columns of one name,
several samples of one number, spellings of a unit, and samples in parts: what they say follows from the live rows,
whatever the order and splits in which the files came.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.oil.test_arrival_order import DELIVERED, Delivery, differences, put, sample
from tests.support.lab_files import FINNING, workbook

from tribolake.oil.product import OIL
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("parsed_project")]
HEADERS = [*FINNING, "Fe"]
Row = dict[str, object]

# A family of base numbers that is wide enough to be asked, three of which have lost their point. The month has its
# name, so that no other date of the file can put these in doubt.
DAY = "5 ene 2026"
FAMILY = [sample(f"V-{at}", f"T-{at}", DAY, TBN=9.8 + at / 20 + 0.01) for at in range(24)]
LOST = [sample(f"L-{at}", f"T-5{at}", DAY, TBN=number) for at, number in enumerate((101, 99, 25, 104))]
DAYS = st.sampled_from(["2026-01-01", "2026-01-06", "2026-01-12", "2025-06-01", "13/01/2026", "1/13/2026", "3/4/2026"])
SPELLINGS = st.sampled_from(["T-71", "t‑71", "Т_71 ", "T-72"])
IRON = st.sampled_from(["", 31, "12,5", "12.5", "1.234", "420 ppm", "ND"])
SAMPLES = st.builds(
    lambda number, unit, day, iron, base, second: sample(number, unit, day, Fe=iron, TBN=base, second=second),
    st.sampled_from(["R-1", "r-1", "R-2", "'0012", "0012"]), SPELLINGS, DAYS, IRON, st.sampled_from(["", 4.1, 9.5]),
    st.sampled_from(["", 31, 77]),
)  # fmt: skip


def content(rows: list[Row], units: str) -> bytes:
    """A workbook with two columns of iron, and with a row of units if there are any."""
    table: list[list[object]] = [HEADERS]
    if units:
        table.append([units if header in ("W", "Cu") else "" for header in HEADERS])
    table += [[*((FINNING | row)[header] for header in FINNING), row.get("second", "")] for row in rows]
    return workbook(table)


@st.composite
def orders(draw: st.DrawFn) -> tuple[list[Delivery], list[list[int]]]:
    """Draw files, and batches of their positions: the order in which they come."""
    files = draw(st.integers(2, 4))
    rows = FAMILY + LOST + draw(st.lists(SAMPLES, min_size=4, max_size=8))
    places = draw(st.lists(st.integers(0, files - 1), min_size=len(rows), max_size=len(rows)))
    made = [
        Delivery(
            f"cda/2026-02-0{at + 1}/file {at}.xlsx",
            content(
                [row for row, place in zip(rows, places, strict=True) if place == at],
                draw(st.sampled_from(["", "ppm", "%"])),
            ),
            DELIVERED + at * 3600,
        )
        for at in range(files)
    ]
    order = draw(st.permutations(range(files)))
    cut = draw(st.integers(1, files - 1))
    return made, [order[:cut], order[cut:]]


@given(orders())
@settings(max_examples=3, phases=[Phase.explicit, Phase.generate], database=None)
def test_rules_say_the_same_in_any_order(case: tuple[list[Delivery], list[list[int]]]) -> None:
    files, batches = case
    with tempfile.TemporaryDirectory() as folder:
        lakes = [load_settings(lake=Path(folder) / name) for name in ("at once", "in parts")]
        for lake, parts in zip(lakes, ([range(len(files))], batches), strict=True):
            for part in parts:
                put(lake, [files[at] for at in part])
                report = run(OIL, lake)
                assert not (report.failed_files or report.failed_tests or report.problems)
            if len(parts) > 1:
                run(OIL, lake, recalculate_limits=True)
        assert differences(lakes[1].lake, lakes[0].lake, clients=["cda"]) == {}
        with duckdb.connect(lakes[1].warehouse, read_only=True) as warehouse:
            lost = "select raw_text from silver.results where rejection = 'decimal_point_lost' order by 1"
            assert warehouse.execute(lost).fetchall() == [("101",), ("104",), ("99",)]


def test_table_without_rows_does_not_stop_later_runs(settings: Settings) -> None:
    for at, rows in enumerate((FAMILY[:2], [], FAMILY[2:4])):
        put(settings, [Delivery(f"cda/file {at}.xlsx", content(rows, ""), DELIVERED + at)])
        assert run(OIL, settings).clients["cda"].rows_loaded == len(rows)
