"""Texts of an .xls in several fonts, of which calamine gives the characters alone: raised ones, and struck ones.

Source: [MS-XLS], the records Font, SST and Continue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import iter_unpack, unpack

from tribolake.readers.raw_rows import RAISED, text_of_runs

TEXTS, CONTINUED = 0xFC, 0x3C
STRUCK = 8  # a bit of a font
SUPERSCRIPT = 1
WIDE, EXTENDED, RICH = 1, 4, 8  # bits of a text
Record = tuple[int, bytes]


@dataclass(frozen=True)
class Font:
    """What a font makes of a text."""

    is_struck: bool = False
    is_raised: bool = False

    @classmethod
    def of_record(cls, data: bytes) -> Font:
        return cls(bool(data[2] & STRUCK), len(data) > 9 and unpack("<H", data[8:10])[0] == SUPERSCRIPT)


def shown_texts(records: Sequence[Record], fonts: Sequence[Font]) -> Mapping[int, str]:
    """Return the shared texts of which a part is raised or struck out, by their number, as they are to be read."""
    if not any(font.is_struck or font.is_raised for font in fonts):
        return {}
    return {at: _shown(text, runs, fonts) for at, (text, runs) in enumerate(_texts(records)) if runs}


def _shown(text: str, runs: Sequence[tuple[int, int]], fonts: Sequence[Font]) -> str:
    ends = [begin for begin, _ in runs[1:]] + [len(text)]
    parts = [(text[: runs[0][0]], False)]
    for (begin, number), end in zip(runs, ends, strict=True):
        font = fonts[number] if number < len(fonts) else Font()
        part = text[begin:end]
        parts.append((part.translate(RAISED) if font.is_raised else part, font.is_struck))
    return text_of_runs(parts)


def _texts(records: Sequence[Record]) -> Iterator[tuple[str, Sequence[tuple[int, int]]]]:
    """Yield each shared text, and the fonts of its runs: (first character, number of the font)."""
    first = next((at for at, (kind, _) in enumerate(records) if kind == TEXTS), None)
    if first is None:
        return
    end = next((at for at in range(first + 1, len(records)) if records[at][0] != CONTINUED), len(records))
    pieces = _Pieces([data for _, data in records[first:end]])
    _, count = unpack("<II", pieces.take(8))
    for _ in range(count):
        length, flags = unpack("<HB", pieces.take(3))
        runs = unpack("<H", pieces.take(2))[0] if flags & RICH else 0
        extension = unpack("<I", pieces.take(4))[0] if flags & EXTENDED else 0
        text = pieces.take_text(length, is_wide=bool(flags & WIDE))
        yield text, list(iter_unpack("<HH", pieces.take(4 * runs)))
        pieces.take(extension)


class _Pieces:
    """The data of a record that others continue."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece = next(self._pieces, b"")

    def take(self, size: int) -> bytes:
        taken = b""
        while len(taken) < size:
            if not self._piece:
                self._piece = next(self._pieces)
            part = self._piece[: size - len(taken)]
            taken, self._piece = taken + part, self._piece[len(part) :]
        return taken

    def take_text(self, length: int, *, is_wide: bool) -> str:
        """Take so many characters. Where the next piece goes on with them, it says again how wide they are."""
        text = ""
        while len(text) < length:
            if not self._piece:
                self._piece = next(self._pieces)
                is_wide = bool(self.take(1)[0] & WIDE)
            width = 2 if is_wide else 1
            size = min((length - len(text)) * width, len(self._piece))
            text += self._piece[:size].decode("utf-16-le" if is_wide else "latin-1", "surrogatepass")
            self._piece = self._piece[size:]
        return text
