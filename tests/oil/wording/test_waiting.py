"""What a warehouse remembers of wordings: which are active, what waits, and when it is tried again."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from tests.support.kept_wordings import CONFIGURATION
from tests.support.kept_wordings import wording as real_wording

from tribolake.oil.wording.judge_again import judge_again
from tribolake.oil.wording.pattern import Rule
from tribolake.oil.wording.result import Waiting
from tribolake.oil.wording.waiting import (
    configuration_text,
    forget_other_configurations,
    is_judged_by,
    is_wording_due,
    keep_waiting,
    keep_wordings,
    note_judged_by,
    pending_patterns,
    try_again_now,
)
from tribolake.oil.wording.wording import Configuration, Wording
from tribolake.run.control_tables import control_tables
from tribolake.run.project import fingerprint_guards

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SPANISH = Configuration("2026-11", "gpt-4.1-mini", 0.2, "es")
RULES = {"K07": Rule("K07", "U1", False, "desgaste de l'anillo", "medir")}
NAME = configuration_text(SPANISH, RULES)
REPORTS = """
    create schema gold;
    create table gold.report_recommendations as
    select * from (values ('often', 'cda', 1), ('often', 'emin', 2), ('seldom', 'cda', 3), (null, 'cda', 4))
        as reports (pattern, client, row_id);
"""


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(REPORTS + control_tables() + control_tables("oil"))
        yield connection


def wording(pattern: str) -> Wording:
    return Wording("0" * 64, SPANISH, pattern, "l'observación", "causa", "acción", NOW.isoformat())


def wait(warehouse: duckdb.DuckDBPyConnection, reason="rejected", *patterns: str, now: datetime = NOW) -> None:
    keep_waiting(warehouse, NAME, {pattern: Waiting(reason, "digits") for pattern in patterns}, now)


def test_given_reports_then_their_patterns_are_pending_most_reports_first(warehouse):
    assert pending_patterns(warehouse, NAME, NOW) == [("often", 2, True), ("seldom", 1, True)]
    assert is_wording_due(warehouse, NAME, NOW)


def test_given_a_wording_then_its_pattern_is_not_pending_and_waits_no_longer(warehouse):
    wait(warehouse, "rejected", "often", "seldom")
    keep_wordings(warehouse, NAME, [wording("often")])
    keep_wordings(warehouse, NAME, [wording("often")])
    assert pending_patterns(warehouse, NAME, NOW) == [("seldom", 1, False)]
    assert warehouse.execute("select pattern from control.unworded").fetchall() == [("seldom",)]
    assert warehouse.execute("select observation, cause, action, language from control.wordings").fetchall() == [
        ("l'observación", "causa", "acción", "es")
    ]


def test_given_a_pattern_that_failed_then_it_is_due_after_a_while(warehouse):
    wait(warehouse, "rejected", "often", "seldom")
    assert not is_wording_due(warehouse, NAME, NOW + timedelta(minutes=14))
    assert is_wording_due(warehouse, NAME, NOW + timedelta(minutes=15))
    assert [found.is_due for found in pending_patterns(warehouse, NAME, NOW + timedelta(minutes=15))] == [True, True]


def test_given_failure_after_failure_then_each_wait_is_twice_as_long_up_to_a_day(warehouse):
    minutes = []
    for _ in range(12):
        wait(warehouse, "server error", "often")
        row = warehouse.execute("select epoch(next_try_at - last_tried_at) / 60 from control.unworded").fetchone()
        minutes.append(row[0])
    assert minutes == [15, 30, 60, 120, 240, 480, 960, *[1440] * 5]


@pytest.mark.parametrize("reason", ["budget", "batch", "stopped"])
def test_given_a_pattern_that_nobody_asked_for_then_runs_ask_and_waiting_grows_not(warehouse, reason):
    for _ in range(3):
        wait(warehouse, reason, "often", "seldom")
    assert warehouse.execute("select max(next_try_at) = $now from control.unworded", {"now": NOW}).fetchone() == (
        False,
    )
    assert not is_wording_due(warehouse, NAME, NOW + timedelta(minutes=14))
    assert is_wording_due(warehouse, NAME, NOW + timedelta(minutes=15))
    assert all(found.is_due for found in pending_patterns(warehouse, NAME, NOW))


@pytest.mark.parametrize(
    "other",
    [
        configuration_text(Configuration("2026-12", "gpt-4.1-mini", 0.2, "es"), RULES),
        configuration_text(Configuration("2026-11", "another", 0.2, "es"), RULES),
        configuration_text(Configuration("2026-11", "gpt-4.1-mini", 0.3, "es"), RULES),
        configuration_text(Configuration("2026-11", "gpt-4.1-mini", 0.2, "en"), RULES),
        configuration_text(SPANISH, {"K07": Rule("K07", "U1", False, "otra causa", "medir")}),
    ],
    ids=["prompt", "model", "temperature", "language", "text of a rule"],
)
def test_given_another_configuration_then_all_is_pending_and_the_rest_can_be_forgotten(warehouse, other):
    keep_wordings(warehouse, NAME, [wording("often")])
    wait(warehouse, "rejected", "seldom")
    assert len(pending_patterns(warehouse, other, NOW)) == 2
    assert is_wording_due(warehouse, other, NOW)
    assert forget_other_configurations(warehouse, NAME) == 0
    assert forget_other_configurations(warehouse, other) == 1
    assert warehouse.execute("select count(*) from control.unworded").fetchone() == (0,)


def test_given_patterns_that_wait_then_they_can_be_tried_at_once(warehouse):
    wait(warehouse, "rejected", "often", "seldom")
    try_again_now(warehouse)
    assert is_wording_due(warehouse, NAME, NOW)


def test_given_a_warehouse_without_recommendations_then_nothing_is_due():
    with duckdb.connect() as empty:
        assert not is_wording_due(empty, NAME, NOW)


# Guards that became stricter

REFUSED = dataclasses.replace(real_wording(1), observation="El hierro está en 85 ppm.")


def show(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Have a good and a bad wording shown."""
    keep_wordings(warehouse, NAME, [real_wording(0), REFUSED])


def shown(warehouse: duckdb.DuckDBPyConnection) -> list[str]:
    return [pattern for (pattern,) in warehouse.execute("select pattern from control.wordings").fetchall()]


def test_given_other_guards_than_those_that_judged_then_wordings_that_they_refuse_are_dropped_once(warehouse):
    show(warehouse)
    note_judged_by(warehouse, "those of before")
    assert judge_again(warehouse, CONFIGURATION) == 1
    assert shown(warehouse) == [real_wording(0).pattern]
    keep_wordings(warehouse, NAME, [REFUSED])
    assert judge_again(warehouse, CONFIGURATION) == 0
    assert len(shown(warehouse)) == 2


def test_given_a_warehouse_of_a_release_that_judged_once_then_its_wordings_are_judged_again(warehouse):
    show(warehouse)
    warehouse.execute("drop table control.judged_by")
    warehouse.execute(control_tables() + control_tables("oil"))
    assert judge_again(warehouse, CONFIGURATION) == 1


def test_given_changed_guards_then_a_run_is_due_where_wordings_are_shown(warehouse):
    wait(warehouse, "rejected", "often", "seldom")
    assert not is_wording_due(warehouse, NAME, NOW)
    keep_wordings(warehouse, NAME, [wording("often")])
    assert is_wording_due(warehouse, NAME, NOW)
    note_judged_by(warehouse, fingerprint_guards())
    assert not is_wording_due(warehouse, NAME, NOW)
    note_judged_by(warehouse, "those of before")
    assert is_wording_due(warehouse, NAME, NOW)
    warehouse.execute("drop table control.judged_by")
    assert is_wording_due(warehouse, NAME, NOW)
    assert not is_judged_by(warehouse, fingerprint_guards())


def test_given_a_look_whether_something_is_due_then_pandas_is_not_imported():
    script = (
        "import sys, duckdb; from datetime import datetime, UTC\n"
        "from tribolake.oil.wording.waiting import is_wording_due\n"
        "from tribolake.run.control_tables import control_tables\n"
        f"connection = duckdb.connect(); connection.execute({REPORTS!r} + control_tables() + control_tables('oil'))\n"
        "assert is_wording_due(connection, '{}', datetime.now(UTC))\n"
        "assert 'pandas' not in sys.modules and 'openai' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
