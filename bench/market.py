"""Measure runs of the market product as ratios to their floor: `make bench`.

The floor is unavoidable work, measured in the same run: importing dbt, `json.loads` of every response, TA-Lib over
arrays, windows of 252 sessions, one Parquet file, one bulk insert, and as many bare files as a run stores objects.
Every run is a fresh process on a lake in a folder, measured from outside. On a machine that does other work too, the
ratio of processor seconds says more than that of seconds. Calls to an object store are counted apart,
on a server of this machine, for two lengths of history: its own time is not that of S3.

    PYTHONPATH=. python bench/market.py                       50 tickers with 10 years
    PYTHONPATH=. python bench/market.py --factor 10           and 500 tickers
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from tests.support.s3_fixtures import new_buckets
from tests.support.servers.moto import moto_server
from tests.support.servers.server import S3Server, client

from measuring import Measurement, measure
from tribolake.market.sample import Traded, after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.run.calls import last_calls

SESSIONS_PER_YEAR = 252
DIFFERENT = 5  # made-up shares: the other tickers have the prices of one of them
LAST = date(2024, 12, 30)
KINDS = 3  # objects that a run stores of each ticker
IMPORT_DBT = "import dbt.cli.main"
FLOOR = """
import json, os, sys, time
from pathlib import Path
import duckdb, numpy as np, pyarrow as pa, pyarrow.parquet as pq, talib

folder, puts = Path(sys.argv[1]), int(sys.argv[2])
now = lambda: (time.perf_counter(), time.process_time())
laps, began = {}, now()

def lap(name):
    global began
    laps[name] = [round(end - start, 3) for start, end in zip(began, now())]
    began = now()

charts = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
lap("json.loads")
quotes = [chart["chart"]["result"][0]["indicators"]["quote"][0] for chart in charts]
found = []
for quote in quotes:
    high, low, close, volume = (np.array(quote[name], float) for name in ("high", "low", "close", "volume"))
    found.append([
        *(talib.SMA(close, n) for n in (20, 50, 200)), talib.RSI(close, 14), *talib.MACD(close),
        *talib.BBANDS(close, 20), talib.ATR(high, low, close, 14), talib.SMA(volume, 20),
    ])
lap("TA-Lib")
for values in found:
    for one in (values[3], values[10]):
        if len(one) >= 252:
            windows = np.lib.stride_tricks.sliding_window_view(one, 252)
            (windows <= windows[:, -1:]).sum(axis=1), windows.mean(axis=1), windows.std(axis=1)
lap("windows")
columns = [np.concatenate(column) for column in zip(*found)]
rows = pa.table({f"c{n}": column for n, column in enumerate(columns)})
pq.write_table(rows, folder / "rows.parquet", compression="zstd")
lap("Parquet")
with duckdb.connect(str(folder / "rows.duckdb")) as connection:
    connection.execute("create table stored as from rows")
lap("insert")
for n in range(puts):
    with open(folder / f"{n}.object", "wb") as file:
        file.write(b"x" * 2048)
        file.flush()
        os.fsync(file.fileno())
lap("PUTs")
print(json.dumps(laps))
"""


@dataclass(frozen=True)
class Case:
    """A measured run with its floor."""

    name: str
    seconds: float
    floor: float
    target: float  # of the ratio
    cpu_seconds: float
    cpu_floor: float
    peak_mb: float

    @property
    def ratios(self) -> dict[str, float]:
        return {
            "ratio": round(self.seconds / self.floor, 2),
            "cpu_ratio": round(self.cpu_seconds / self.cpu_floor, 2),
        }

    def show(self) -> None:
        ratio, cpu_ratio = self.ratios.values()
        print(
            f"{self.name:46}{self.seconds:9.2f}{self.floor:8.2f}{ratio:7.2f}{self.target:8.1f}"
            f"{self.cpu_seconds:9.2f}{self.cpu_floor:8.2f}{cpu_ratio:7.2f}{self.peak_mb:9.0f}",
            flush=True,
        )


@dataclass(frozen=True)
class Floor:
    """Seconds and processor seconds of unavoidable work: importing dbt, and each of the rest."""

    dbt: tuple[float, float]
    laps: Mapping[str, tuple[float, float]]

    def of(self, *names: str) -> tuple[float, float]:
        """Return the sums of importing dbt and some of the rest."""
        parts = [self.dbt, *(self.laps[name] for name in names)]
        return round(sum(wall for wall, _ in parts), 2), round(sum(cpu for _, cpu in parts), 2)


@dataclass(frozen=True)
class Market:
    """So many tickers and years of made-up prices."""

    tickers: int
    shares: Sequence[Traded]

    @classmethod
    def of(cls, tickers: int, years: int) -> Market:
        sessions = years * SESSIONS_PER_YEAR
        first = LAST - timedelta(days=sessions * 7 // 5)
        return cls(tickers, [random_walk(f"S{n}", sessions + 10, seed=n, first=first) for n in range(DIFFERENT)])

    @property
    def next_day(self) -> date:
        days = self.shares[0].days
        return days[days.index(LAST) + 1]

    def responses(self, day: date, since: date | None = None) -> Iterator[tuple[str, bytes]]:
        """Make a response of each ticker, fetched on a day, with its key."""
        charts = [chart_of(share, day, since) for share in self.shares]
        for n in range(self.tickers):
            chart = charts[n % DIFFERENT]
            chart["chart"]["result"][0]["meta"]["symbol"] = f"T{n}"
            yield key_of(f"T{n}", after_close(day)), as_bytes(chart)

    def one_more_day(self) -> Iterator[tuple[str, bytes]]:
        return self.responses(self.next_day, self.next_day - timedelta(days=5))


def write(lake: Path, responses: Iterable[tuple[str, bytes]]) -> None:
    for key, content in responses:
        (lake / key).parent.mkdir(parents=True, exist_ok=True)
        (lake / key).write_bytes(content)


def run_on(lake: str) -> Measurement:
    return measure(sys.executable, "-m", "tribolake", "market", "run", "--quiet", "--lake", lake)


def floor_of(folder: Path, market: Market) -> Floor:
    """Measure the unavoidable work on the responses, in one process, and the import of dbt."""
    folder.mkdir()
    for key, content in market.responses(LAST):
        (folder / f"{key.split('/')[2]}.json").write_bytes(content)
    words = sys.executable, "-c", FLOOR, str(folder), str(KINDS * market.tickers)
    laps = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    dbt = measure(sys.executable, "-c", IMPORT_DBT)
    return Floor((dbt.seconds, dbt.cpu_seconds), laps)


def cases(lake: Path, market: Market, floor: Floor) -> Iterator[Case]:
    """Measure a first run, one with one more day of every ticker, and one with nothing new."""
    years = len(market.shares[0].days) // SESSIONS_PER_YEAR
    first = f"first run, {market.tickers} tickers with {years} years"
    steps: tuple[tuple[str, Iterable[tuple[str, bytes]], tuple[float, float], float], ...] = (
        (first, market.responses(LAST), floor.of(*floor.laps), 3.5),
        ("one more day of all (floor: dbt and PUTs)", market.one_more_day(), floor.of("PUTs"), 4.0),
        ("nothing new (floor: dbt)", (), floor.of(), 0.3),
    )
    for name, responses, (wall, cpu), target in steps:
        write(lake, responses)
        done = run_on(str(lake))
        yield Case(name, done.seconds, wall, target, done.cpu_seconds, cpu, done.peak_mb)


def calls_of(server: S3Server, folder: Path, market: Market) -> list[int]:
    """Count the calls of the same runs to an object store."""
    bucket, s3 = new_buckets(server).lake, client(server)
    os.environ.update(server.environment | {"TRIBOLAKE_STATE_DIR": str(folder)})
    counted = []
    for responses in (market.responses(LAST), market.one_more_day(), ()):
        for key, content in responses:
            s3.put_object(Bucket=bucket, Key=key, Body=content)
        run_on(f"s3://{bucket}")
        counted.append(sum(last_calls(folder / "market").values()))
    return counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickers", type=int, default=50)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--factor", type=int, default=0, help="so many times the tickers too; 0 leaves it out")
    parser.add_argument(
        "--counted-tickers", type=int, default=10, help="tickers whose calls are counted; 0 counts none"
    )
    asked = parser.parse_args()
    head = f"{'case':46}{'seconds':>9}{'floor':>8}{'ratio':>7}{'target':>8}"
    print(f"{head}{'cpu':>9}{'floor':>8}{'ratio':>7}{'peak MB':>9}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        home, market = Path(folder), Market.of(asked.tickers, asked.years)
        write(home / "small", Market.of(1, 1).responses(LAST))
        run_on(str(home / "small"))  # the project is parsed once for every lake
        floor = floor_of(home / "floor", market)
        measured = []
        for case in cases(home / "lake", market, floor):
            case.show()
            measured.append(case)
        peak_ratio = None
        if asked.factor:
            write(home / "large", Market.of(asked.tickers * asked.factor, asked.years).responses(LAST))
            done = run_on(str(home / "large"))
            name, first = f"first run, × {asked.factor} tickers (floor: the first run)", measured[0]
            measured.append(
                Case(name, done.seconds, first.seconds, 12, done.cpu_seconds, first.cpu_seconds, done.peak_mb)
            )
            measured[-1].show()
            peak_ratio = round(done.peak_mb / first.peak_mb, 2)
            print(f"peak memory of × {asked.factor} tickers: {peak_ratio} × that of the first run")
        calls = {}
        if asked.counted_tickers:
            with moto_server() as server:
                for years in (1, 3):
                    counted = Market.of(asked.counted_tickers, years)
                    found = calls_of(server, home / f"state-{years}", counted)
                    print(f"calls of these runs with {asked.counted_tickers} tickers, {years} years: {found}")
                    calls[f"{years} years"] = found
    said = {"floor": asdict(floor), "calls": calls, "peak_ratio": peak_ratio}
    print(json.dumps(said | {"cases": [asdict(case) | case.ratios for case in measured]}))


if __name__ == "__main__":
    main()
