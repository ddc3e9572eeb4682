"""Memory does not grow with tickers: DuckDB writes to disk, and Python has few tickers at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.market.small_warehouse import TEXTBOOK

from tribolake.lake import open_lake
from tribolake.market.computing import feature_rows, indicator_rows, percentile_rows
from tribolake.market.keys import raw_inbox
from tribolake.market.percentiles import Threshold
from tribolake.market.product import MARKET
from tribolake.market.responses import read_responses
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.settings import load_settings

LAST = date(2024, 12, 30)
TICKERS, SESSIONS = 50, 300
NUMBERS = ("open", "high", "low", "close", "volume", "rsi_14")
Compute = Callable[[pa.RecordBatchReader], pa.RecordBatchReader]
COMPUTATIONS: dict[str, Compute] = {
    "indicators": lambda rows: indicator_rows(rows, [TEXTBOOK]),
    "percentiles": lambda rows: percentile_rows(rows, [Threshold("rsi_14", 30, 70)]),
    "features": lambda rows: feature_rows(rows, rows.schema.empty_table().to_reader(), {}),
}


def table_of_a_ticker(number: int) -> pa.Table:
    days = np.arange("2023-01-02", SESSIONS, dtype="datetime64[D]")
    close = random_walk("NVDA", SESSIONS, seed=number).close
    return pa.table(
        {"ticker": [f"T{number:03}"] * SESSIONS, "session_date": days, "computation_version": ["1.0"] * SESSIONS}
        | dict.fromkeys(NUMBERS, close)
    )


@pytest.mark.parametrize("kind", COMPUTATIONS)
@pytest.mark.parametrize("batch_rows", [7, SESSIONS, 1000])
def test_tickers_are_computed_while_they_are_read(kind: str, batch_rows: int):
    """However batches cut tickers, rows are those of each ticker alone, and no ticker is read far ahead."""
    tables = [table_of_a_ticker(number) for number in range(TICKERS if batch_rows > 7 else 4)]
    whole, read = pa.concat_tables(tables).combine_chunks(), [0]

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in whole.to_batches(batch_rows):
            read[0] += len(batch)
            yield batch

    reader = COMPUTATIONS[kind](pa.RecordBatchReader.from_batches(whole.schema, batches()))
    found = [reader.read_next_batch()]
    assert read[0] <= SESSIONS + 2 * batch_rows
    found += list(reader)
    alone = [COMPUTATIONS[kind](table.to_reader()).read_all() for table in tables]
    assert pa.Table.from_batches(found).equals(pa.concat_tables(alone))


def test_database_of_market_has_little_memory_unless_told(tmp_path: Path):
    assert MARKET.of(load_settings(lake=tmp_path)).memory_limit == MARKET.memory_limit == "300MB"
    assert MARKET.of(load_settings(lake=tmp_path, memory_limit="2GB")).memory_limit == "2GB"


def write_responses(lake: Path, tickers: int) -> None:
    """Write a response with five years of each of so many tickers."""
    share = random_walk("S", 5 * 252, first=date(2020, 1, 6))
    chart = chart_of(share, LAST)
    for number in range(tickers):
        chart["chart"]["result"][0]["meta"]["symbol"] = f"T{number}"
        path = lake / key_of(f"T{number}", after_close(LAST))
        path.parent.mkdir(parents=True)
        path.write_bytes(as_bytes(chart))


def test_responses_are_parsed_few_at_a_time(tmp_path: Path):
    """Parsed at once, these 8 MB need 125 MB of the database."""
    write_responses(tmp_path, 60)
    settings = MARKET.of(load_settings(lake=tmp_path))
    lake = open_lake(settings, raw_inbox(settings))
    with duckdb.connect(config={"memory_limit": "100MB"}) as connection:
        found = read_responses(connection, settings, lake, lake.list_bronze(), [])
    assert found["status"].to_pylist() == ["loaded"] * 60


def test_response_that_does_not_fit_into_memory_fails_alone(tmp_path: Path):
    """4 MB of dividends, in one batch with small responses."""
    write_responses(tmp_path, 5)
    chart = chart_of(random_walk("T9", SESSIONS), LAST)
    chart["chart"]["result"][0]["events"] = {"dividends": {str(n): {"amount": 1, "date": n} for n in range(100_000)}}
    large = tmp_path / key_of("T9", after_close(LAST))
    large.parent.mkdir(parents=True)
    large.write_bytes(as_bytes(chart))
    settings = MARKET.of(load_settings(lake=tmp_path))
    lake = open_lake(settings, raw_inbox(settings))
    with duckdb.connect(config={"memory_limit": "50MB"}) as connection:
        found = read_responses(connection, settings, lake, lake.list_bronze(), [])
    failed = found.filter(pc.equal(found["status"], "failed"))
    assert len(found) == 6 and failed["ticker"].to_pylist() == ["T9"]
    assert "TRIBOLAKE_MEMORY_LIMIT" in failed["message"][0].as_py() and failed["is_transient"].to_pylist() == [True]


def peak_of_a_first_run(lake: Path, tickers: int) -> int:
    """Return the peak memory of a first run with responses of so many tickers, and of its children (bytes)."""
    write_responses(lake, tickers)
    words = [sys.executable, "-m", "tribolake", "market", "run", "--quiet", "--lake", str(lake)]
    process = subprocess.Popen(words, env=os.environ | {"TRIBOLAKE_MEMORY_LIMIT": "150MB"})
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss * 1024


@pytest.mark.slow
@pytest.mark.thorough
def test_peak_memory_hardly_grows_with_tickers(tmp_path: Path):
    peaks = [peak_of_a_first_run(tmp_path / str(tickers), tickers) for tickers in (40, 160)]
    assert peaks[1] <= 1.3 * peaks[0], peaks
