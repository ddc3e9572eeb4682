"""What a number format of a spreadsheet says of the number in a cell."""

from __future__ import annotations

import re
from typing import Literal

Meaning = Literal["number", "per cent", "moment", "duration"]
# Built-in formats.
MOMENTS = frozenset([*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)])
DURATION = 46
PER_CENT = frozenset([9, 10])
# Parts of a format that show a text, an escaped character, or the width of one.
SHOWN_TEXTS = re.compile(r'"[^"]*"|\\.|_.|\*.')
BRACKETS = re.compile(r"\[[^\]]*\]")
ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)


def meaning_of_format(number: int, code: str) -> Meaning:
    """Say what a format shows.

    Args:
        number: of the format. Built-in formats have no code.
        code: for instance `0.00%`. Of its sections, for positive and negative numbers, the first one counts.
    """
    shown = SHOWN_TEXTS.sub("", code.split(";", maxsplit=1)[0])
    if number == DURATION or ELAPSED.search(shown):
        return "duration"
    if number in MOMENTS or re.search("[dmyhs]", BRACKETS.sub("", shown), re.IGNORECASE):
        return "moment"
    return "per cent" if number in PER_CENT or "%" in shown else "number"
