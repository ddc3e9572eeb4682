"""What a number format of a spreadsheet says of the number in a cell."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Literal

from tribolake.readers.raw_rows import Percent

Meaning = Literal["number", "per cent", "moment", "duration"]
Reading = Callable[[float], object]
# Built-in formats.
MOMENTS = frozenset([*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)])
DURATION = 46
PER_CENT = frozenset([9, 10])
# Parts of a format that show a text, an escaped character, or the width of one.
SHOWN_TEXTS = re.compile(r'"[^"]*"|\\.|_.|\*.')
BRACKETS = re.compile(r"\[[^\]]*\]")
ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
# Widths of characters, and the one that fills the cell.
BLANKS = re.compile(r"_.|\*.")
# A number between texts: `"<"0.0`, `0" ppm"`, `"W"00000`.
CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)(-?[0-9]+(?:[.][0-9]+)?)\]")
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "<>": operator.ne,
}  # fmt: skip
WITH_TEXTS = re.compile(
    r'(?P<before>(?:"[^"]*"|\\.|[<>=~ ])*)(?P<digits>General|[0#?][0#?.,]*)(?P<after>(?:"[^"]*"|\\.| )*)'
)
QUOTES = re.compile(r'"|\\(?=.)')
# A number that a page or document shows as a code with its zeros, or with a sign.
SHOWN_OTHERWISE = re.compile(r"0[0-9]+|[<>≤≥].*", re.DOTALL)
MAX_WIDTH = 15


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


def reading_of_format(number: int, code: str) -> Reading | None:
    """Return how a number in a format is read that its value alone does not say. None for dates and plain numbers."""
    match meaning_of_format(number, code):
        case "per cent":
            return _per_cent_by(_shown_by(code.replace("%", "")))
        case "number":
            return _shown_by(code)
    return None


def _per_cent_by(written: Reading | None) -> Reading:
    """Return how a share is read that is shown as per cent, perhaps with texts: `"<"0.00%`."""
    if written is None:
        return Percent.of_share

    def shown(share: float) -> object:
        text = written(Percent.of_share(share))
        return f"{text}%" if isinstance(text, str) else text

    return shown


def _shown_by(code: str) -> Reading | None:
    """Return how a format writes numbers with texts or zeros of its own: `00000` shows the code 00815.

    A section is for the numbers of its condition, `[<1]`. Without one the first section is for numbers from 0 on, or
    for all that no other section has, and the second one for negative numbers, which it writes without their sign.
    """
    sections = [(CONDITION.search(section), _section(section)) for section in code.split(";")[:3]]
    if not any(write for _, write in sections):
        return None
    is_by_sign = not any(condition for condition, _ in sections)

    def shown(value: float) -> object:
        if is_by_sign:
            write = sections[1][1] if value < 0 and len(sections) > 1 else sections[0][1] if value >= 0 else None
        else:
            met = (write for condition, write in sections if condition and _holds(condition, value))
            write = next(met, next((write for condition, write in sections if not condition), None))
        is_written = write is not None and abs(value) < 10**MAX_WIDTH and (is_by_sign or value >= 0)
        return write(abs(value)) if write and is_written else value

    return shown


def _holds(condition: re.Match[str], value: float) -> bool:
    return COMPARE[condition[1]](value, float(condition[2]))


def _section(code: str) -> Callable[[float], str] | None:
    """Return how a section writes a number. None if it has neither texts nor zeros that count."""
    found = WITH_TEXTS.fullmatch(BLANKS.sub("", BRACKETS.sub("", code)))
    if found is None:
        return None
    before, after = (QUOTES.sub("", found[part]) for part in ("before", "after"))
    digits = found["digits"]
    width = len(digits) if set(digits) == {"0"} else 1
    if width == 1 and not before.strip() and not after.strip():
        return None
    return lambda value: f"{before}{_digits(value, width)}{after}"


def _digits(value: float, width: int) -> str:
    """Write a number with a point that is no mark of thousands: 1.2340, not 1.234."""
    if value == int(value):
        return f"{int(value):0{width}d}"
    text = f"{value:.15f}".rstrip("0")
    return text if len(text.partition(".")[2]) != 3 else f"{text}0"


def as_shown(value: object, shown: str) -> object:
    """Return the text that a cell shows if that says more than its number, else the number."""
    return shown if isinstance(value, float | int) and SHOWN_OTHERWISE.fullmatch(shown.strip()) else value
