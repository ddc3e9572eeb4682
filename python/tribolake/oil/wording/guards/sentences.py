"""How a text is read before anything is looked for in it: without accents and case, clause by clause, slots apart.

Both forms have the length of what they were made from, so a place in one is the same place in the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

SLOT = re.compile(r"\{([^{}]*)\}")
# A full stop between digits is a decimal point.
END_OF_CLAUSE = re.compile(r"[;!?\n]|\.(?!\d)|(?<!\d)\.")
WORD = re.compile(r"[^\W\d_]+")
BLANK = " "


def normal(text: str) -> str:
    """One way to write each character (Unicode NFKC): a full-width or raised digit becomes the digit that it shows."""
    return unicodedata.normalize("NFKC", text)


def folded(text: str) -> str:
    """A normal text in lower case and without accents, of the same length."""
    return text.translate(_FOLDED)


def clauses(text: str) -> list[tuple[int, int]]:
    """Start and end of each clause: what stands between full stops, semicolons and new lines."""
    ends = [found.start() for found in END_OF_CLAUSE.finditer(text)]
    return list(zip([0, *(end + 1 for end in ends)], [*ends, len(text)], strict=True))


def words(text: str) -> list[str]:
    return WORD.findall(text)


def blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """A text of the same length in which blanks stand for these parts."""
    characters = list(text)
    for start, end in spans:
        characters[start:end] = BLANK * (end - start)
    return "".join(characters)


def without_slots(text: str) -> str:
    return blanked(text, (found.span() for found in SLOT.finditer(text)))


class _Folded(dict[int, str]):
    """Each character without its accent, in lower case; found out once."""

    def __missing__(self, point: int) -> str:
        base = unicodedata.normalize("NFD", chr(point))[0].lower()
        self[point] = base if len(base) == 1 else chr(point)
        return self[point]


_FOLDED = _Folded()
