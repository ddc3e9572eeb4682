"""The law of incremental processing: whatever the order in which files arrive, gold ends the same.

After the last arrival and a calculation of all limits, gold is identical to that of one full run over the same files.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from tests.support.als_tables import as_parquet, with_results_times

from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.usefixtures("parsed_project")
TABLES = {
    "classified_reports": "sampleNumber, laboratory",
    "machine_status_current": "unit_id",
    "stewart_limits": "machine, component, essay",
}
DELIVERED = datetime(2026, 2, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class Delivery:
    """A file as it is put into bronze; a later one under the same key writes over it."""

    key: str
    content: bytes
    modified_at: float


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> list[Delivery]:
    """Both laboratories: parts of a table in any order of dates, a correction, a file written over, a repeated file."""
    folder = tmp_path_factory.mktemp("files")
    write_sample_lake(folder, finning_units=2, als_units=6, months=10)
    bronze = folder / "oil-analysis" / "bronze"
    workbooks = [path.read_bytes() for path in sorted((bronze / "cda").rglob("*.xlsx"))]
    (table_path,) = (bronze / "emin").rglob("*.parquet")
    table = pq.read_table(table_path)
    shuffled = table.take(random.Random(1).sample(range(len(table)), len(table)))  # noqa: S311
    third = len(shuffled) // 3
    parts = [shuffled.slice(0, third), shuffled.slice(third, third), shuffled.slice(2 * third)]
    corrected = with_results_times(parts[0].slice(0, third // 2), 2)
    contents = [
        ("cda/2026-02-01/T-01.xlsx", workbooks[0]),
        ("cda/2026-02-02/T-02.xlsx", workbooks[1]),
        ("cda/2026-02-03/copy of T-01.xlsx", workbooks[0]),
        ("emin/2026-02-01/a.parquet", as_parquet(parts[0])),
        ("emin/2026-02-01/b.parquet", as_parquet(parts[1])),
        ("emin/2026-02-02/c.parquet", as_parquet(parts[2])),
        ("emin/2026-02-03/correction.parquet", as_parquet(corrected)),
        # Written over: half of the rows are withdrawn with it, some fall back to what another file says of them.
        ("emin/2026-02-04/last.parquet", as_parquet(with_results_times(parts[1].slice(0, third // 2), 2))),
        ("emin/2026-02-04/last.parquet", as_parquet(with_results_times(parts[1].slice(third // 4, third // 8), 2))),
    ]
    return [Delivery(key, content, DELIVERED + at * 3600) for at, (key, content) in enumerate(contents)]


@pytest.fixture(scope="module")
def at_once(deliveries: list[Delivery], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake in which every file was there from the start."""
    settings = load_settings(lake=tmp_path_factory.mktemp("at once"))
    put(settings, deliveries)
    report = run(OIL, settings)
    assert not report.needs_a_look, report
    return settings.lake


def put(settings: Settings, deliveries: Sequence[Delivery]) -> None:
    for delivery in deliveries:
        path = settings.lake / "oil-analysis" / "bronze" / delivery.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(delivery.content)
        os.utime(path, (delivery.modified_at, delivery.modified_at))


def in_random_order(deliveries: Sequence[Delivery], chance: random.Random) -> list[Delivery]:
    """Any order in which a file that is written over comes before what it is written over with."""
    shuffled = chance.sample(list(deliveries), len(deliveries))
    versions = {key: iter([d for d in deliveries if d.key == key]) for key in {d.key for d in deliveries}}
    return [next(versions[delivery.key]) for delivery in shuffled]


def in_random_splits(deliveries: Sequence[Delivery], chance: random.Random) -> Iterator[list[Delivery]]:
    """Between two and five runs."""
    cuts = sorted(chance.sample(range(1, len(deliveries)), chance.randint(1, 4)))
    for start, end in zip([0, *cuts], [*cuts, len(deliveries)], strict=True):
        yield list(deliveries[start:end])


def differences(ours: Path, theirs: Path, clients: Sequence[str] = ("cda", "emin")) -> dict[str, int]:
    """Rows of either lake's gold that the other has not, every column counted."""
    found = {}
    for client in clients:
        for table in TABLES:
            paths = [str(lake / "oil-analysis" / "gold" / client / f"{table}.parquet") for lake in (ours, theirs)]
            row = duckdb.execute(
                "select (select count(*) from (from read_parquet($1) except all from read_parquet($2)))"
                " + (select count(*) from (from read_parquet($2) except all from read_parquet($1)))",
                paths,
            ).fetchone()
            assert row is not None
            if row[0]:
                found[f"{client}.{table}"] = row[0]
    return found


def check_order(deliveries: Sequence[Delivery], seed: int, lake: Path) -> Path:
    """Deliver in the order and the splits of a seed, with a run after each, then calculate all limits."""
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    settings = load_settings(lake=lake)
    for batch in in_random_splits(in_random_order(deliveries, chance), chance):
        put(settings, batch)
        report = run(OIL, settings)
        assert not report.failed_tests, report.failed_tests
        assert not report.problems, report.problems
    run(OIL, settings, recalculate_limits=True)
    return lake


def seeds(few: int, many: int) -> list[object]:
    """A few of the orders are enough to find what a change broke; all of them take a quarter of an hour."""
    return [*range(few), *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(few, many))]


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(20, 53))
def test_given_any_order_and_split_then_gold_is_that_of_one_full_run(deliveries, at_once, tmp_path, seed):
    assert differences(check_order(deliveries, seed, tmp_path), at_once) == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(2, 5))
def test_given_the_real_files_in_any_order_then_gold_is_that_of_one_full_run(real_data, real_at_once, tmp_path, seed):
    assert differences(check_order(real_deliveries(real_data), seed, tmp_path), real_at_once) == {}


@pytest.fixture(scope="module")
def real_at_once(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = load_settings(lake=tmp_path_factory.mktemp("real"))
    put(settings, real_deliveries(real_data))
    run(OIL, settings)
    return settings.lake


def real_deliveries(real_data: Path) -> list[Delivery]:
    """The real workbooks one by one, the real table in three parts."""
    bronze = real_data / "bronze"
    table = pq.read_table(bronze / "emin" / "muestrasAlsHistoricos.parquet")
    third = len(table) // 3 + 1
    found = [(f"cda/{path.name}", path.read_bytes()) for path in sorted((bronze / "cda").glob("*.xlsx"))]
    found += [(f"emin/part {at}.parquet", as_parquet(table.slice(at * third, third))) for at in range(3)]
    return [Delivery(key, content, DELIVERED + at * 3600) for at, (key, content) in enumerate(found)]


@pytest.mark.slow
def test_given_a_full_refresh_then_gold_is_what_it_was(deliveries, at_once, tmp_path):
    lake = tmp_path / "lake"
    shutil.copytree(at_once, lake, symlinks=True)
    run(OIL, load_settings(lake=lake), full_refresh=True)
    assert differences(lake, at_once) == {}
