"""Test that questions see one publication, the newest one next time, and no other file."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.small_warehouse import gold_of, publish, warehouse

from tribolake.lake.replicas import open_objects
from tribolake.oil.product import OIL
from tribolake.settings import Settings
from tribolake.sql import literal
from tribolake.trace import published_rows as asked
from tribolake.trace.pinned import PinnedObjects
from tribolake.trace.published_rows import published_rows
from tribolake.trace.query import QueryFailed

MARKS = "select distinct mark from results"


@pytest.fixture
def published(settings: Settings) -> Settings:
    settings.lake.mkdir()
    publish(warehouse(1, rows=20), settings.lake, "run-1")
    return settings


def marks(settings: Settings, pinned: PinnedObjects | None = None, *, is_kept: bool = False) -> list[int]:
    found = published_rows(OIL.contract, pinned or PinnedObjects(open_objects(settings)), MARKS, is_kept=is_kept)
    return [row["mark"] for row in found]


@pytest.mark.parametrize("is_kept", [False, True])
def test_answer_is_of_the_pinned_publication_and_then_of_the_next(published: Settings, is_kept: bool):
    pinned = PinnedObjects(open_objects(published))
    assert marks(published, pinned, is_kept=is_kept) == [1]
    publish(warehouse(2, rows=20), published.lake, "run-2", "2026-02-01")
    assert marks(published, pinned, is_kept=is_kept) == [1]
    assert marks(published, is_kept=is_kept) == [2]


def test_changed_row_is_not_kept(published: Settings):
    objects = PinnedObjects(open_objects(published))
    for _ in range(2):
        (row,) = published_rows(OIL.contract, objects, MARKS, is_kept=True)
        assert row == {"mark": 1}
        row["mark"] = 7


def test_database_reads_no_other_file(published: Settings, tmp_path: Path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n", encoding="utf-8")
    objects = PinnedObjects(open_objects(published))
    file = literal(secret)
    for sql in (
        f"select * from read_csv({file})",
        f"select * from {file}",
        f"copy (select 1) to {file}",
        f"attach {file}",
        "set enable_external_access = true",
        "install httpfs",
    ):
        with pytest.raises(QueryFailed):
            published_rows(OIL.contract, objects, sql)
    assert secret.read_text(encoding="utf-8") == "a\n1\n"


def test_missing_file_is_told(published: Settings):
    (gold_of(published.lake) / "_versions" / "run-1" / "results.parquet").unlink()
    with pytest.raises(asked.TribolakeError, match=r"results\.parquet is not there"):
        marks(published)


def test_few_databases_stay_open(published: Settings):
    for number in range(3):
        publish(warehouse(number, rows=5), published.lake, f"run-{number + 2}", f"2026-02-0{number + 1}")
        marks(published)
    assert 0 < len(asked._DATABASES) <= asked.OPEN_DATABASES


def test_few_answers_are_kept(published: Settings):
    objects = PinnedObjects(open_objects(published))
    for number in range(asked.KEPT_ANSWERS + 3):
        published_rows(OIL.contract, objects, f"select {number} as number", is_kept=True)
    assert len(asked._ANSWERS) == asked.KEPT_ANSWERS


def test_several_readers_ask_once(published: Settings, monkeypatch: pytest.MonkeyPatch):
    asks, ask = [], asked._rows

    def slowly(*question: Any) -> list[dict[str, Any]]:
        asks.append(question)
        time.sleep(0.2)
        return ask(*question)

    monkeypatch.setattr(asked, "_rows", slowly)
    with ThreadPoolExecutor(4) as readers:
        found = list(readers.map(lambda _: marks(published, is_kept=True), range(4)))
    assert (found, len(asks)) == ([[1]] * 4, 1)
    assert not asked._ASKING


def test_answers_are_prepared_of_the_next_publication(published: Settings):
    marks(published, is_kept=True)
    publish(warehouse(2, rows=20), published.lake, "run-2", "2026-02-01")
    pinned = PinnedObjects(open_objects(published))
    asked.prepare_answers(pinned)
    asked.forget_answers(pinned)
    answers = [kept for kept in asked._ANSWERS.values() if kept.asked.home == pinned.address(pinned.home)]
    assert [(set(kept.runs), kept.rows) for kept in answers] == [({("cda", "run-2")}, [{"mark": 2}])]


def test_reader_of_a_replaced_publication_is_told(published: Settings):
    """Given two publications since the reader's own, its files are gone, and it is not said that they are damaged."""
    pinned = PinnedObjects(open_objects(published))
    assert marks(published, pinned) == [1]
    for number in (2, 3):
        publish(warehouse(number, rows=20), published.lake, f"run-{number}", f"2026-02-0{number}")
    with pytest.raises(asked.Overtaken):
        marks(published, pinned)
