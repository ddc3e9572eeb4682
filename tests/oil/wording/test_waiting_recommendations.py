"""Test the commands for patterns that wait for a reply, and for replies that expire."""

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
from tribolake.oil.wording.prompt import PROMPT_VERSION, configuration_of
from tribolake.oil.wording.result import Waiting
from tribolake.oil.wording.segments import open_wordings
from tribolake.oil.wording.waiting import configuration_text, keep_replies, keep_waiting
from tribolake.oil.wording.wording import Wording, cache_key
from tribolake.run.control_tables import control_tables
from tribolake.run.home import open_custody
from tribolake.run.project import Fingerprints
from tribolake.run.report import RunReport
from tribolake.run.run_records import RunRequest, record_run
from tribolake.run.warehouse import open_warehouse
from tribolake.settings import Settings, load_settings

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
(NAME,) = (row["text"] for row in read_seed("texts_es") if row["text_id"] == "K07.name")
PATTERNS = [wording(number).pattern for number in range(3)]
# The first pattern has most reports. Reports without alarm have no pattern.
REPORTS = """
    create schema gold;
    create table gold.report_recommendations as
    select unnest([$1, $1, $1, $2, $2, $3, null]) as pattern;
"""


@pytest.fixture
def with_key(settings: Settings) -> Settings:
    settings.lake.mkdir()
    return load_settings(lake=settings.lake, openai_api_key=KEY)


@pytest.fixture
def recommendations(tribolake, with_key):
    """Call `tribolake recommendations` on the lake."""

    def call(*words, **environment):
        return tribolake("recommendations", *words, "--lake", str(with_key.lake), **environment)

    return call


def build(settings: Settings) -> None:
    """Make the warehouse of a run. Its patterns have no wordings."""
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


# Waiting


def test_patterns_without_a_wording_wait_for_a_key(settings):
    settings.lake.mkdir()
    build(settings)
    assert reasons(settings) == [(3, "no key"), (2, "no key"), (1, "no key")]
    show(settings, 0)
    assert reasons(settings) == [(2, "no key"), (1, "no key")]


def test_each_pattern_waits_for_its_own_reason(with_key):
    build(with_key)
    fail(with_key, 1)
    assert reasons(with_key) == [(3, "never asked"), (2, "rejected"), (1, "never asked")]


def test_waiting_shows_names_and_times_with_their_zone(recommendations, with_key):
    build(with_key)
    fail(with_key, 0, detail="steps")
    fail(with_key, 1, "budget")
    fail(with_key, 2, "stopped")
    done = recommendations("waiting", OPENAI_API_KEY=KEY, TZ="America/Lima")
    assert done.stdout.splitlines() == [
        f"3 reports: component 0, {NAME}",
        "    rejected, tried 1×, again after 2026-01-31 12:15 UTC: steps",
        f"2 reports: component 1, {NAME}",
        "    budget: the next run asks, or finds it in the lake",
        f"1 reports: component 2, {NAME}",
        "    stopped: the next run asks, or finds it in the lake",
    ]
    told = recommendations("waiting", "--json")
    first = json.loads(told.stdout)["waiting"][0]
    assert (first["pattern"], first["reports"], first["attempts"]) == (PATTERNS[0], 3, 1)


def test_retry_counts_what_the_next_run_asks_for(recommendations, with_key):
    build(with_key)
    fail(with_key, 0)
    assert retry_waiting(with_key) == 3
    assert reasons(with_key) == [(3, "never asked"), (2, "never asked"), (1, "never asked")]
    done = recommendations("retry")
    assert done.stdout.splitlines() == [
        "3 patterns will be asked for by the next run that has a key: OPENAI_API_KEY is not set here"
    ]


def test_retry_during_a_run_is_refused(with_key):
    build(with_key)
    with lock_machine(with_key), pytest.raises(LakeIsBusy):
        retry_waiting(with_key)


# Batches of an earlier release


def test_batch_is_gone_and_lists_open_batches(recommendations, with_key):
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
        done = recommendations(*words, OPENAI_API_KEY=KEY)
        assert done.returncode == Exit.USAGE
        assert "`recommendations batch` is gone" in done.stderr
        assert "0.17 USD" in done.stderr
        assert "batch_7" in done.stdout
    assert "2 patterns, 2026-01-31T12:00:00+00:00, https://an.endpoint/v1" in recommendations("batch").stdout
    # Their patterns wait like all others.
    assert reasons(with_key) == [(3, "never asked"), (2, "never asked"), (1, "never asked")]


# Expiry


def test_current_prompt_version_expires_with_yes_only(recommendations, with_key):
    build(with_key)
    show(with_key, 0)
    done = recommendations("expire", PROMPT_VERSION)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "--yes" in done.stderr
    assert open_wordings(with_key).count() == {PROMPT_VERSION: 1}
    done = recommendations("expire", PROMPT_VERSION, "--yes")
    assert done.returncode == Exit.OK, done.stderr
    assert "1 wordings" in done.stdout
    assert open_wordings(with_key).count() == {}


def test_expired_wording_leaves_the_warehouse(with_key):
    build(with_key)
    show(with_key, 0)
    assert len(list_waiting(with_key)) == 2
    assert expire_wordings(with_key, PROMPT_VERSION, is_confirmed=True) == 1
    assert len(list_waiting(with_key)) == 3


def test_killed_expiry_is_finished_by_the_same_command(with_key):
    build(with_key)
    show(with_key, 0)
    open_wordings(with_key).expire(PROMPT_VERSION)
    assert expire_wordings(with_key, PROMPT_VERSION, is_confirmed=True) == 0
    assert len(list_waiting(with_key)) == 3
    with pytest.raises(ConfigurationError, match="no other either"):
        expire_wordings(with_key, PROMPT_VERSION, is_confirmed=True)


def test_expiry_keeps_wordings_of_other_prompt_versions(with_key):
    build(with_key)
    show(with_key, 0)
    open_wordings(with_key).keep(wording(1, prompt_version="v1"))
    assert expire_wordings(with_key, "v1") == 1
    assert len(list_waiting(with_key)) == 2


def test_expiry_of_a_bucket_holds_for_every_machine(moto, tmp_path, monkeypatch):
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
