"""The cells of a worksheet's XML, one row at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from tribolake.readers.raw_rows import RAISED, ErrorCell, StruckCell, UncalculatedFormula, text_of_runs
from tribolake.readers.xml_stream import Elements

CELL_NAME = re.compile(r"([A-Z]+)([0-9]+)")
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
# A whole number with more digits than a floating-point number keeps.
LONG_NUMBER = re.compile(r"-?[0-9]{16,}")
EPOCH_1900, EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)
Convert = Callable[[float], object]


@lru_cache(maxsize=16_384)
def column_number(letters: str) -> int:
    """Return the number of a column, from 0 for A."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def moment(days: float, epoch: datetime) -> object:
    """Return the date, the time or both that a number of days means. Returns a number beyond the calendar as it is."""
    # Lotus 1-2-3 took 1900 for a leap year: days before March have another number than the calendar's.
    leap = 1 if epoch == EPOCH_1900 and days < 60 else 0
    try:
        found = epoch + timedelta(milliseconds=round((days + leap) * 86_400_000))
    except OverflowError:
        return days
    if days < 1:
        return found.time()
    return found.date() if days == int(days) else found


def unescaped(text: str) -> str:
    """Replace escapes: `_x0041_` is an A, a unit of UTF-16. Half of a surrogate pair becomes U+FFFD."""
    units = ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def is_set(attributes: Mapping[str, str]) -> bool:
    """Return whether an element that stands for true says nothing else."""
    return attributes.get("val", "1") not in ("0", "false")


class _Texts(Elements):
    """Texts in runs; how a text is pronounced (`rPh`) is left out. Raised digits stay raised, and struck texts go."""

    def __init__(self, elements: Sequence[str]) -> None:
        super().__init__()
        self._read = frozenset(elements)
        self._runs: list[tuple[str, bool]] = []  # of the texts so far, with whether they are struck out
        self._pieces: list[str] | None = None
        self._is_pronunciation = False
        self._is_raised = False
        self._is_struck = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "rPh":
            self._is_pronunciation = True
        elif name == "vertAlign":
            self._is_raised = attributes.get("val") == "superscript"
        elif name == "strike":
            self._is_struck = is_set(attributes)
        elif name in self._read and not self._is_pronunciation:
            self._pieces = []

    def text(self, text: str) -> None:
        if self._pieces is not None:
            self._pieces.append(text)

    def _taken(self) -> str:
        pieces, self._pieces = self._pieces or [], None
        text = "".join(pieces).translate(RAISED) if self._is_raised else "".join(pieces)
        return unescaped(text) if "_x" in text else text

    def _end_run(self) -> None:
        self._runs.append((self._taken(), self._is_struck))
        self._is_raised = self._is_struck = False


class SharedTexts(_Texts):
    def __init__(self) -> None:
        super().__init__(["t"])

    def end(self, name: str) -> None:
        if name == "rPh":
            self._is_pronunciation = False
        elif name == "t" and self._pieces is not None:
            self._end_run()
        elif name == "si":
            self.found.append(text_of_runs(self._runs))
            self._runs = []


class SheetRows(_Texts):
    def __init__(
        self, shared_texts: Sequence[str], formats: Sequence[Convert], struck: Set[int], is_uncalculated: bool
    ) -> None:
        super().__init__(["t", "v", "f"])
        self._shared_texts = shared_texts
        self._formats = formats
        self._struck = struck
        self._is_uncalculated = is_uncalculated
        self._number = 0
        self._cells: list[object] = []
        self._at = -1
        self._cell: dict[str, str] = {}
        self._value: str | None = None
        self._formula: str | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._cell, self._value, self._formula, self._runs = attributes, None, None, []
            place = CELL_NAME.match(attributes.get("r", ""))
            self._at = column_number(place[1]) if place else self._at + 1
        elif name == "row":
            self._number = int(attributes.get("r", self._number + 1))
            self._cells, self._at = [], -1
        else:
            super().start(name, attributes)

    def end(self, name: str) -> None:
        if name == "c":
            if self._value is not None or self._formula is not None or self._runs:
                self._cells += [""] * (self._at + 1 - len(self._cells))
                value = self._cell_value()
                is_struck = value != "" and int(self._cell.get("s", 0)) in self._struck
                self._cells[self._at] = StruckCell(value) if is_struck else value
        elif name == "row":
            if self._cells:
                self.found.append((self._number, self._cells))
        elif name == "rPh":
            self._is_pronunciation = False
        elif self._pieces is not None and name == "f":
            self._formula = self._taken()
        elif self._pieces is not None and name == "t":
            self._end_run()
        elif self._pieces is not None and name == "v":
            self._value = (self._value or "") + self._taken()

    def _cell_value(self) -> object:
        kind = self._cell.get("t", "n")
        text = text_of_runs(self._runs) if self._value is None else self._value
        is_unset = not text and (kind != "str" or self._is_uncalculated)
        if self._formula is not None and (is_unset or (self._is_uncalculated and text == "0" and kind == "n")):
            return UncalculatedFormula(f"={self._formula}")
        if text == "":
            return ""
        if kind == "s":
            return self._shared_texts[int(text)]
        return READ_AS[kind](text) if kind in READ_AS else self._number_of(text)

    def _number_of(self, text: str) -> object:
        if LONG_NUMBER.fullmatch(text):
            return int(text)
        style = int(self._cell.get("s", 0))
        try:
            number = float(text)
        except ValueError:
            return text  # some programs write 12,5
        return (self._formats[style] if style < len(self._formats) else float)(number)


def _iso_moment(text: str) -> object:
    for kind in (date, datetime, time):
        try:
            return kind.fromisoformat(text)
        except ValueError:
            continue
    return text


# How a cell is read that is not a number, by its type.
READ_AS: dict[str, Callable[[str], object]] = {
    "str": str,
    "inlineStr": lambda text: text,  # perhaps struck out
    "e": ErrorCell,
    "b": lambda text: text not in ("0", "false"),
    "d": _iso_moment,
}
