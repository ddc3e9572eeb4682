"""A lake that one run has published: sample files of both laboratories, and a workbook full of hostile names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from tests.market.small_warehouse import written
from tests.support.hostile_samples import hostile_workbook
from tests.support.made_once import made_once
from tests.support.page_reader import Pages

from tribolake.market.deliver import deliver_pending
from tribolake.market.product import MARKET
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

WAREHOUSE_ASIDE = "warehouse.duckdb"


@pytest.fixture(scope="session")
def page_lake(tmp_path_factory: pytest.TempPathFactory, parsed_project: None) -> Settings:
    """The lake, without its warehouse: no page needs it. It is set aside for tests that compare pages with it."""
    settings = load_settings(lake=made_once(tmp_path_factory, "pages", make_page_lake))
    settings.warehouse.rename(settings.lake.parent / WAREHOUSE_ASIDE)
    return settings


def make_page_lake(folder: Path) -> None:
    write_sample_lake(folder, finning_units=1, als_units=3, months=10)
    hostile = folder / "oil-analysis" / "bronze" / "cda" / "2026-02-01" / "hostile.xlsx"
    hostile.parent.mkdir(parents=True)
    hostile.write_bytes(hostile_workbook())
    run(OIL, load_settings(lake=folder))


@pytest.fixture(scope="session")
def pages(page_lake: Settings) -> Pages:
    return Pages(page_lake)


@pytest.fixture(scope="session")
def warehouse_of_pages(page_lake: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of the lake of the pages."""
    with duckdb.connect(page_lake.lake.parent / WAREHOUSE_ASIDE, read_only=True) as warehouse:
        yield warehouse


@pytest.fixture(scope="session")
def market_pages(computed_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """A lake with all values of two tickers in two versions, without its warehouse: no address needs it."""
    folder = shutil.copytree(computed_lake, tmp_path_factory.mktemp("served") / "lake", symlinks=True)
    market = written(folder)
    for version in (None, "reference"):
        deliver_pending(MARKET, market, version=version)
    market.warehouse.unlink()
    return Pages(load_settings(lake=folder))


@pytest.fixture(scope="session")
def market_in_trouble(tmp_path_factory: pytest.TempPathFactory, parsed_project: None) -> Settings:
    """A lake with a ticker that is held back, one with a bar that cannot be used, one whose response is gone, and two
    responses that cannot be read, one of which came after the run."""
    settings, last = load_settings(lake=tmp_path_factory.mktemp("trouble") / "lake"), date(2024, 3, 1)

    def deliver(symbol: str, content: bytes) -> None:
        path = settings.lake / key_of(symbol, after_close(last))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    for symbol in ("BAD", "HELD"):
        chart = chart_of(random_walk(symbol, 320), last)
        (quote,) = chart["chart"]["result"][0]["indicators"]["quote"]
        if symbol == "BAD":
            quote["volume"][7] = -1
        else:
            for prices in ("open", "high", "low", "close"):
                quote[prices][-1] /= 2
        deliver(symbol, as_bytes(chart))
    deliver("BROKEN", b"{")
    deliver("GONE", as_bytes(chart_of(random_walk("GONE", 320), last)))
    run(MARKET, MARKET.of(settings))
    Path(settings.lake, key_of("GONE", after_close(last))).unlink()
    deliver("LATE", b"{")
    return settings
