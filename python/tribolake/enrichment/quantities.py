"""Numbers in a text, as people write them: decimals with comma or point, thousands, ranges, units, or words.

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

TO_TEN = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez",
    "zero one two three four five six seven eight nine ten",
)
ONES = {word: value for listed in TO_TEN for value, word in enumerate(listed.split())} | {
    **{"once": 11, "doce": 12, "trece": 13, "catorce": 14, "quince": 15},
    **{"dieciseis": 16, "diecisiete": 17, "dieciocho": 18, "diecinueve": 19, "veintiuno": 21, "veintidos": 22},
    **{"veintitres": 23, "veinticuatro": 24, "veinticinco": 25, "veintiseis": 26, "veintisiete": 27},
    **{"veintiocho": 28, "veintinueve": 29, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15},
    **{"sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19},
}
TENS = {
    word: value * 10
    for listed in (
        "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
        "twenty thirty forty fifty sixty seventy eighty ninety",
    )
    for value, word in enumerate(listed.split(), start=2)
}
HUNDREDS = {"cien": 100, "ciento": 100, "hundred": 100, "doscientos": 200, "doscientas": 200, "trescientos": 300}
HUNDREDS |= {"cuatrocientos": 400, "quinientos": 500, "seiscientos": 600, "setecientos": 700, "ochocientos": 800}
SPELLED = re.compile(
    r"(?<!\w)(?:(?:" + "|".join(sorted([*ONES, *TENS, *HUNDREDS, "mil", "thousand"], key=len, reverse=True)) + r")"
    r"(?:\s(?:y|and)\s|\s|-)){1,8}(?=\S)"
)
SPELLED_UNITS = frozenset(UNITS) - {"°C"}


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
        unit = UNIT.match(text, match.end())
        unit_end = unit.end() if unit else match.end()
        found.append(Quantity(*match.span(), _readings(match.group()), _name_of(unit), unit_end))
    for i in range(len(found) - 2, -1, -1):
        this, following = found[i], found[i + 1]
        if not this.unit and following.unit and RANGE.fullmatch(text, this.end, following.start):
            found[i] = Quantity(this.start, this.end, this.readings, following.unit, this.end)
    return found


def spelled_quantities(text: str) -> list[tuple[str, float, str]]:
    """Numbers in words that have a unit, in a folded text: the words, the value and the unit."""
    found = []
    for match in SPELLED.finditer(text):
        unit = UNIT.match(text, match.end())
        if unit and _name_of(unit) in SPELLED_UNITS:
            found.append((text[match.start() : unit.end()], _value_of_words(match.group()), _name_of(unit)))
    return found


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


def _value_of_words(spelled: str) -> float:
    total = part = 0
    for word in re.findall(r"[a-z]+", spelled):
        if word in {"mil", "thousand"}:
            total, part = total + max(part, 1) * 1000, 0
        elif word == "hundred":
            part = max(part, 1) * 100
        else:
            part += ONES.get(word, 0) + TENS.get(word, 0) + HUNDREDS.get(word, 0)
    return float(total + part)
