"""The benchmark of published tickers, by the model that says it in a warehouse."""

from __future__ import annotations

import duckdb

from tribolake.market.derived import BENCHMARKS
from tribolake.market.product import MARKET
from tribolake.run.compiled_models import compiled_project
from tribolake.run.memory_build import build_in_memory, open_memory
from tribolake.seeds import read_seed
from tribolake.settings import Settings

# All that the model reads of bars is the exchange of the last sessions.
LAST_SESSIONS = """
    select ticker, exchange, max(session_date) as session_date from read_parquet($bars) group by ticker, exchange
"""


def published_benchmarks(settings: Settings, bars: str) -> dict[str, str]:
    """Return the benchmark of each published ticker that has one.

    Args:
        settings: of the product.
        bars: path of a published file of bars.

    Raises:
        RunFailed: the models cannot be compiled.
    """
    project = compiled_project(MARKET, settings)
    with duckdb.connect() as reader:
        given = {"bars": reader.execute(LAST_SESSIONS, {"bars": bars}).to_arrow_table()}
    with open_memory(settings) as connection:
        build_in_memory(connection, MARKET, project, given, [BENCHMARKS])
        return dict(connection.execute(f"select ticker, benchmark from silver.{BENCHMARKS}").fetchall())


def is_benchmark(ticker: str) -> bool:
    """Return whether the seed `benchmarks` names a ticker."""
    return any(row["benchmark"] == ticker for row in read_seed("market", "benchmarks"))
