"""Test active replies, waiting patterns, and the times of new attempts in a warehouse."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from tests.support.kept_wordings import wording

from tribolake.oil.wording.result import Waiting
from tribolake.oil.wording.waiting import (
    configuration_text,
    forget_other_configurations,
    forget_prompt_version,
    is_wording_due,
    keep_replies,
    keep_waiting,
    pending,
    show_replies,
    try_again_now,
)
from tribolake.oil.wording.wording import Configuration
from tribolake.run.control_tables import control_tables

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SPANISH = Configuration("2026-11", "l'model", 0.2, "es")
NAME = configuration_text(SPANISH, sees_comments=False)
WITH_COMMENTS = configuration_text(SPANISH, sees_comments=True)
# The report of EMIN has a comment.
REPORTS = """
    create schema gold;
    create table gold.report_recommendations as
    select
        *,
        pattern || coalesce('#' || comment, '') as commented_pattern
    from (values
        ('often', 'CDA', 1, null), ('often', 'EMIN', 2, 'x'), ('seldom', 'CDA', 3, null), (null, 'CDA', 4, null)
    ) as reports (pattern, client, row_id, comment);
"""


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(REPORTS + control_tables() + control_tables("oil"))
        yield connection


def keep(warehouse: duckdb.DuckDBPyConnection, *patterns: str, at: str = NOW.isoformat()) -> None:
    keep_replies(warehouse, NAME, {each: dataclasses.replace(wording(1), generated_at=at) for each in patterns})


def found(warehouse: duckdb.DuckDBPyConnection, name: str = NAME, now: datetime = NOW) -> list[tuple]:
    return [(each.pattern.text, each.reports, each.is_due) for each in pending(warehouse, name, now)]


def wait(warehouse: duckdb.DuckDBPyConnection, reason="rejected", *patterns: str, now: datetime = NOW) -> None:
    keep_waiting(warehouse, NAME, {pattern: Waiting(reason, "digits") for pattern in patterns}, now)


def test_patterns_of_reports_are_pending_most_reports_first(warehouse):
    assert found(warehouse) == [("often", 2, True), ("seldom", 1, True)]
    assert is_wording_due(warehouse, NAME, NOW)


def test_comments_are_part_of_a_pattern_where_permitted_only(warehouse):
    assert found(warehouse, WITH_COMMENTS) == [("often", 1, True), ("often#x", 1, True), ("seldom", 1, True)]
    assert [each.pattern.comment for each in pending(warehouse, WITH_COMMENTS, NOW)] == [None, "x", None]
    assert all(each.pattern.comment is None for each in pending(warehouse, NAME, NOW))


def test_pattern_with_a_reply_is_not_pending_and_waits_no_longer(warehouse):
    wait(warehouse, "rejected", "often", "seldom")
    keep(warehouse, "often")
    keep(warehouse, "often")
    assert found(warehouse) == [("seldom", 1, False)]
    assert warehouse.execute("select pattern from control.unworded").fetchall() == [("seldom",)]
    assert warehouse.execute("select cache_key, reply from control.replies").fetchall() == [
        (wording(1).cache_key, wording(1).reply)
    ]


def test_pattern_that_failed_is_due_after_a_while(warehouse):
    wait(warehouse, "rejected", "often", "seldom")
    assert not is_wording_due(warehouse, NAME, NOW + timedelta(minutes=14))
    assert is_wording_due(warehouse, NAME, NOW + timedelta(minutes=15))
    assert [is_due for _, _, is_due in found(warehouse, now=NOW + timedelta(minutes=15))] == [True, True]


def test_wait_doubles_with_each_failure_up_to_a_day(warehouse):
    minutes = []
    for _ in range(12):
        wait(warehouse, "server error", "often")
        row = warehouse.execute("select epoch(next_try_at - last_tried_at) / 60 from control.unworded").fetchone()
        minutes.append(row[0])
    assert minutes == [15, 30, 60, 120, 240, 480, 960, *[1440] * 5]


@pytest.mark.parametrize("reason", ["budget", "stopped"])
def test_pattern_that_was_not_asked_for_is_due_in_any_run(warehouse, reason):
    for _ in range(3):
        wait(warehouse, reason, "often", "seldom")
    assert not is_wording_due(warehouse, NAME, NOW + timedelta(minutes=14))
    assert is_wording_due(warehouse, NAME, NOW + timedelta(minutes=15))
    assert all(is_due for _, _, is_due in found(warehouse))


@pytest.mark.parametrize(
    "other",
    [
        *(
            configuration_text(dataclasses.replace(SPANISH, **change), sees_comments=False)
            for change in ({"prompt_version": "x"}, {"model": "x"}, {"temperature": 0.3}, {"language": "en"})
        ),
        WITH_COMMENTS,
    ],
    ids=["prompt", "model", "temperature", "language", "comments"],
)
def test_another_configuration_forgets_replies_and_waiting(warehouse, other):
    keep(warehouse, "often")
    wait(warehouse, "rejected", "seldom")
    assert "often" in [pattern for pattern, _, _ in found(warehouse, other)]
    assert is_wording_due(warehouse, other, NOW)
    forget_other_configurations(warehouse, NAME)
    assert found(warehouse) == [("seldom", 1, False)]
    forget_other_configurations(warehouse, other)
    assert found(warehouse) == [("often", 2, True), ("seldom", 1, True)]


def test_waiting_patterns_can_be_tried_at_once(warehouse):
    wait(warehouse, "rejected", "often", "seldom")
    try_again_now(warehouse)
    assert is_wording_due(warehouse, NAME, NOW)


def test_clients_of_changed_texts_are_returned_once(warehouse):
    assert show_replies(warehouse) == set()
    keep(warehouse, "seldom")
    assert show_replies(warehouse) == {"cda"}
    assert show_replies(warehouse) == set()
    keep(warehouse, "often", at="2026-02-01T00:00:00+00:00")
    assert show_replies(warehouse) == {"cda", "emin"}
    keep(warehouse, "often", at="2026-02-02T00:00:00+00:00")  # of the same key, another reply
    assert show_replies(warehouse) == {"cda", "emin"}
    assert forget_prompt_version(warehouse, "2026-11") == 2
    assert show_replies(warehouse) == {"cda", "emin"}


@pytest.mark.parametrize(
    "built", ["", "create schema gold; create table gold.report_recommendations as select 1 as x;"]
)
def test_warehouse_of_an_earlier_release_has_nothing_due(built):
    with duckdb.connect() as earlier:
        earlier.execute(built)
        assert not is_wording_due(earlier, NAME, NOW)
        earlier.execute(control_tables() + control_tables("oil"))
        assert not is_wording_due(earlier, WITH_COMMENTS, NOW)


def test_look_whether_something_is_due_does_not_import_pandas():
    script = (
        "import sys, duckdb; from datetime import datetime, UTC\n"
        "from tribolake.oil.wording.waiting import is_wording_due\n"
        "from tribolake.run.control_tables import control_tables\n"
        f"connection = duckdb.connect(); connection.execute({REPORTS!r} + control_tables() + control_tables('oil'))\n"
        "assert is_wording_due(connection, '{}', datetime.now(UTC))\n"
        "assert 'pandas' not in sys.modules and 'openai' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
