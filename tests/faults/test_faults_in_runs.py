"""Inject faults of the system into whole runs. The next run ends as if nothing had happened.

`runs.yml` is the table. CI tries a tenth of its rows, others for each commit.
"""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.faults.laboratory import Armed, Call, Laboratory, can_inject, laboratory
from tests.faults.table import Case, Table
from tests.support.als_tables import as_parquet
from tests.support.drawn import drawn
from tests.support.whole_lake import CLIENTS, Published, check_readers, check_recovered, published, readable
from tribolake.oil.synth import write_sample_lake

TABLE = Table.read(Path(__file__).with_name("runs.yml"))

pytestmark = pytest.mark.skipif(not can_inject(), reason="faults are injected on Linux, with gcc")


@dataclass(frozen=True)
class Bench:
    """A lake with a publication and new files, the calls of the next run, and the lake after it."""

    laboratory: Laboratory
    lake: Path
    before: dict[str, Published]
    calls: list[Call]
    after: Path


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench").resolve()
    write_sample_lake(folder / "sample", finning_units=2, als_units=2, months=3, dirty=False)
    bronze = folder / "sample" / "oil-analysis" / "bronze"
    workbooks = [path.read_bytes() for path in sorted((bronze / "cda").rglob("*.xlsx"))]
    (table_path,) = (bronze / "emin").rglob("*.parquet")
    table = pq.read_table(table_path)
    tables = [as_parquet(table.slice(0, len(table) // 2)), as_parquet(table.slice(len(table) // 2))]
    lake, after = folder / "lake", folder / "after"
    with laboratory(folder / "laboratory", runs=True) as opened:
        deliver(lake, 1, workbooks[0], tables[0])
        ended = opened.run("run", "--lake", str(lake))
        assert ended.code == 0, ended
        before = {client: published(lake, client) for client in CLIENTS}
        deliver(lake, 2, workbooks[1], tables[1])
        shutil.copytree(lake, after, symlinks=True)
        yield Bench(opened, lake, before, opened.traced(after, words=["run", "--lake", str(after)]), after)


def deliver(lake: Path, day: int, workbook: bytes, table: bytes) -> None:
    for key, content in ((f"cda/2026-02-0{day}/T.xlsx", workbook), (f"emin/2026-02-0{day}/als.parquet", table)):
        path = lake / "oil-analysis" / "bronze" / key
        path.parent.mkdir(parents=True)
        path.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn(TABLE.cases()))
def test_fault_in_a_run(bench: Bench, case: Case, tmp_path: Path):
    TABLE.try_each(case, bench.calls, tmp_path.resolve() / "lake", bench.lake, partial(check, bench, case))


def check(bench: Bench, case: Case, lake: Path, armed: Armed) -> None:
    ended = bench.laboratory.run("run", "--lake", str(lake), fault=armed)
    assert ended.hit, "the fault was not injected"
    assert "Traceback" not in ended.output, ended.output
    assert ended.code in ((-signal.SIGKILL,) if case.kills else case.row.codes), ended
    if case.needs_words:
        assert re.search(case.row.words, ended.output), ended.output
    after = {client: published(bench.after, client) for client in CLIENTS}
    check_states(case, lake, bench.before, after)
    next_one = bench.laboratory.run("run", "--lake", str(lake))
    assert next_one.code in case.row.then, next_one
    if case.row.recovers == "all":
        check_recovered(lake, bench.after)
    assert {client: published(lake, client) for client in CLIENTS} == after


def check_states(case: Case, lake: Path, before: dict[str, Published], after: dict[str, Published]) -> None:
    """Check that each client's readers have the version that the table says, whole."""
    if case.row.state == "whole":
        assert all(readable(lake, client) for client in CLIENTS)
        return
    check_readers(lake, before, after)
    for client in CLIENTS:
        old, new = before[client].gold, after[client].gold
        allowed = {"old": [old], "new": [new], "either": [old, new]}[case.row.state_of(client)]
        assert readable(lake, client) in allowed, f"readers of {client} see another version"
