"""Inject faults of the system into a publication. Readers have a whole version, and the next one ends as without.

`publishing.yml` is the table. CI tries a tenth of its rows, others for each commit.
"""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb
import pytest

from tests.faults.laboratory import Armed, Bench, bench_of, can_inject
from tests.faults.table import Case, Table
from tests.support.drawn import drawn
from tests.support.small_warehouse import gold_of, harmonized_of, logged, published_mark, read_whole, rejected_of
from tests.support.whole_lake import check_snapshots
from tribolake.lake.files import sha256_of

TABLE = Table.read(Path(__file__).with_name("publishing.yml"))
STATES = {"old": {1}, "new": {2}, "either": {1, 2}}

pytestmark = pytest.mark.skipif(not can_inject(), reason="faults are injected on Linux, with gcc")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_of(tmp_path_factory.mktemp("bench").resolve()) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn(TABLE.cases()))
def test_fault_while_publishing(bench: Bench, case: Case, tmp_path: Path):
    TABLE.try_each(case, bench.calls, tmp_path.resolve() / "lake", bench.before, partial(check, bench, case))


def check(bench: Bench, case: Case, lake: Path, armed: Armed) -> None:
    ended = bench.laboratory.publish(lake, "run-2", 2, armed)
    assert ended.hit, "the fault was not injected"
    assert "Traceback" not in ended.output, ended.output
    assert ended.code in ((-signal.SIGKILL,) if case.kills else case.row.codes), ended
    if case.needs_words:
        assert ended.code == 0 or re.search(case.row.words, ended.output), ended.output
    assert published_mark(lake) in STATES[case.row.state_of("cda")], "readers see the other version"
    check_silver_and_history(bench, lake)
    next_one = bench.laboratory.publish(lake, "run-3", 2)
    assert next_one.code == 0, next_one
    assert contents(lake) == contents(bench.after), "other gold or silver than without the fault"
    history = gold_of(lake) / "_history"
    assert read_whole(history / "2026-01-02")["files"] == read_whole(gold_of(lake))["files"]
    assert changes(lake) == changes(bench.after), "other lines in the log than without the fault"
    assert not [path for path in lake.rglob("*") if ".partial" in path.name]


def check_silver_and_history(bench: Bench, lake: Path) -> None:
    """Check that each file of silver is the old or the new one, and each snapshot whole."""
    for name, found in silver(lake).items():
        assert found in (silver(bench.before)[name], silver(bench.after)[name]), f"{name} is torn or gone"
    for delta in (lake / "oil-analysis" / "silver" / "_delta").glob("*.parquet"):
        duckdb.execute("select count(*) from read_parquet(?)", [str(delta)])
    check_snapshots(gold_of(lake))


def silver(lake: Path) -> dict[str, str]:
    """SHA-256 of the silver of a client, and nothing for a file that is not there."""
    return {path.name: sha256_of(path) if path.exists() else "" for path in (harmonized_of(lake), rejected_of(lake))}


def contents(lake: Path) -> dict[str, str]:
    """SHA-256 of what readers open."""
    files = read_whole(gold_of(lake), base=gold_of(lake))["files"]
    return silver(lake) | {file["name"]: sha256_of(gold_of(lake) / file["name"]) for file in files}


def changes(lake: Path) -> Counter[tuple[str, int, int, int]]:
    return Counter((line["entity"], line["added"], line["changed"], line["removed"]) for line in logged(lake))


@pytest.mark.slow
def test_table_injects_hundreds_of_faults(bench: Bench, tmp_path: Path):
    assert sum(len(list(TABLE.armed(case, bench.calls, tmp_path))) for case in TABLE.cases()) >= 300
