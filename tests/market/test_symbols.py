"""Symbols have a written form for keys and tags, which names them again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.errors import ConfigurationError
from tribolake.lake.labels import require_allowed
from tribolake.market.keys import IMPORT, YFINANCE, RawKey, parse_key
from tribolake.market.staging import label_of
from tribolake.market.symbols import ISIN, LONGEST, SYMBOL, symbol_of, symbol_of_ticker, ticker_of

SYMBOLS = st.from_regex(SYMBOL, fullmatch=True).filter(lambda text: len(text) <= LONGEST and not ISIN.fullmatch(text))
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 31, 23, 59, 59), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("symbol", "ticker"),
    [
        ("NVDA", "NVDA"), ("D05.SI", "D05.SI"), ("BRK-B", "BRK-B"), ("^GSPC", "_5EGSPC"), ("EURUSD=X", "EURUSD_3DX"),
        ("M&M.NS", "M_26M.NS"), ("A_B", "A_5FB"),
    ],
)  # fmt: skip
def test_symbol_is_written_reversibly(symbol: str, ticker: str):
    assert ticker_of(symbol_of(f" {symbol.lower()} ")) == ticker
    assert symbol_of_ticker(ticker) == symbol


@pytest.mark.parametrize(
    "text", ["", " ", ".", "..", "a/b", "../x", "A\\B", "A B", "A\nB", "A\x1bB", "É", "ſ", "A" * 33, "A?B", "A#B",
             ".HIDDEN", "US0378331005", "A%41"]
)  # fmt: skip
def test_text_that_is_no_symbol_is_refused(text: str):
    with pytest.raises(ConfigurationError):
        symbol_of(text)


@given(SYMBOLS)
def test_written_form_names_the_symbol_and_no_folder(symbol: str):
    ticker = ticker_of(symbol_of(symbol))
    assert symbol_of_ticker(ticker) == symbol
    assert "=" not in ticker and "/" not in ticker and not ticker.startswith(".")


@given(st.text(max_size=20))
def test_ticker_has_at_most_one_symbol(text: str):
    symbol = symbol_of_ticker(text)
    assert symbol is None or ticker_of(symbol) == text


@given(SYMBOLS, TIMES, st.integers(1, 99), st.sampled_from([YFINANCE, IMPORT]), st.sampled_from(["", "data-lake/"]))
def test_key_is_parsed_to_what_it_was_made_of(symbol: str, at: datetime, number: int, source: str, root: str):
    key = RawKey(source, ticker_of(symbol), at.replace(microsecond=0), number)
    assert parse_key(f"{root}{key}") == key
    require_allowed(label_of(key, {"period1": "1", "interval": "1d", "events": "div,splits"}), reserved_bytes=70)


@pytest.mark.parametrize(
    "key",
    [
        "raw/yfinance/NVDA/2025-01-16/20250115_120000.json",  # another day
        "raw/yfinance/^GSPC/2025-01-15/20250115_120000.json",
        "raw/yfinance/NVDA/2025-01-15/20250115_250000.json",
        "raw/yfinance/NVDA/9999-12-31/99991231_235959.json",
        "raw/yfinance/NVDA/2200-01-01/22000101_000000.json",
        "raw/yfinance/NVDA/1900-01-01/19000101_000000.json",
        "raw/yfinance/NVDA/2025-01-15/20250115_120000_1.json",
        "draw/yfinance/NVDA/2025-01-15/20250115_120000.json",
        "raw/yfinance/NVDA/2025-01-15/20250115_120000.json/x",
    ],
)
def test_other_keys_are_not_of_raw_objects(key: str):
    assert parse_key(key) is None
