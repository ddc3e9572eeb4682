"""Yahoo's symbols, and their written form in keys, tags and columns.

S3 refuses `^` and `&` in tags, and DuckDB takes a folder `EURUSD=X` for a partition. So every character but letters,
digits, `.` and `-` is written as `_` and its two hexadecimal digits: `^GSPC` is `_5EGSPC`.
"""

from __future__ import annotations

import re

from tribolake.errors import ConfigurationError

LONGEST = 32
SYMBOL = re.compile(r"[A-Z0-9^=&_!$+:@*~-][A-Z0-9^=&_!$+:@*~.-]*")
ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")
STAYS = re.compile(r"[A-Z0-9.-]")
ESCAPE = re.compile(r"_([0-9A-F]{2})")


def symbol_of(text: str) -> str:
    """Return a symbol as Yahoo writes it, in upper case.

    Raises:
        ConfigurationError: it cannot be a symbol.
    """
    symbol = text.strip().upper()
    if not symbol or len(symbol) > LONGEST:
        raise ConfigurationError(f"{text[:LONGEST]!a} is not a symbol: a symbol has 1 to {LONGEST} characters")
    if not text.isascii() or not SYMBOL.fullmatch(symbol):
        raise ConfigurationError(f"{text!a} is not a symbol: use one of Yahoo's, such as NVDA, D05.SI or ^GSPC")
    if ISIN.fullmatch(symbol):
        raise ConfigurationError(f"{symbol} is an ISIN: use the symbol of a listing, such as NVDA or D05.SI")
    return symbol


def ticker_of(symbol: str) -> str:
    """Return the written form of a symbol."""
    return "".join(one if STAYS.fullmatch(one) else f"_{ord(one):02X}" for one in symbol)


def symbol_of_ticker(ticker: str) -> str | None:
    """Return the symbol that a written form stands for. None if it is no written form."""
    symbol = ESCAPE.sub(lambda found: chr(int(found[1], 16)), ticker)
    try:
        return symbol if ticker_of(symbol_of(symbol)) == ticker else None
    except ConfigurationError:
        return None
