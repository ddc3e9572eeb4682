"""Control tables are declared once; the warehouse of an earlier release gets the columns that it lacks."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime

import duckdb
import pytest

from tribolake.lake.bronze import BronzeFile
from tribolake.run.control_tables import control_tables
from tribolake.run.run_records import RunRequest, request_run
from tribolake.settings import PROJECT_DIR

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
COLUMNS = """
    select table_name, column_name, data_type from duckdb_columns()
    where schema_name in ('control', 'history') order by all
"""
# What earlier releases left behind: the first knew no language, the second listed files in its process.
EARLIER = {
    "without a language": "create table control.run_request (run_id varchar not null, policy varchar not null,"
    " clients varchar[], retry_failed boolean not null, recalculate_limits boolean not null,"
    " requested_at timestamptz not null)",
    "without found files": "create table control.run_request (run_id varchar not null, policy varchar not null,"
    " clients varchar[], retry_failed boolean not null, recalculate_limits boolean not null,"
    " requested_at timestamptz not null, language varchar not null)",
}


@pytest.mark.parametrize("earlier", EARLIER)
def test_earlier_warehouse_gets_the_columns_it_lacks(earlier: str):
    with duckdb.connect() as fresh, duckdb.connect() as old:
        fresh.execute(control_tables() + control_tables("oil"))
        old.execute("create schema control; create schema history;" + EARLIER[earlier])
        file = BronzeFile("cda", "oil-analysis/bronze/cda/T-1.xlsx", 7, NOW, date(2026, 1, 31))
        request = RunRequest("run", "default", ("cda",), False, False, NOW, "en")
        for _ in range(2):
            request_run(old, request, [file], rebuild=True, forget=())
        old.execute(control_tables("oil"))
        assert old.execute(COLUMNS).fetchall() == fresh.execute(COLUMNS).fetchall()
        asked = old.execute("select language, has_found_files, clients from control.run_request").fetchall()
        assert asked == [("en", True, ["cda"])]
        found = old.execute("select * exclude (modified_at), modified_at = $1 from control.found_files", [NOW])
        assert found.fetchall() == [("cda", file.key, 7, date(2026, 1, 31), True)]


def test_control_tables_are_declared_once():
    """Neither Python nor a second macro creates one."""
    found: Counter[str] = Counter()
    for path in [*PROJECT_DIR.glob("python/**/*.py"), *PROJECT_DIR.glob("macros/**/*.sql")]:
        found.update(re.findall(r"create table if not exists ((?:control|history)\.\w+)", path.read_text("utf-8")))
    assert {"control.run_request", "control.replies", "history.limit_decisions"} <= set(found)
    assert [name for name, times in found.items() if times > 1] == []
