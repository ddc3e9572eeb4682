"""Bars in CSV and Parquet that other programs wrote are bars like those of Yahoo's charts."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.market.small_warehouse import SmallWarehouse, compiled_models, greatest_difference, reason_of, written

from tribolake.market.imports import import_files
from tribolake.market.keys import IMPORT, RawKey
from tribolake.market.sample import Traded, after_close, as_bytes, chart_of, key_of, random_walk

pytestmark = pytest.mark.slow

SPLIT, FETCHED, LAST = date(2023, 3, 1), date(2023, 3, 11), date(2023, 4, 14)
SHARE = random_walk("NVDA", 80, splits={SPLIT: 10.0})
HEADER = "Date,Open,High,Low,Close,Adj Close,Volume"
ADJUSTED = ("split_close", "split_high", "split_volume", "adjusted_close", "traded_close", "traded_volume")
Make = Callable[[], SmallWarehouse]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Make:
    models = compiled_models(written(tmp_path_factory.mktemp("compiled")))
    return lambda: SmallWarehouse(models, written(Path(tempfile.mkdtemp())))


def key(suffix: str, symbol: str = "NVDA", day: date = FETCHED) -> str:
    return str(RawKey(IMPORT, symbol, after_close(day), suffix=suffix))


def bars_until(day: date, share: Traded = SHARE) -> list[tuple[date, list[float]]]:
    """Return open, high, low, close, adjusted close and volume of each day, as Yahoo serves them."""
    result = chart_of(share, day)["chart"]["result"][0]
    quote = result["indicators"]["quote"][0]
    columns = (quote["open"], quote["high"], quote["low"], quote["close"], quote["close"], quote["volume"])
    return list(zip([day_ for day_ in share.days if day_ <= day], map(list, zip(*columns, strict=True)), strict=True))


def yahoo_csv(day: date, header: str = HEADER, stamp: str = "") -> bytes:
    lines = (f"{session}{stamp},{','.join(map(repr, values))}" for session, values in bars_until(day))
    return "\n".join((header, *lines, "")).encode()


def parquet(day: date, zone: str | None, share: Traded = SHARE) -> bytes:
    found = bars_until(day, share)
    days = [datetime.combine(session, time(), ZoneInfo(zone) if zone else None) for session, _ in found]
    columns = dict(zip(HEADER.split(","), [days, *map(list, zip(*(values for _, values in found), strict=True))],
                       strict=True))  # fmt: skip
    table = pa.table(columns)
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("csv", yahoo_csv(FETCHED)),
        ("csv", yahoo_csv(FETCHED, stamp=" 00:00:00-05:00")),
        ("csv", yahoo_csv(FETCHED, "date,OPEN,high,Low,close*,adj_close,volume").replace(b",", b";")),
        ("parquet", parquet(FETCHED, None)),
        ("parquet", parquet(FETCHED, "America/New_York")),
        ("parquet", parquet(FETCHED, "Asia/Singapore")),
    ],
    ids=["yahoo", "yfinance", "other-names", "days", "new-york", "singapore"],
)
def test_file_gives_the_bars_of_a_chart(new: Make, suffix: str, content: bytes):
    """The file names no split. A chart that is fetched later does, and the same prices come of both."""
    from_file, from_chart = new(), new()
    from_file.deliver({key(suffix): content})
    from_chart.deliver({key_of("NVDA", after_close(FETCHED)): as_bytes(chart_of(SHARE, FETCHED))})
    names = ("open", "high", "low", "close", "adjclose", "volume")
    assert greatest_difference(from_file.table("bars"), from_chart.table("bars"), names) == 0
    late = {key_of("NVDA", after_close(LAST)): as_bytes(chart_of(SHARE, LAST, since=date(2023, 2, 20)))}
    for warehouse in (from_file, from_chart):
        warehouse.deliver(late)
    assert greatest_difference(from_file.table("bars"), from_chart.table("bars"), ADJUSTED) < 1e-6
    assert from_file.rows("select * from silver.bar_corrections") == []


def test_file_of_the_day_of_a_split_is_divided_by_it(new: Make):
    from_file, from_chart = new(), new()
    late = {key_of("NVDA", after_close(LAST)): as_bytes(chart_of(SHARE, LAST, since=date(2023, 2, 20)))}
    from_file.deliver({key("csv", day=SPLIT): yahoo_csv(SPLIT)} | late)
    from_chart.deliver({key_of("NVDA", after_close(SPLIT)): as_bytes(chart_of(SHARE, SPLIT))} | late)
    assert greatest_difference(from_file.table("bars"), from_chart.table("bars"), ADJUSTED) < 1e-6


def test_bar_of_the_day_of_the_import_waits(new: Make):
    """A file does not say when the session ends. A day later may be today's, ahead of UTC."""
    warehouse = new()
    rows = "2023-03-10,1,2,1,2,2,5\n2023-03-11,1,2,1,2,2,5\n2023-03-12,1,2,1,2,2,5\n2023-03-13,1,2,1,2,2,5\n"
    warehouse.deliver({key("csv"): f"{HEADER}\n{rows}".encode()})
    assert [row["session_date"] for row in warehouse.rows("from silver.bars")] == [date(2023, 3, 10)]
    reasons = [row["reason"] for row in warehouse.rows("from silver.rejected_bars order by position")]
    assert reasons == ["session_unfinished", "session_unfinished", "date_not_come"]


@pytest.mark.parametrize("zone", ["Asia/Singapore", "America/New_York", "Europe/London"])
def test_midnight_in_utc_is_the_day_of_its_exchange(new: Make, zone: str):
    """What pandas writes of an index that was turned into UTC: midnight in Singapore is the day before there."""
    midnight = datetime.combine(date(2023, 3, 8), time(), ZoneInfo(zone)).astimezone(UTC)
    warehouse = new()
    warehouse.deliver({key("csv"): f"{HEADER}\n{midnight:%Y-%m-%d %H:%M:%S}+00:00,1,2,1,2,2,5\n".encode()})
    assert [row["session_date"] for row in warehouse.rows("from silver.bars")] == [date(2023, 3, 8)]


@pytest.mark.parametrize("day", ["marz", "2023-13-45T00:00:00Z", "0001-01-01", "9999-12-31", "Z", "2023-02-30"])
def test_day_that_cannot_be_is_a_rejected_bar(new: Make, day: str):
    """No text of a day stops the run of all tickers."""
    warehouse = new()
    warehouse.deliver({key("csv"): f"{HEADER}\n{day},1,2,1,2,2,5\n2023-03-08,1,2,1,2,2,5\n".encode()})
    assert [row["reason"] for row in warehouse.rows("from silver.rejected_bars")] == ["time_unreadable"]
    assert [row["session_date"] for row in warehouse.rows("from silver.bars")] == [date(2023, 3, 8)]


def test_null_of_yahoos_csv_is_a_hole(new: Make):
    warehouse = new()
    rows = "2023-03-08,1,2,1,2,2,5\n2023-03-09,null,null,null,null,null,null\nyesterday,1,2,1,2,2,5\n"
    warehouse.deliver({key("csv"): f"{HEADER}\n{rows}".encode()})
    found = warehouse.rows("select session_date, reason from silver.rejected_bars order by position")
    assert [(row["session_date"], row["reason"]) for row in found] == [
        (date(2023, 3, 9), "close_missing"),
        (None, "time_unreadable"),
    ]


BAD = {
    "renamed": (b"Date,Open,High,Low,Last,Volume\n2023-03-08,1,2,1,2,5\n", "no values in a column Close"),
    "words": (f"{HEADER}\n2023-03-08,1,2,1,about 2,2,5\n".encode(), "row 2: close is not a number: about 2"),
    "thousands": (f'{HEADER}\n2023-03-08,"1,000.5",2000,1,2,2,5\n'.encode(), "open is not a number"),
    "days": (f"{HEADER}\n8/3/2023,1,2,1,2,2,5\n".encode(), "no date is written as 2025-01-15"),
    "two closes": (
        b"Date,Open,High,Low,Close,close,Volume\n2023-03-08,1,9,1,2,3,5\n",
        "several columns are called close",
    ),
    "two tickers": (
        b"Date,Open,High,Low,Close,Close,Volume\n2023-03-08,1,9,1,2,3,5\n",
        "several columns are called close",
    ),
    "no date": (b"Day,Close\n1,2\n", "Date"),
    "empty": (b"", "empty"),
    "header": (f"{HEADER}\n".encode(), "it has no bars"),
    "page": (b"<html><body>Sign in</body></html>", ""),
    "document": (b"%PDF-1.7\n", "PDF document"),
    "letters of another encoding": (f"{HEADER}\n2023-03-08,\u20ac".encode("utf-16")[:-1], "Save it as UTF-8"),
}


@pytest.fixture(scope="module")
def of_bad_files(new: Make) -> SmallWarehouse:
    warehouse = new()
    bad = {key("csv", f"BAD{number}"): content for number, (content, _) in enumerate(BAD.values())}
    warehouse.deliver(bad | {key("csv"): yahoo_csv(FETCHED), key("parquet", "CUT"): parquet(FETCHED, None)[:-9]})
    return warehouse


@pytest.mark.parametrize("number", range(len(BAD)), ids=list(BAD))
def test_file_that_cannot_be_used_fails_alone(of_bad_files: SmallWarehouse, number: int):
    reason = reason_of(of_bad_files, key("csv", f"BAD{number}"))
    assert list(BAD.values())[number][1] in reason
    assert not {"seed", "oil", "laboratory"} & set(re.findall("[a-z]+", reason))  # they are of another product
    assert reason_of(of_bad_files, key("csv")) == "None"


def test_damaged_parquet_fails_alone(of_bad_files: SmallWarehouse):
    assert "damaged" in reason_of(of_bad_files, key("parquet", "CUT"))


def test_import_stages_a_csv_as_it_is(tmp_path: Path, new: Make):
    file, warehouse = tmp_path / "NVDA.csv", new()
    file.write_bytes(yahoo_csv(FETCHED))
    at = datetime(2023, 3, 11, 22, tzinfo=UTC)
    (staged,) = import_files(warehouse.settings, [file], "nvda", at)
    assert staged.key == "raw/import/NVDA/2023-03-11/20230311_220000.csv"
    assert (warehouse.settings.lake / staged.key).read_bytes() == file.read_bytes()
    assert not import_files(warehouse.settings, [file], "nvda", at)[0].is_new
