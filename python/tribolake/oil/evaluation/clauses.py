"""Read texts without accents and case, clause by clause.

`folded` and `blanked` keep the length of a text, so that a place in the result is the same place in the text.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

# A full stop between digits is a decimal point.
END_OF_CLAUSE = re.compile(r"[;!?\n]|\.(?!\d)|(?<!\d)\.")
WORD = re.compile(r"[^\W\d_]+")
BLANK = " "


def read_list(name: str) -> list[dict[str, str]]:
    """Read the rows of a list of words next to this module."""
    with Path(__file__).with_name(f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_words(name: str) -> dict[str, list[str]]:
    """Read a list of two columns: the words of the second, by the first."""
    words: dict[str, list[str]] = {}
    for key, word in (row.values() for row in read_list(name)):
        words.setdefault(key, []).append(word)
    return words


def normal(text: str) -> str:
    """Write each character in one way (Unicode NFKC): a full-width or raised digit becomes the digit that it shows."""
    return unicodedata.normalize("NFKC", text)


def folded(text: str) -> str:
    """Put a normal text into lower case without accents."""
    return text.translate(_FOLDED)


def clauses(text: str) -> list[tuple[int, int]]:
    """Return start and end of each clause. Full stops, semicolons and new lines end a clause."""
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
    """Map a character to itself without accent, in lower case."""

    def __missing__(self, point: int) -> str:
        base = unicodedata.normalize("NFD", chr(point))[0].lower()
        self[point] = base if len(base) == 1 else chr(point)
        return self[point]


_FOLDED = _Folded()
