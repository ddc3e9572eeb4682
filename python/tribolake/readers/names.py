"""The normal forms in which names of columns, sheets and essays, of units and of samples are compared."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Marks of accents, controls, and characters that are not seen: soft hyphens, zero-width spaces, directions, selectors.
UNSEEN = frozenset({"Mn", "Me", "Cc", "Cf", "Zs", "Zl", "Zp"})
ASCII_UNSEEN = {code: None for code in range(128) if unicodedata.category(chr(code)) in UNSEEN}
# Few people and no keyboards distinguish `100 ºC` and `100 °C`, `Nº` and `N°`.
LOOK_ALIKES = str.maketrans({"°": "o", "\N{MINUS SIGN}": "-"})

# Capital letters of other scripts that look like Latin ones: Cyrillic, then Greek.
LATIN = str.maketrans("АВЕКМНОРСТУХЅІЈΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXSIJABEZHIKMNOPTYX")
LATIN_SMALL = str.maketrans("аеорсухѕіјο", "aeopcyxsijo")
# A number that a program made of a name: 12.0 for 12, '12 to keep it a text. 12.000 may be twelve thousand.
NUMBER_OF_A_PROGRAM = re.compile(r"'?([0-9]+)(?:[.,]0{1,2})?|'(.+)")
ZERO_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])[Oo]+(?=[0-9])")
ZERO_IN_A_NUMBER = re.compile(r"(?=(?:[^0-9]*[0-9]){4})[0-9Oo_-]*[0-9][0-9Oo_-]*")


@lru_cache(maxsize=65_536)
def normal_form(name: str) -> str:
    """Return the form in which two spellings of one name are equal.

    Unicode compatibility forms, case, accents, dashes, white space and invisible characters do not count, nor does the
    script of letters that all look like Latin ones. Every other character does: `Fe`, `Fe*` and `Fe (ppm)` are three.
    """
    if name.isascii():
        return name.casefold().translate(ASCII_UNSEEN)
    composed = unicodedata.normalize("NFKC", name).translate(LOOK_ALIKES)
    return _without_marks(in_latin(_without_marks(composed)).casefold())


def _without_marks(name: str) -> str:
    plain = []
    for character in unicodedata.normalize("NFKD", name):
        category = unicodedata.category(character)
        if category == "Pd":
            plain.append("-")
        elif category not in UNSEEN:
            plain.append(character)
    return "".join(plain)


def in_latin(name: str) -> str:
    """Write a name in Latin letters if all of its letters look like Latin ones; else return it as it is."""
    if name.isascii():
        return name
    latin = name.translate(LATIN).translate(LATIN_SMALL)
    is_latin = not any(c.isalpha() and "LATIN" not in unicodedata.name(c, "LATIN") for c in latin)
    return latin if is_latin else name


@lru_cache(maxsize=65_536)
def plain_spelling(name: str) -> str:
    """Spell the name of a unit or sample plainly. Accents and case stay.

    Unicode compatibility forms, padding, invisible characters and kinds of dashes go. Letters of other scripts become
    Latin if all of them look like Latin ones. `O` is zero between two digits, and where a name with at least four
    digits has no other letter. `12.0` and `'12` are 12.
    """
    plain = []
    for character in unicodedata.normalize("NFKC", name).replace("\N{MINUS SIGN}", "-"):
        category = unicodedata.category(character)
        if category == "Pd":
            plain.append("-")
        elif category.startswith("Z") or character in "\t\n\r":
            plain.append(" ")
        elif category not in UNSEEN or category == "Mn":
            plain.append(character)
    spelled = re.sub(r" ?([-_]) ?", r"\1", " ".join("".join(plain).split()))
    if number := NUMBER_OF_A_PROGRAM.fullmatch(spelled):
        spelled = number[1] or number[2]
    spelled = in_latin(spelled)
    if ZERO_IN_A_NUMBER.fullmatch(spelled):
        return spelled.replace("O", "0").replace("o", "0")
    return ZERO_BETWEEN_DIGITS.sub(lambda found: "0" * len(found[0]), spelled)
