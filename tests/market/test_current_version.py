"""A computation version is made current: further objects have its values, once, whatever happens in between."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pytest
from tests.market.killed_delivery import kill_delivery
from tests.market.small_warehouse import written
from tests.support.aurora_fixtures import KINDS, SYMBOLS, lake_down
from tests.support.drawn import drawn

from tribolake.errors import ConfigurationError
from tribolake.market.applied_versions import CURRENT, make_current
from tribolake.market.deliver import deliver_pending
from tribolake.market.market_lake import MarketLake
from tribolake.market.outbox import prepare
from tribolake.market.product import MARKET
from tribolake.market.session_values import values_in
from tribolake.market.status import market_status
from tribolake.run.pipeline import run
from tribolake.settings import Settings

pytestmark = pytest.mark.slow
VERSIONED = ("indicators", "percentiles")  # features have one version
FURTHER = len(SYMBOLS) * len(VERSIONED)
Tribolake = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def lake(computed_lake: Path, tmp_path: Path) -> Settings:
    """A lake that has delivered everything of version 1.0."""
    settings = written(shutil.copytree(computed_lake, tmp_path / "lake"))
    assert not deliver_pending(MARKET, settings).needs_a_look
    return settings


def apply(settings: Settings, version: str) -> int:
    report = deliver_pending(MARKET, settings, version=version).report
    return int(report["lake"]["delivered"])


def stored(settings: Settings) -> list[tuple[str, str]]:
    """Return kind and version of all objects of NVDA, the latest first."""
    bodies = [
        (key.kind, json.loads((settings.lake / key.key).read_text())["computation_version"])
        for key in MarketLake(settings).versions("NVDA")
    ]
    return [one for kind in KINDS for one in bodies if one[0] == kind]


def latest(settings: Settings) -> set[tuple[str, str]]:
    lake = MarketLake(settings)
    return {(kind, (lake.get(kind, symbol) or {})["computation_version"]) for kind in KINDS for symbol in SYMBOLS}


REFERENCE = {("indicators", "reference"), ("percentiles", "reference"), ("features", "1.0")}
TEXTBOOK = {(kind, "1.0") for kind in KINDS}


def test_applied_version_is_stored_as_further_computation(lake: Settings):
    assert latest(lake) == TEXTBOOK
    assert apply(lake, "reference") == FURTHER and latest(lake) == REFERENCE
    assert stored(lake) == [
        ("indicators", "reference"), ("indicators", "1.0"), ("percentiles", "reference"), ("percentiles", "1.0"),
        ("features", "1.0"),
    ]  # fmt: skip
    with duckdb.connect(lake.warehouse, read_only=True) as warehouse:
        for kind in VERSIONED:
            body = MarketLake(lake).get(kind, "NVDA") or {}
            gold = values_in(warehouse, kind, "NVDA", date.fromisoformat(body["session_date"]), "reference")
            assert (body["values"], body["undefined"]) == gold
    assert market_status(lake)["current_version"] == "reference"
    assert MarketLake(lake).get_indicators_by_version("NVDA", "1.0") is not None

    assert apply(lake, "reference") == 0 and latest(lake) == REFERENCE
    assert run(MARKET, lake).nothing_new

    # Back again: another computation, not the old object.
    assert apply(lake, "1.0") == FURTHER and latest(lake) == TEXTBOOK
    assert len(stored(lake)) == len(KINDS) + 2 * len(VERSIONED)


def test_version_applied_after_a_clock_that_was_ahead_counts(lake: Settings):
    apply(lake, "reference")
    with duckdb.connect(lake.warehouse) as warehouse:
        warehouse.execute("update control.applied_versions set applied_at = applied_at + interval 1 year")
    assert apply(lake, "1.0") == FURTHER and latest(lake) == TEXTBOOK


def test_applied_version_outlives_the_warehouse(lake: Settings):
    apply(lake, "reference")
    lake.warehouse.unlink()
    report = run(MARKET, lake)
    assert not report.nothing_new and latest(lake) == REFERENCE
    assert market_status(lake)["current_version"] == "reference"


def test_computation_that_waits_is_not_replaced(lake: Settings):
    with down(lake):
        for version in ("reference", "1.0", "reference"):
            assert apply(lake, version) == 0
    assert deliver_pending(MARKET, lake).report["lake"]["delivered"] == 3 * FURTHER
    assert latest(lake) == REFERENCE
    assert [version for kind, version in stored(lake) if kind == "indicators"] == [
        "reference",
        "1.0",
        "reference",
        "1.0",
    ]


@contextmanager
def down(settings: Settings) -> Iterator[None]:
    """While it lasts, no processed object can be stored, and those that are there are kept."""
    folder = settings.lake / "processed"
    kept = folder.rename(folder.with_name("kept"))
    with lake_down(settings):
        yield
    kept.rename(folder)


def test_seed_that_names_another_default_wins(lake: Settings):
    apply(lake, "reference")
    with duckdb.connect(lake.warehouse) as warehouse:
        assert warehouse.execute(CURRENT).fetchall() == [("reference",)]
        warehouse.execute("update seeds.computations set is_default = (computation_version = 'reference')")
        assert warehouse.execute(CURRENT).fetchall() == [("reference",)]
        warehouse.execute(
            "insert into seeds.computations by name select '2.0' as computation_version, true as is_default"
        )
        warehouse.execute("update seeds.computations set is_default = (computation_version = '2.0')")
        assert warehouse.execute(CURRENT).fetchall() == [("2.0",)]


def test_unknown_version_and_unpublished_tables_are_refused(lake: Settings):
    before = stored(lake)
    with pytest.raises(ConfigurationError, match=r"1\.0 or reference"):
        apply(lake, "2.0")
    with duckdb.connect(lake.warehouse) as warehouse:
        warehouse.execute("update control.run_request set run_id = 'failed'")
    with pytest.raises(ConfigurationError, match="no run has published"):
        apply(lake, "reference")
    assert stored(lake) == before and market_status(lake)["current_version"] == "1.0"


@pytest.mark.parametrize(
    ("place", "name", "nth", "again"),
    drawn(
        [
            (*at, again)
            for again in ("apply", "run")
            for at in [
                ("deliver", "make_current", 1),
                ("deliver", "keep_history", 1),
                ("deliver", "prepare", 1),
                ("lake", "store", 1),
                ("deliver", "confirm", 1),
                ("deliver", "keep_status", 1),
            ]
        ],
        share=0.25,
    ),
)
def test_killed_application_is_made_once(lake: Settings, place: str, name: str, nth: int, again: str):
    """It is repeated, or the next run does what is left."""
    kill_delivery(lake, place, name, nth, version="reference")
    if again == "apply":
        apply(lake, "reference")
    else:
        run(MARKET, lake)
    assert latest(lake) == REFERENCE and len(stored(lake)) == len(KINDS) + len(VERSIONED)


def test_version_that_is_current_needs_no_second_row(lake: Settings):
    with duckdb.connect(lake.warehouse) as warehouse:
        (now,) = warehouse.execute("select now()").fetchone() or (None,)
        assert make_current(warehouse, "reference", now, "one")
        assert not make_current(warehouse, "reference", now, "two")
        prepare(warehouse, ["lake"], "one")
        waiting = warehouse.execute(
            "select distinct run_id, kind from control.pending_deliveries order by 2"
        ).fetchall()
    assert waiting == [("one", kind) for kind in VERSIONED]


def test_command_compares_and_applies(lake: Settings, tribolake: Tribolake):
    words = "market", "reprocess", "--computation-version", "reference", "--lake", str(lake.lake)
    assert tribolake(*words).returncode == 2
    said = tribolake(*words, "--against", "1.0", "--apply", "--json")
    assert said.returncode == 0 and json.loads(said.stdout)["deliveries"]["lake"]["delivered"] == FURTHER
    assert json.loads(said.stdout)["tickers"] == ["NVDA", "_5EGSPC"]


def test_command_refuses_part_of_a_lake_and_what_cannot_be_compared(lake: Settings, tribolake: Tribolake):
    words = "market", "reprocess", "--computation-version", "reference", "--lake", str(lake.lake), "--apply"
    assert tribolake(*words, "--ticker", "NVDA").returncode == 2
    (raw,) = (lake.lake / "raw" / "import" / "NVDA").rglob("*.json")
    raw.unlink()
    ended = tribolake(*words, "--against", "1.0")
    assert ended.returncode == 4 and "is gone" in ended.stdout and latest(lake) == TEXTBOOK
