"""Compute tables from raw objects again, in memory: with the product's own models, as a first run would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tribolake.lake import open_lake
from tribolake.market.keys import raw_inbox
from tribolake.market.product import MARKET
from tribolake.market.raw_objects import FetchedObjects
from tribolake.market.responses import read_responses
from tribolake.run.compiled_models import compiled_project
from tribolake.run.memory_build import build_in_memory, open_memory

HELD, BENCHMARKS, CHANGED = "held_tickers", "ticker_benchmarks", "changed_bars"


@contextmanager
def derived(fetched: FetchedObjects, wanted: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Compute models from raw objects. Nothing else goes in, so the same bytes give the same bits.

    Args:
        fetched: the raw objects.
        wanted: models, such as `indicators`. Those that they read are computed too. With `held_tickers` among them,
            the quality rules judge the tickers.

    Returns:
        A database in memory with the schemas of a warehouse.
    """
    settings = fetched.lake
    project, lake = compiled_project(MARKET, settings), open_lake(settings, raw_inbox(settings))
    with open_memory(settings) as connection:
        responses = read_responses(connection, settings, lake, lake.list_bronze(), [])
        # As in a first build: nothing was computed before.
        tickers = pc.unique(responses["ticker"].drop_null())
        everything = pa.table({"ticker": tickers, "since": pa.array([date.min] * len(tickers), pa.date32())})
        given = {"raw_responses": responses, CHANGED: everything}
        if HELD not in wanted:
            # No ticker is held back: values are computed from what was served, whatever a rule says of it now.
            given[HELD] = pa.table({"ticker": pa.array([], pa.string())})
        build_in_memory(connection, MARKET, project, given, wanted)
        yield connection
