"""The SQL models of the market product on responses in memory, without dbt: a build takes a tenth of a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from jinja2 import Environment

from tribolake.lake import open_lake
from tribolake.lake.bronze import BronzeFile
from tribolake.market.calendars import SESSIONS, sessions_of
from tribolake.market.computing import indicator_rows
from tribolake.market.indicators import Computation
from tribolake.market.keys import raw_inbox
from tribolake.market.product import MARKET
from tribolake.market.responses import read_responses
from tribolake.run.control_tables import control_tables
from tribolake.run.dbt import Dbt
from tribolake.settings import PROJECT_DIR, Settings

NOTES = ("bar_corrections", "rejected_bars", "missing_sessions")
FOUND = ("quality_findings", "ticker_quality")
SCOPED = ("bars", *NOTES, *FOUND)
CHANGES = ("touched_tickers", "held_tickers", "released_tickers")
SILVER = (
    "touched_tickers", "int_served_bars", "int_events", "int_revised_bars", "int_split_bars",
    "int_ticker_spans", *NOTES, "int_price_moves", "int_quality_measures", *FOUND, "held_tickers", "released_tickers",
    "bars", "ticker_benchmarks",
)  # fmt: skip
# Seeds whose columns DuckDB cannot tell.
TYPES = {"quality_accepted": {"ticker": "varchar", "rule": "varchar", "session_date": "date", "reason": "varchar"}}
_COMPILED: dict[str, str] = {}
TEXTBOOK = Computation("1.0", "wilder", "average", 0, 20, 20)
REFERENCE = Computation("reference", "plain", "first", 1, 400, 1)
COLUMNS = """
    ticker, session_date, split_open as open, split_high as high, split_low as low, split_close as close,
    split_volume as volume
"""


def compiled_models(settings: Settings) -> dict[str, str]:
    """Compile the SQL models, once a process: they are the same for all settings."""
    if _COMPILED:
        return _COMPILED
    settings.state.mkdir(parents=True)
    with duckdb.connect(settings.warehouse) as warehouse:  # the models as they are after a first build
        warehouse.execute("create schema changes; create table changes.touched_tickers (ticker varchar)")
    with Dbt(MARKET, settings) as dbt:
        compiled = dbt.compile("path:models/market")
    _COMPILED.update({name: sql for name, sql in compiled.items() if name in SILVER})
    return _COMPILED


@cache
def remembering() -> str:
    """Return what the last model of a build remembers, in SQL."""

    def ref(name: str) -> str:
        return f"{'changes' if name in CHANGES else 'silver' if name in SILVER else 'bronze'}.{name}"

    macros = (PROJECT_DIR / "macros/market/remember_computed_tickers.sql").read_text(encoding="utf-8")
    return str(Environment().from_string(macros, {"ref": ref}).module.remember_computed_tickers())  # noqa: S701


@dataclass
class SmallWarehouse:
    """A warehouse in memory, to which responses are delivered."""

    models: Mapping[str, str]
    settings: Settings
    sessions: Mapping[str, Sequence[int]] = field(default_factory=dict)  # years of calendars whose sessions are known

    def __post_init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("attach ':memory:' as warehouse; use warehouse; set threads = 1; set timezone = 'UTC'")
        for schema in ("bronze", "changes", "silver", "seeds", "gold"):
            self.connection.execute(f"create schema {schema}")
        self.connection.execute(control_tables())
        self.connection.execute(control_tables("market"))
        seeds = PROJECT_DIR / "seeds" / "market"
        for seed in seeds.glob("*.csv"):
            self.connection.read_csv(str(seed), dtype=TYPES.get(seed.stem)).create(f"seeds.{seed.stem}")
        self.connection.register("held", sessions_of(self.sessions) if self.sessions else SESSIONS.empty_table())
        self.connection.execute("create table silver.exchange_sessions as select * from held")
        self.lake = open_lake(self.settings, raw_inbox(self.settings))

    def deliver(self, responses: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> None:
        """Store responses under their keys, and build."""
        listed = dict(responses)
        for key, content in listed.items():
            path = self.settings.lake / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        files = [file for file in self.lake.list_bronze() if file.key in listed]
        self.read(files)
        self.build()

    def read(self, files: list[BronzeFile]) -> None:
        tables = self.connection.execute("select table_name from duckdb_tables()").fetchall()
        is_new = ("raw_responses",) not in tables
        known = "select file_key, sha256 from bronze.raw_responses where status = 'loaded'"
        loaded = [] if is_new else self.connection.execute(known).fetchall()
        arrived = read_responses(self.connection, self.settings, self.lake, files, loaded)
        self.connection.register("arrived", arrived)
        into = "create table bronze.raw_responses as" if is_new else "insert into bronze.raw_responses"
        self.connection.execute(f"{into} select * from arrived")

    def build(self) -> None:
        tables = {name for (name,) in self.connection.execute("select table_name from duckdb_tables()").fetchall()}
        for name in SILVER:
            sql = self.models[name]
            if name in SCOPED and name in tables:
                scope = "released_tickers" if name == "bars" else "touched_tickers"
                self.connection.execute(
                    f"delete from silver.{name} where ticker in (from changes.{scope} select ticker)"
                )
                self.connection.execute(f"insert into silver.{name} by name {sql}")
            else:
                schema = "changes" if name in CHANGES else "silver"
                self.connection.execute(f"create or replace table {schema}.{name} as {sql}")
        self.connection.execute(remembering())

    def rows(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.connection.execute(query).to_arrow_table().to_pylist()
        return found

    def table(self, name: str) -> pa.Table:
        return self.connection.execute(f"select * from silver.{name} order by all").to_arrow_table()

    def everything(self) -> tuple[pa.Table, ...]:
        return tuple(self.table(name) for name in SCOPED)

    def indicators(self, ticker: str, computation: Computation = TEXTBOOK) -> pa.Table:
        bars = f"select {COLUMNS} from silver.bars where ticker = ? order by session_date"
        return indicator_rows(self.connection.execute(bars, [ticker]).to_arrow_reader(), [computation]).read_all()


def greatest_difference(first: pa.Table, second: pa.Table, names: Iterable[str]) -> float:
    """Return the greatest relative difference of columns of tables with the same sessions."""
    assert first["session_date"].equals(second["session_date"])
    worst = 0.0
    for name in names:
        one, other = first[name], second[name]
        assert one.is_null().equals(other.is_null())
        size = pc.max_element_wise(pc.abs(one), pc.abs(other))
        worst = max(worst, pc.max(pc.divide(pc.abs(pc.subtract(one, other)), size)).as_py() or 0.0)
    return worst


def reason_of(warehouse: SmallWarehouse, key: str) -> str:
    (row,) = warehouse.rows(f"select message from bronze.raw_responses where file_key = '{key}'")
    return str(row["message"])


def written(folder: Path) -> Settings:
    from tribolake.settings import load_settings  # noqa: PLC0415

    return MARKET.of(load_settings(lake=folder))
