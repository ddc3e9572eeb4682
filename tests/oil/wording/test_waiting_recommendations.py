"""Patterns that wait for a reply, and replies that expire, as an operator sees them in the warehouse of a run."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime

import pytest
from tests.support.kept_wordings import wording
from tests.support.model_endpoints import KEY
from tests.support.s3_fixtures import new_buckets

from tribolake.cli.options import Exit
from tribolake.errors import ConfigurationError, LakeIsBusy
from tribolake.lake.custody import lock_machine
from tribolake.oil.recommendations import expire_wordings, list_waiting, retry_waiting
from tribolake.oil.seeds import read_seed
from tribolake.oil.wording.configuration import configuration_of
from tribolake.oil.wording.prompt import PROMPT_VERSION
from tribolake.oil.wording.result import Waiting
from tribolake.oil.wording.segments import open_wordings
from tribolake.oil.wording.waiting import configuration_text, keep_replies, keep_waiting
from tribolake.oil.wording.wording import Wording, cache_key
from tribolake.run.control_tables import control_tables
from tribolake.run.home import open_custody
from tribolake.run.project import Fingerprints
from tribolake.run.report import RunReport
from tribolake.run.warehouse import RunRequest, open_warehouse, record_run
from tribolake.settings import Settings, load_settings

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
(NAME,) = (row["text"] for row in read_seed("texts_es") if row["text_id"] == "K07.name")
PATTERNS = [wording(number).pattern for number in range(3)]
# The first pattern has most reports; reports without alarm have none.
REPORTS = """
    create schema gold;
    create table gold.report_recommendations as
    select unnest([$1, $1, $1, $2, $2, $3, null]) as pattern;
"""


@pytest.fixture
def with_key(settings: Settings) -> Settings:
    settings.lake.mkdir()
    return load_settings(lake=settings.lake, openai_api_key=KEY)


def build(settings: Settings) -> None:
    """Leave the warehouse that a run would leave; none of its patterns has a wording."""
    settings.state.mkdir(parents=True, exist_ok=True)
    request = RunRequest("run-1", "default", None, False, False, NOW, "es")
    with open_warehouse(settings.warehouse) as warehouse:
        warehouse.execute(REPORTS, PATTERNS)
        warehouse.execute(control_tables() + control_tables("oil"))
        record_run(warehouse, request, Fingerprints("", "", ""), RunReport("run-1", "default", "es"))


def name_of(settings: Settings) -> str:
    return configuration_text(configuration_of(settings), sees_comments=False)


def show(settings: Settings, number: int) -> Wording:
    """Keep a wording in the lake and have the warehouse show it."""
    said, configuration = wording(number), configuration_of(settings)
    one = dataclasses.replace(said, cache_key=cache_key(said.pattern, configuration), configuration=configuration)
    open_wordings(settings).keep(one)
    with open_warehouse(settings.warehouse) as warehouse:
        keep_replies(warehouse, name_of(settings), {one.pattern: one})
    return one


def fail(settings: Settings, number: int, reason="rejected", detail: str = "") -> None:
    with open_warehouse(settings.warehouse) as warehouse:
        keep_waiting(warehouse, name_of(settings), {PATTERNS[number]: Waiting(reason, detail)}, NOW)


def reasons(settings: Settings) -> list[tuple[int, str]]:
    return [(each.reports, each.reason) for each in list_waiting(settings)]


# What waits


def test_given_no_key_then_all_patterns_without_a_wording_are_listed_and_say_so(settings):
    settings.lake.mkdir()
    build(settings)
    assert reasons(settings) == [(3, "no key"), (2, "no key"), (1, "no key")]
    show(settings, 0)
    assert reasons(settings) == [(2, "no key"), (1, "no key")]


def test_given_a_key_then_each_pattern_has_its_own_reason(with_key):
    build(with_key)
    fail(with_key, 1)
    assert reasons(with_key) == [(3, "never asked"), (2, "rejected"), (1, "never asked")]


def test_given_what_waits_then_people_read_names_and_times_with_their_zone(tribolake, with_key):
    build(with_key)
    fail(with_key, 0, detail="steps")
    fail(with_key, 1, "budget")
    fail(with_key, 2, "stopped")
    done = tribolake("recommendations", "waiting", "--lake", str(with_key.lake), OPENAI_API_KEY=KEY, TZ="America/Lima")
    assert done.stdout.splitlines() == [
        f"3 reports: component 0, {NAME}",
        "    rejected, tried 1×, again after 2026-01-31 12:15 UTC: steps",
        f"2 reports: component 1, {NAME}",
        "    budget: the next run asks, or finds it in the lake",
        f"1 reports: component 2, {NAME}",
        "    stopped: the next run asks, or finds it in the lake",
    ]
    told = tribolake("recommendations", "waiting", "--lake", str(with_key.lake), "--json")
    first = json.loads(told.stdout)["waiting"][0]
    assert (first["pattern"], first["reports"], first["attempts"]) == (PATTERNS[0], 3, 1)


def test_retry_counts_what_the_next_run_asks_for(tribolake, with_key):
    build(with_key)
    fail(with_key, 0)
    assert retry_waiting(with_key) == 3
    assert reasons(with_key) == [(3, "never asked"), (2, "never asked"), (1, "never asked")]
    done = tribolake("recommendations", "retry", "--lake", str(with_key.lake))
    assert done.stdout.splitlines() == [
        "3 patterns will be asked for by the next run that has a key: OPENAI_API_KEY is not set here"
    ]


def test_given_a_run_under_way_then_nothing_is_asked_for(with_key):
    build(with_key)
    with lock_machine(with_key), pytest.raises(LakeIsBusy):
        retry_waiting(with_key)


# Batches of an earlier release


def test_batch_is_gone_and_lists_what_an_earlier_release_left_open(tribolake, with_key):
    build(with_key)
    batches = with_key.state / "batches"
    batches.mkdir()
    said = {
        "name": "20260131T1200", "made_at": NOW.isoformat(), "batch_id": "batch_7", "endpoint": "https://an.endpoint/v1",
        "configuration": {}, "patterns": {"a key": {}, "another": {}},
    }  # fmt: skip
    (batches / "20260131T1200.json").write_text(json.dumps(said), encoding="utf-8")
    (batches / "20260131T1201.json").write_text("[]", encoding="utf-8")
    for words in (("batch",), ("batch", "submit"), ("batch", "collect", "--json")):
        done = tribolake("recommendations", *words, "--lake", str(with_key.lake), OPENAI_API_KEY=KEY)
        assert done.returncode == Exit.USAGE
        assert "`recommendations batch` is gone" in done.stderr
        assert "0.17 USD" in done.stderr
        assert "batch_7" in done.stdout
    assert (
        "2 patterns, 2026-01-31T12:00:00+00:00, https://an.endpoint/v1"
        in tribolake("recommendations", "batch", "--lake", str(with_key.lake)).stdout
    )
    # Their patterns wait like all others.
    assert reasons(with_key) == [(3, "never asked"), (2, "never asked"), (1, "never asked")]


# What is forgotten


def test_given_the_prompt_version_of_today_then_it_expires_only_for_who_is_sure(tribolake, with_key):
    build(with_key)
    show(with_key, 0)
    done = tribolake("recommendations", "expire", PROMPT_VERSION, "--lake", str(with_key.lake))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "--yes" in done.stderr
    assert open_wordings(with_key).count() == {PROMPT_VERSION: 1}
    done = tribolake("recommendations", "expire", PROMPT_VERSION, "--yes", "--lake", str(with_key.lake))
    assert done.returncode == Exit.OK, done.stderr
    assert "1 wordings" in done.stdout
    assert open_wordings(with_key).count() == {}


def test_given_a_wording_that_expires_then_the_warehouse_shows_it_no_longer(with_key):
    build(with_key)
    show(with_key, 0)
    assert len(list_waiting(with_key)) == 2
    assert expire_wordings(with_key, PROMPT_VERSION, is_confirmed=True) == 1
    assert len(list_waiting(with_key)) == 3


def test_given_an_expiry_that_was_killed_then_the_same_command_ends_it(with_key):
    build(with_key)
    show(with_key, 0)
    open_wordings(with_key).expire(PROMPT_VERSION)
    assert expire_wordings(with_key, PROMPT_VERSION, is_confirmed=True) == 0
    assert len(list_waiting(with_key)) == 3
    with pytest.raises(ConfigurationError, match="no other either"):
        expire_wordings(with_key, PROMPT_VERSION, is_confirmed=True)


def test_given_wordings_of_another_prompt_version_then_they_are_shown_still(with_key):
    build(with_key)
    show(with_key, 0)
    open_wordings(with_key).keep(wording(1, prompt_version="v1"))
    assert expire_wordings(with_key, "v1") == 1
    assert len(list_waiting(with_key)) == 2


def test_given_a_lake_on_s3_then_an_expiry_is_everybodys(moto, tmp_path, monkeypatch):
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    bucket = f"s3://{new_buckets(moto).lake}"
    first, second = (
        load_settings(lake=bucket, state_dir=tmp_path / machine, openai_api_key=KEY) for machine in ("first", "second")
    )
    build(first)
    show(first, 0)
    open_custody(first).save("run-1")
    assert len(list_waiting(second)) == 2
    assert expire_wordings(first, PROMPT_VERSION, is_confirmed=True) == 1
    assert len(list_waiting(second)) == 3
