"""How a text is read before anything is looked for in it: without accents and case, clause by clause.

Both forms have the length of what they were made from, so a place in one is the same place in the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# A full stop between digits is a decimal point.
END_OF_CLAUSE = re.compile(r"[;!?\n]|\.(?!\d)|(?<!\d)\.")
WORD = re.compile(r"[^\W\d_]+")
BLANK = " "


def normal(text: str) -> str:
    """Write each character in one way (Unicode NFKC): a full-width or raised digit becomes the digit that it shows."""
    return unicodedata.normalize("NFKC", text)


def folded(text: str) -> str:
    """Put a normal text into lower case without accents; it keeps its length."""
    return text.translate(_FOLDED)


def clauses(text: str) -> list[tuple[int, int]]:
    """Return start and end of each clause: what stands between full stops, semicolons and new lines."""
    ends = [found.start() for found in END_OF_CLAUSE.finditer(text)]
    return list(zip([0, *(end + 1 for end in ends)], [*ends, len(text)], strict=True))


def words(text: str) -> list[str]:
    return WORD.findall(text)


def blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Put blanks in place of these parts of a text."""
    characters = list(text)
    for start, end in spans:
        characters[start:end] = BLANK * (end - start)
    return "".join(characters)


class _Folded(dict[int, str]):
    """Each character without its accent, in lower case; found out once."""

    def __missing__(self, point: int) -> str:
        base = unicodedata.normalize("NFD", chr(point))[0].lower()
        self[point] = base if len(base) == 1 else chr(point)
        return self[point]


_FOLDED = _Folded()
