"""Numbers as people type them, in whatever language: with a point or with a comma."""

from __future__ import annotations

import re

# `12.500` is twelve and a half for one reader, and twelve thousand five hundred for another.
TWO_MEANINGS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")


class TwoMeanings(ValueError):
    """A number that can be read with decimals or with thousands."""


def read_number(text: str) -> float:
    """Return the number that a field has.

    Raises:
        TwoMeanings: it has one mark and three digits after it.
        ValueError: it is not a number.
    """
    if TWO_MEANINGS.fullmatch(text.strip()):
        raise TwoMeanings(text)
    return float(text.strip().replace(",", "."))
