"""Test that gold does not depend on the order in which files arrive.

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
from tests.support.drawn import drawn
from tests.support.lab_files import finning

from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.usefixtures("parsed_project")
TABLES = {
    "classified_reports": "sampleNumber, laboratory, sampleOccurrence",
    "machine_status_current": "unit_id",
    "stewart_limits": "machine, component, essay",
}
YEAR_2099 = datetime(2099, 1, 1, tzinfo=UTC).timestamp()
DELIVERED = datetime(2026, 2, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class Delivery:
    """A file in bronze. A later one with the same key replaces it."""

    key: str
    content: bytes
    modified_at: float


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> list[Delivery]:
    """Files of both laboratories: shuffled parts of a table, a correction, a replaced file, a repeated file.

    Some numbers are given twice, a unit has several spellings, and a sample comes in parts.
    """
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
        # A replacement withdraws half of the rows. Some of them then have the values of another file.
        ("emin/2026-02-04/last.parquet", as_parquet(with_results_times(parts[1].slice(0, third // 2), 2))),
        ("emin/2026-02-04/last.parquet", as_parquet(with_results_times(parts[1].slice(third // 4, third // 8), 2))),
        ("cda/2026-02-05/first.xlsx", finning(
            sample("R-1", "T-71", "2026-01-01"), sample("R-2", "T-72", "2026-01-01", Fe=420, TBN=""),
            sample("R-3", "T-73", "2025-06-01"), sample("R-4", "T-73", "2026-01-06"),
        )),
        ("cda/2026-02-06/second.xlsx", finning(
            sample("r-1", "t‑71", "2026-01-06", Fe=31), sample("R-2", "T-72", "2026-01-01", Fe="", TBN=4.1),
            sample("R-3", "T-73", "2025-07-12", Compartimento="DIFERENCIAL"), sample("R-4", "T-71", "2026-01-06"),
        )),
        # The steps between the two dates of, one of which is withdrawn.
        ("cda/2026-02-07/third.xlsx", finning(
            sample("R-1", "T-71", "2026-01-12", Cu=9), sample("R-3", "T-73", "2025-06-06"),
        )),
        ("cda/2026-02-07/third.xlsx", finning(
            sample("R-3", "T-73", "2025-06-07"), sample("R-9", "Т_71", "2024-01-01"),
        )),
    ]  # fmt: skip
    dated = [Delivery(key, content, DELIVERED + at * 3600) for at, (key, content) in enumerate(contents)]
    # Times that no run has reached yet are unknown, whenever these files come.
    ahead = [
        Delivery("cda/9999-12-31/ahead.xlsx", finning(sample("R-1", "T-71", "2026-01-06", Fe=77)), DELIVERED),
        Delivery("cda/ahead.xlsx", finning(sample("R-2", "T-72", "2026-01-01", Fe=78)), YEAR_2099),
    ]
    return dated + ahead


def sample(number: str, unit: str, day: str, **others: object) -> dict[str, object]:
    """A row of Finning."""
    return {"No. de control de laboratorio": number, "ID de equipo": unit, "Fecha de Toma de Muestra": day, **others}


@pytest.fixture(scope="module")
def at_once(deliveries: list[Delivery], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that got all files before its first run."""
    settings = load_settings(lake=tmp_path_factory.mktemp("at once"))
    put(settings, deliveries)
    report = run(OIL, settings)
    assert not report.failed_files, report.failed_files
    assert not report.failed_tests, report.failed_tests
    assert not report.problems, report.problems
    return settings.lake


def put(settings: Settings, deliveries: Sequence[Delivery]) -> None:
    for delivery in deliveries:
        path = settings.lake / "oil-analysis" / "bronze" / delivery.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(delivery.content)
        os.utime(path, (delivery.modified_at, delivery.modified_at))


def in_random_order(deliveries: Sequence[Delivery], chance: random.Random) -> list[Delivery]:
    """Return a random order. A replaced file still comes before its replacement."""
    shuffled = chance.sample(list(deliveries), len(deliveries))
    versions = {key: iter([d for d in deliveries if d.key == key]) for key in {d.key for d in deliveries}}
    return [next(versions[delivery.key]) for delivery in shuffled]


def in_random_splits(deliveries: Sequence[Delivery], chance: random.Random) -> Iterator[list[Delivery]]:
    """Split deliveries into two to five runs."""
    cuts = sorted(chance.sample(range(1, len(deliveries)), chance.randint(1, 4)))
    for start, end in zip([0, *cuts], [*cuts, len(deliveries)], strict=True):
        yield list(deliveries[start:end])


def differences(ours: Path, theirs: Path, clients: Sequence[str] = ("cda", "emin")) -> dict[str, int]:
    """Count rows of gold and of what is not used, with all columns, that only one of two lakes has."""
    found = {}
    for client in clients:
        files = {table: f"gold/{client}/{table}.parquet" for table in TABLES}
        for table, file in (files | {"rejected": f"silver/rejected/{client.upper()}.parquet"}).items():
            paths = [str(lake / "oil-analysis" / file) for lake in (ours, theirs)]
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
    """Deliver in the order and splits of a seed, with a run after each split, then calculate all limits."""
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    settings = load_settings(lake=lake)
    for batch in in_random_splits(in_random_order(deliveries, chance), chance):
        put(settings, batch)
        report = run(OIL, settings)
        assert not report.failed_tests, report.failed_tests
        assert not report.problems, report.problems
    run(OIL, settings, recalculate_limits=True)
    return lake


@pytest.mark.slow
@pytest.mark.parametrize("seed", drawn(range(53)))
def test_any_order_and_split_gives_gold_of_one_full_run(deliveries, at_once, tmp_path, seed):
    assert differences(check_order(deliveries, seed, tmp_path), at_once) == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", drawn(range(5)))
def test_real_files_in_any_order_give_gold_of_one_full_run(real_data, real_at_once, tmp_path, seed):
    assert differences(check_order(real_deliveries(real_data), seed, tmp_path), real_at_once) == {}


@pytest.fixture(scope="module")
def real_at_once(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = load_settings(lake=tmp_path_factory.mktemp("real"))
    put(settings, real_deliveries(real_data))
    run(OIL, settings)
    return settings.lake


def real_deliveries(real_data: Path) -> list[Delivery]:
    """Return the real workbooks one by one, and the real table in three parts."""
    bronze = real_data / "bronze"
    table = pq.read_table(bronze / "emin" / "muestrasAlsHistoricos.parquet")
    third = len(table) // 3 + 1
    found = [(f"cda/{path.name}", path.read_bytes()) for path in sorted((bronze / "cda").glob("*.xlsx"))]
    found += [(f"emin/part {at}.parquet", as_parquet(table.slice(at * third, third))) for at in range(3)]
    return [Delivery(key, content, DELIVERED + at * 3600) for at, (key, content) in enumerate(found)]


@pytest.mark.slow
def test_full_refresh_gives_the_same_gold(deliveries, at_once, tmp_path):
    lake = tmp_path / "lake"
    shutil.copytree(at_once, lake, symlinks=True)
    run(OIL, load_settings(lake=lake), full_refresh=True)
    assert differences(lake, at_once) == {}


@pytest.mark.slow
@pytest.mark.parametrize("is_warehouse_lost", [False, True])
def test_copy_of_a_lake_with_other_times_gives_the_same_gold(deliveries, at_once, tmp_path, is_warehouse_lost):
    lake = tmp_path / "lake"
    shutil.copytree(at_once, lake, symlinks=True)
    if is_warehouse_lost:
        shutil.rmtree(lake / "_state")
    paths = sorted((lake / "oil-analysis" / "bronze").rglob("*.*"), reverse=True)
    for at, path in enumerate(path for path in paths if path.is_file()):
        os.utime(path, (DELIVERED - at * 86400, DELIVERED - at * 86400))
    report = run(OIL, load_settings(lake=lake), full_refresh=not is_warehouse_lost)
    assert [found["file"].rpartition("/")[2] for found in report.dated_ahead] == ["ahead.xlsx", "ahead.xlsx"]
    assert report.needs_a_look
    assert differences(lake, at_once) == {}
