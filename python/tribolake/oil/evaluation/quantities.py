"""Find numbers in a text: decimals with comma or point, thousands, ranges, units.

`1.234` may be a decimal or a thousand, so a quantity has every reading that its spelling allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

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
# Between the numbers of a range: `50-125 h`, `entre 50 y 125 h`, `50 to 125 h`.
RANGE = re.compile(r"\s?(?:-|–|—|/|a|y|o|to|and|or|hasta)\s?")
TIMES = frozenset({"h", "d", "week", "month", "min"})


@dataclass(frozen=True)
class Quantity:
    """A number in a text."""

    start: int
    end: int  # of the number, without its unit
    readings: tuple[tuple[float, int], ...]  # value and number of written decimals
    unit: str  # a key of `UNITS`, or empty

    @property
    def values(self) -> frozenset[float]:
        return frozenset(value for value, _ in self.readings)


def quantities(text: str) -> list[Quantity]:
    """Return the numbers in a folded text, from left to right. The first of a range has the unit of the last."""
    found = [
        Quantity(*match.span(), _readings(match.group()), _unit_at(text, match.end()))
        for match in NUMBER.finditer(text)
    ]
    for i in range(len(found) - 2, -1, -1):
        this, following = found[i], found[i + 1]
        if not this.unit and following.unit and RANGE.fullmatch(text, this.end, following.start):
            found[i] = replace(this, unit=following.unit)
    return found


def _unit_at(text: str, place: int) -> str:
    unit = UNIT.match(text, place)
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
