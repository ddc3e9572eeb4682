"""Wordings that the guards refuse once they became stricter: shown no longer, asked for anew, and everybody's again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from tests.support.kept_wordings import wording
from tests.support.model_endpoints import Endpoint, Lake, answered, failure, lake_of, open_endpoint

from tribolake.oil.wording.configuration import configuration_of
from tribolake.oil.wording.pattern import expert_rules, read_pattern
from tribolake.oil.wording.reports import word_reports
from tribolake.oil.wording.result import Enrichment
from tribolake.oil.wording.waiting import CONTROL_WORDINGS, keep_wordings, note_judged_by, try_again_now
from tribolake.oil.wording.wording import Wording, cache_key

RULE_TEXT = "Lo que dice la regla."
BAD_TEXT = "El hierro está en 85 ppm."
GOOD = wording(1)
# A report of one pattern, with the tables and the view that a build makes of it.
BUILT = f"""
    create schema gold;
    create schema control;
    create table gold.report_recommendations as
    select 'cda' as client, 'lab' as laboratory, '1' as sampleNumber, '{GOOD.pattern}' as pattern;
    create table control.wordings (
        pattern varchar primary key, configuration varchar, language varchar, cache_key varchar,
        observation varchar, cause varchar, action varchar, generated_at timestamptz
    );
    create view gold.worded_recommendations as
    select
        said.*,
        coalesce(worded.observation, '{RULE_TEXT}') as ai_recommendation,
        case when worded.pattern is null then 'rules' else 'llm' end as recommendation_source,
        timezone('UTC', worded.generated_at) as ai_generated_at,
        worded.cache_key
    from gold.report_recommendations as said
    left join control.wordings as worded on said.pattern = worded.pattern;
    create table gold.classified_reports as select * from gold.worded_recommendations;
"""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with open_endpoint() as opened:
        sentences = {"observation": GOOD.observation, "cause": GOOD.cause, "action": GOOD.action}
        urgency = expert_rules("es")["K01"].urgency
        opened.answer = lambda _: answered(json.dumps(sentences | {"urgency": urgency}))
        yield opened


@pytest.fixture
def lake(endpoint: Endpoint, tmp_path: Path) -> Lake:
    return lake_of(tmp_path, endpoint)


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(BUILT)
        yield connection


def wording_in(lake: Lake, one: Wording) -> Wording:
    """A wording of a lake, under the key that runs there look for."""
    configuration = configuration_of(lake.settings)
    key = cache_key(read_pattern(one.pattern, "es", expert_rules("es")), configuration)
    kept = dataclasses.replace(one, cache_key=key, configuration=configuration)
    lake.wordings.keep(kept)
    return kept


def refused_in(lake: Lake) -> Wording:
    """A wording of a lake that guards took once, and take no more."""
    return wording_in(lake, dataclasses.replace(GOOD, observation=BAD_TEXT))


def word(warehouse: duckdb.DuckDBPyConnection, lake: Lake) -> tuple[Enrichment, set[str]]:
    return word_reports(warehouse, lake.settings, lake.wordings)


def published(warehouse: duckdb.DuckDBPyConnection) -> str:
    ((text,),) = warehouse.execute("select ai_recommendation from gold.classified_reports").fetchall()
    return text


def show_as_before(warehouse: duckdb.DuckDBPyConnection, bad: Wording) -> None:
    """Have a report show a wording that other guards took."""
    warehouse.execute(
        "update control.wordings set observation = $1, generated_at = $2::timestamptz",
        [bad.observation, bad.generated_at],
    )
    warehouse.execute("create or replace table gold.classified_reports as select * from gold.worded_recommendations")
    note_judged_by(warehouse, "those of before")
    assert published(warehouse) == BAD_TEXT


def test_given_a_refused_wording_in_the_cache_then_the_pattern_is_asked_for_and_the_answer_shown(
    endpoint, lake, warehouse
):
    refused_in(lake)
    done, changed = word(warehouse, lake)
    assert (done.asked, done.accepted, changed, published(warehouse)) == (1, 1, {"cda"}, GOOD.observation)


def test_given_a_refused_wording_and_an_endpoint_that_is_down_then_a_retry_asks_again(endpoint, lake, warehouse):
    refused_in(lake)
    good, endpoint.answer = endpoint.answer, lambda _: failure(401)
    assert word(warehouse, lake)[0].accepted == 0
    assert published(warehouse) == RULE_TEXT
    endpoint.answer = good
    try_again_now(warehouse)
    assert word(warehouse, lake)[0].accepted == 1
    assert published(warehouse) == GOOD.observation


def test_given_a_wording_that_is_shown_and_refused_now_then_the_text_of_the_rule_is_shown_again(lake, warehouse):
    bad = refused_in(lake)
    word(warehouse, lake)
    show_as_before(warehouse, bad)
    without = Lake(lake.settings.changed(openai_api_key=None))
    empty = lake_of(lake.settings.lake / "nothing", "http://127.0.0.1:9/v1")
    _, changed = word_reports(warehouse, without.settings, empty.wordings)
    assert (changed, published(warehouse)) == ({"cda"}, RULE_TEXT)


def test_given_a_wording_that_is_shown_and_refused_now_then_the_one_behind_it_takes_its_place_in_the_reports(
    endpoint, lake, warehouse
):
    """Both have the same key: reports are told apart by when theirs was made."""
    bad = refused_in(lake)
    word(warehouse, lake)
    show_as_before(warehouse, bad)
    done, changed = word(warehouse, lake)
    assert (done.cached, done.asked, changed, published(warehouse)) == (1, 0, {"cda"}, GOOD.observation)
    assert word(warehouse, lake)[1] == set()


def test_wording_that_the_warehouse_cannot_hold_is_passed_over(warehouse, caplog):
    other = dataclasses.replace(wording(2), generated_at="2026-W01-1")
    warehouse.execute(CONTROL_WORDINGS)
    keep_wordings(warehouse, "a configuration", [GOOD, other])
    assert warehouse.execute("select cache_key from control.wordings").fetchall() == [(GOOD.cache_key,)]
    assert "is passed over" in caplog.text
