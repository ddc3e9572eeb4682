"""Numbers in a text, as people write them: decimals with comma or point, thousands, ranges, units.

`1.234` may be a decimal or a thousand: a quantity has every reading that its spelling allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NUMBER = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:[ .,'’]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?)(?!\d)")
UNITS = {
    "h": r"h|hrs?|horas?|hours?|hora/s",
    "d": r"d|dias?|days?",
    "week": r"semanas?|weeks?",
    "month": r"mes|meses|months?",
    "min": r"min|minutos?|minutes?",
    "%": r"%|por ?ciento|per ?cent",
    "ppm": r"ppm|mg/kg|partes por millon",
    "cSt": r"cst|mm2/s",
    "mg KOH/g": r"mg ?koh/g",
    "A/cm": r"a(?:bs)?/(?:0[.,]1 ?mm|cm)",
    "/ml": r"(?:particulas?|particles?|p)?/ml",
    "µm": r"μm?|um|micr(?:as?|ones?|ons?|ometros?|ometers?)",
    "°C": r"° ?c|oc|grados(?: c\w*)?|degrees(?: c\w*)?",
    "times": r"veces|times|x",
}
UNIT = re.compile(r"\s?(?:" + "|".join(f"(?P<u{i}>{p})" for i, p in enumerate(UNITS.values())) + r")(?!\w)")
# What makes two numbers one range: `50-125 h`, `entre 50 y 125 h`, `50 to 125 h`.
RANGE = re.compile(r"\s?(?:-|–|—|/|a|y|o|to|and|or|hasta)\s?")
TIMES = frozenset({"h", "d", "week", "month", "min"})


@dataclass(frozen=True)
class Quantity:
    """A number in a text; of its readings each has the value and the decimals that were written."""

    start: int
    end: int  # of the number, without its unit
    readings: tuple[tuple[float, int], ...]
    unit: str  # a key of `UNITS`, or nothing
    unit_end: int

    @property
    def values(self) -> frozenset[float]:
        return frozenset(value for value, _ in self.readings)


def quantities(text: str) -> list[Quantity]:
    """The numbers in a folded text, from left to right; the first of a range has the unit of the last."""
    found: list[Quantity] = []
    for match in NUMBER.finditer(text):
        found.append(Quantity(*match.span(), _readings(match.group()), *unit_at(text, match.end())))
    for i in range(len(found) - 2, -1, -1):
        this, following = found[i], found[i + 1]
        if not this.unit and following.unit and RANGE.fullmatch(text, this.end, following.start):
            found[i] = Quantity(this.start, this.end, this.readings, following.unit, this.end)
    return found


def unit_at(text: str, place: int) -> tuple[str, int]:
    """The unit that stands at a place of a folded text, as a key of `UNITS`, and where it ends; or nothing."""
    unit = UNIT.match(text, place)
    return _name_of(unit), unit.end() if unit else place


def _name_of(unit: re.Match[str] | None) -> str:
    return next((name for i, name in enumerate(UNITS) if unit[f"u{i}"]), "") if unit else ""


def _readings(written: str) -> tuple[tuple[float, int], ...]:
    plain = re.sub(r"[ '’]", "", written)
    marks = re.findall(r"[.,]", plain)
    if not marks:
        return ((float(plain), 0),)
    whole, _, decimals = re.split(r"([.,])(?=\d+$)", plain)
    decimal = (float(re.sub(r"[.,]", "", whole) + "." + decimals), len(decimals))
    together = (float(re.sub(r"[.,]", "", plain)), 0)
    groups_of_three = bool(re.fullmatch(r"[1-9]\d{0,2}(?:[.,]\d{3})+", plain))
    if len(set(marks)) == 1 and groups_of_three:
        return (together,) if len(marks) > 1 else (decimal, together)
    return (decimal,)
