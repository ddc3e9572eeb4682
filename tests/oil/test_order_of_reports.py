"""Test that questions order the reports of a component as gold does."""

from __future__ import annotations

import random
from datetime import date, datetime
from itertools import product

import duckdb

from tribolake.oil.questions.order import NEWEST_FIRST, OLDEST_FIRST
from tribolake.oil.questions.samples import WITH_NUMBER
from tribolake.run.warehouse import rows_of
from tribolake.settings import PROJECT_DIR
from tribolake.sql import literal

DAYS = (date(2026, 1, 1), date(2026, 1, 2))
TIMES = (datetime(2026, 1, 1, 2), datetime(2026, 1, 2, 2))
ROWS = list(product(DAYS, TIMES, ("a.xlsx", "b.xlsx"), ("OIL", "COOLANT"), (2, 10)))
NAMES = "sampleDate, sampleTimestamp, sourceFile, sourceSheet, sourceRow"


def ordered(order: str) -> list[tuple[object, ...]]:
    shuffled = random.Random(1).sample(ROWS, len(ROWS))  # noqa: S311 - protects nothing
    values = ", ".join(f"({', '.join(literal(str(value)) for value in row)})" for row in shuffled)
    rows = duckdb.execute(
        f"select * replace (sourceRow::int as sourceRow) from (values {values}) as reports({NAMES}) order by "
        + order.replace("sourceRow", "sourceRow::int")
    ).fetchall()
    return [tuple(row) for row in rows]


def test_oldest_first_is_newest_first_turned_round():
    newest = ordered(NEWEST_FIRST)
    assert newest == ordered(OLDEST_FIRST)[::-1]
    assert newest[0] == ("2026-01-02", "2026-01-02 02:00:00", "a.xlsx", "COOLANT", 2)


def test_gold_chooses_the_latest_report_by_the_same_order():
    model = PROJECT_DIR / "models" / "oil" / "gold" / "component_status_current.sql"
    assert f"order by {NEWEST_FIRST}\n" in model.read_text(encoding="utf-8")


def test_search_lists_the_newest_day_first():
    """Given a report whose time, in another zone, is of the day before, its day decides."""
    columns = "client, laboratory, sampleOccurrence, componentNameNormalized, report_status, urgency"
    nothing = ", ".join(f"'' as {name}" for name in columns.split(", "))
    reports = f"""
        select {nothing}, 0 as classification_score, 'u' as unitId, 'c' as componentName, *
        from (values
            ('AB-1', date '2026-01-01', timestamp '2026-01-02 03:00', 'f', 's', 1),
            ('AB-2', date '2026-01-02', timestamp '2026-01-02 02:00', 'f', 's', 2)
        ) as samples(sampleNumber, sampleDate, sampleTimestamp, sourceFile, sourceSheet, sourceRow)
    """
    with duckdb.connect() as connection:
        connection.execute(f"create table classified_reports as {reports}")
        found = rows_of(connection, WITH_NUMBER.format(number=literal("ab-"), most=9))
    assert [row["sample_number"] for row in found] == ["AB-2", "AB-1"]
