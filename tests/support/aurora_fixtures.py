"""A lake whose computation no sink has confirmed yet, and databases for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from tests.support.made_once import made_once
from tests.support.s3_fixtures import skip_or_fail
from tests.support.servers.apt import ProgramsMissing
from tests.support.servers.mariadb import mariadb_server
from tests.support.servers.postgres import PostgresServer, postgres_server

from tribolake.market.aurora.connection import url_of
from tribolake.market.aurora.schema import upgrade
from tribolake.market.aurora.sink import rows_query
from tribolake.market.aurora.tables import TABLES
from tribolake.market.product import MARKET
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

SYMBOLS = ("NVDA", "^GSPC")
KINDS = ("indicators", "percentiles", "features")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole session."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """The address of a database in a MariaDB server for the whole session."""
    with ExitStack() as stack:
        try:
            address = stack.enter_context(mariadb_server())
        except ProgramsMissing as missing:
            skip_or_fail(missing)
        yield address


@pytest.fixture(scope="session")
def computed_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that a run has computed and published while its processed objects could not be stored."""
    return made_once(tmp_path_factory, "computed", make_computed_lake)


def make_computed_lake(folder: Path) -> None:
    settings = MARKET.of(load_settings(lake=folder))
    for seed, symbol in enumerate(SYMBOLS, 1):
        path = folder / key_of(symbol, after_close(date(2024, 3, 1)))
        path.parent.mkdir(parents=True)
        path.write_bytes(as_bytes(chart_of(random_walk(symbol, 320, seed), date(2024, 3, 1))))
    with lake_down(settings):
        report = run(MARKET, settings)
    assert report.needs_a_look
    assert report.results["deliveries"].report["lake"]["waiting"] == len(SYMBOLS) * len(KINDS)


@dataclass
class Delivered:
    """A lake with a database of its own."""

    settings: Settings

    def in_aurora(self, query: str) -> list[Any]:
        """Return the rows of a query."""
        engine = sa.create_engine(url_of(self.settings), poolclass=sa.NullPool)
        with engine.begin() as connection:
            found = connection.execute(sa.text(query))
            return [tuple(row) for row in found] if found.returns_rows else []

    def rows(self, kind: str) -> list[tuple[Any, ...]]:
        """Return all rows of a table in Aurora, without their origin."""
        names = ", ".join(["ticker", *self._names(kind)])
        return self.in_aurora(f"select {names} from tribolake_market.{kind} order by 1, 2, 3")

    def gold(self, kind: str) -> list[tuple[Any, ...]]:
        """Return the same rows of gold."""
        with duckdb.connect(self.settings.warehouse, read_only=True) as warehouse:
            tickers = sorted({row[0] for row in warehouse.execute(f"select ticker from gold.{kind}").fetchall()})
            query = f"select $ticker, {', '.join(self._names(kind))} from ({rows_query(kind)}) order by 2, 3"
            return [row for name in tickers for row in warehouse.execute(query, {"ticker": name}).fetchall()]

    def objects(self) -> list[Path]:
        """Return the files of the processed lake, but those that a killed writer left, which are hidden."""
        return sorted(path for path in (self.settings.lake / "processed").rglob("[!.]*") if path.is_file())

    def pending(self) -> dict[str, int]:
        """Count what each sink has to confirm."""
        with duckdb.connect(self.settings.warehouse, read_only=True) as warehouse:
            counted = "select sink, count(*) from control.pending_deliveries group by sink"
            return dict(warehouse.execute(counted).fetchall())

    def _names(self, kind: str) -> list[str]:
        origin = {"ticker", "run_id", "source_raw_data_key", "computed_at"}
        return [column.name for column in TABLES[kind].columns if column.name not in origin]


def with_aurora(settings: Settings, address: str, **values: Any) -> Settings:
    return settings.changed(aurora_url=SecretStr(address), **values)


@pytest.fixture
def lake_and_aurora(computed_lake: Path, postgres: PostgresServer, tmp_path: Path) -> Delivered:
    """The lake, with an Aurora that has the schema and no rows."""
    shutil.copytree(computed_lake, tmp_path / "lake")
    settings = with_aurora(MARKET.of(load_settings(lake=tmp_path / "lake")), postgres.empty_database())
    upgrade(settings)
    return Delivered(settings)


@contextmanager
def lake_down(settings: Settings) -> Iterator[None]:
    """While it lasts, no processed object can be stored: their folder is on a file system that refuses folders."""
    (settings.lake / "processed").symlink_to("/proc")
    yield
    (settings.lake / "processed").unlink()
