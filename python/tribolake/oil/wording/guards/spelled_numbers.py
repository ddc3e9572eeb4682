"""Numbers that hide in words: spelled ones, Roman numerals, and units that stand without any number."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tribolake.oil.wording.guards.quantities import unit_at

TO_TEN = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez",
    "zero one two three four five six seven eight nine ten",
)
ONES = {word: value for listed in TO_TEN for value, word in enumerate(listed.split())} | {
    **{"once": 11, "doce": 12, "trece": 13, "catorce": 14, "quince": 15, "dieciseis": 16, "diecisiete": 17},
    **{"dieciocho": 18, "diecinueve": 19, "veintiun": 21, "veintiuno": 21, "veintiuna": 21, "veintidos": 22},
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
HUNDREDS = {"cien": 100, "ciento": 100, "hundred": 100} | {
    f"{stem}cient{ending}s": value * 100
    for stem, value in {"dos": 2, "tres": 3, "cuatro": 4, "seis": 6, "sete": 7, "ocho": 8, "nove": 9}.items()
    for ending in "oa"
}
HUNDREDS |= {"quinientos": 500, "quinientas": 500}
THOUSANDS = {"mil": 1000, "thousand": 1000}
MILLIONS = {"millon": 1_000_000, "millones": 1_000_000, "million": 1_000_000, "millions": 1_000_000}
NUMBER_WORDS = frozenset({*ONES, *TENS, *HUNDREDS, *THOUSANDS, *MILLIONS})
WORD = "(?:" + "|".join(sorted(NUMBER_WORDS, key=len, reverse=True)) + ")"
SPELLED = re.compile(rf"(?<!\w){WORD}(?:(?:\s(?:y|and)\s|\s|-)(?:{WORD}|una?(?!\w))){{0,8}}(?!\w)")
SMALL = 4  # below it a number is a word of plain language: `las tres variables`
ENGLISH_WORD = "once"  # eleven in Spanish only
ROMAN = re.compile(r"(?<![\w.])[IVXLCDM]+(?![\w°])")
LONE_UNIT = re.compile(
    r"(?<!\w)(?:ppm|p\.\s?p\.\s?m|(?:partes|parts) p[oe]r mill\w+|"
    r"mg|kg|cst|bar|psi|rpm|kpa|mpa|mm2?|km|por ?ciento|per ?cent|milimetros?|millimet\w+)"
    r"(?!\w)|%"
)


@dataclass(frozen=True)
class SpelledNumber:
    """A number in words, with its unit where it has one."""

    phrase: str
    value: float
    unit: str  # a key of `UNITS`, or nothing


def spelled_numbers(text: str, language: str) -> list[SpelledNumber]:
    """Numbers in words of a folded text; small ones only where they have a unit."""
    found = []
    for match in SPELLED.finditer(text):
        if language == "en" and match.group() == ENGLISH_WORD:
            continue
        is_joined = text[match.end() : match.end() + 1] == "-"
        unit, end = unit_at(text, match.end() + is_joined)
        value = _value(match.group())
        if unit or value >= SMALL:
            found.append(SpelledNumber(text[match.start() : end if unit else match.end()], value, unit))
    return found


def roman_numerals(text: str) -> list[str]:
    """Roman numerals of a text as written, in capital letters."""
    return ROMAN.findall(text)


def lone_units(text: str) -> list[str]:
    """Units of a folded text from which numbers were taken out: they belong to what was written in another way."""
    return LONE_UNIT.findall(text)


def _value(spelled: str) -> float:
    total = part = 0
    for word in re.findall(r"[a-z]+", spelled):
        if word in THOUSANDS or word in MILLIONS:
            total, part = total + max(part, 1) * (THOUSANDS | MILLIONS)[word], 0
        elif word == "hundred":
            part = max(part, 1) * 100
        else:
            part += ONES.get(word, 0) + TENS.get(word, 0) + HUNDREDS.get(word, 0) + (word in {"un", "una"})
    return float(total + part)
