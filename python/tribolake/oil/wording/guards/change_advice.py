"""Whether a text tells its reader to change, drain, flush or replace the oil or a component, in Spanish or English.

`No se requiere cambiar el aceite` does not, `no espere y cambie el aceite` does: what is negated is followed from the
negation on, word by word, and ends with the first word that is neither a change, nor its object, nor a small word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tribolake.oil.wording.guards.change_objects import objects_of
from tribolake.oil.wording.guards.change_words import (
    BEFORE_ANY,
    CHANGE,
    COMPLETE,
    IN_A_LIST,
    LIGHT,
    LINKS,
    NEED,
    NEEDLESS,
    NEGATOR,
    NOUN,
    OBJECT,
    ONLY,
    RECOMMENDED,
    WITH_PRONOUN,
    WITHOUT,
    word_set,
)
from tribolake.oil.wording.guards.new_material import installs_new
from tribolake.oil.wording.guards.sentences import clauses, folded, normal, without_slots
from tribolake.oil.wording.guards.spoken_changes import is_no_advice, is_only_watched

TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|,")
ASIDES = re.compile(
    r",\s*(?:por ahora|por el momento|de momento|en este caso|todavia|aun|for now|yet|at this point)\s*,"
)
BRACKETS = re.compile(r"\([^()]{0,200}\)")
KEEPS_NEGATED = LIGHT | OBJECT | LINKS | word_set("intervenir intervening abrir opening actuar acting")
AFTER = 9  # words in which the object of a change is looked for
BEFORE = 7


@dataclass(frozen=True)
class Clause:
    """Words of a clause, as written in lower case and folded; a comma is a word too."""

    written: tuple[str, ...]
    words: tuple[str, ...]


@lru_cache(maxsize=16_384)
def change_advised(text: str) -> str | None:
    """The words that advise to change oil or a component, or None.

    Args:
        text: sentences in Spanish or English; slots in it do not count.
    """
    for clause in _clauses(text):
        negated = _negated(clause.words)
        for i, word in enumerate(clause.words):
            if _is_instead(clause.words, i) or (not negated[i] and _is_advised(clause, i, word)):
                return " ".join(clause.written[max(0, i - 2) : i + 5])
    return None


def _is_advised(clause: Clause, i: int, word: str) -> bool:
    if CHANGE.fullmatch(word) or WITH_PRONOUN.fullmatch(word):
        words = clause.words
        is_denied = _is_denied_after(words, i) and words[i - 1 : i] not in {("sin",), ("without",)}
        spoken_of = is_denied or is_no_advice(clause.written[i], words, i) or is_only_watched(words, i)
        return not spoken_of and _concerns_oil_or_component(words, i)
    return installs_new(clause.words, i)


def _is_instead(words: tuple[str, ...], i: int) -> bool:
    """`No cambie el filtro, sino el aceite.`"""
    is_but = words[i] == "sino" or (words[i] == "but" and words[i + 1 : i + 2] in {("the",), ("instead",)})
    return is_but and any(map(CHANGE.fullmatch, words[:i])) and any(word in OBJECT for word in words[i + 1 : i + 4])


def _clauses(text: str) -> list[Clause]:
    written = normal(without_slots(text)).lower().replace("’", "'").replace("pump out", "pumpout ")
    # What stands in brackets is read after the rest, so that it comes between no verb and its object.
    written = f"{BRACKETS.sub(' ', written)}\n" + "\n".join(BRACKETS.findall(written))
    plain = ASIDES.sub(" ", folded(written))
    if len(plain) != len(written):  # an aside was taken out: accents do not matter as much
        written = plain
    found = []
    for start, end in clauses(plain):
        spans = [match.span() for match in TOKEN.finditer(plain, start, end)]
        found.append(
            Clause(
                tuple(written[first:last] for first, last in spans),
                tuple(_without_apostrophe(plain[first:last]) for first, last in spans),
            )
        )
    return found


def _without_apostrophe(word: str) -> str:
    return "not" if word.endswith("n't") else word.partition("'")[0]


def _negated(words: tuple[str, ...]) -> list[bool]:
    """Per word, whether a negation reaches it."""
    reached, state = [], False
    deny = [i for i, word in enumerate(words) if word in NEGATOR and word not in WITHOUT]
    only_more = "sino" in words or ("but" in words and "also" in words)  # `no solo cambie …, sino …`
    last_change = ""
    for i, word in enumerate(words):
        if state and word in {"no", "not"} and words[i - 1] not in NEGATOR | {","}:
            state = False  # `no hay razón para no cambiar`
        elif word in WITHOUT and _is_demanded(words, i, deny):
            state = False
        elif word in NEGATOR or (word in BEFORE_ANY and words[i + 1 : i + 2] != (",",)):
            state = True
        elif word == ",":
            following = next((later for later in words[i + 1 :] if CHANGE.fullmatch(later)), "")
            state = state and bool(IN_A_LIST.fullmatch(last_change) and IN_A_LIST.fullmatch(following))
        elif CHANGE.fullmatch(word):
            last_change = word
        elif word not in KEEPS_NEGATED or (only_more and word in ONLY):
            state = False
        reached.append(state)
    return reached


def _is_demanded(words: tuple[str, ...], i: int, deny: list[int]) -> bool:
    """`No opere sin cambiar el aceite` and `sin cambiar el aceite no se corrige` demand the change."""
    to_do = next((k for k, word in enumerate(words[i:], start=i) if CHANGE.fullmatch(word)), len(words))
    is_before = any(place < i - 1 and not any(map(CHANGE.fullmatch, words[place:i])) for place in deny)
    is_after = words[i] in {"sin", "without"} and any(place > to_do for place in deny)
    return is_before or is_after


def _is_denied_after(words: tuple[str, ...], i: int) -> bool:
    """`El cambio de aceite no es necesario`, `an oil change is unnecessary`."""
    denied = False
    for word in words[i + 1 : i + 1 + AFTER]:
        if word in NEEDLESS:
            return True
        if word in {"no", "not", "tampoco"}:
            denied = True
        elif denied and word in NEED:
            return True
        elif word not in LIGHT and word not in OBJECT and word not in NEED:
            return False
    return False


def _concerns_oil_or_component(words: tuple[str, ...], i: int) -> bool:
    word = words[i]
    if WITH_PRONOUN.fullmatch(word) and CHANGE.match(word):
        return True
    after = objects_of(words[i + 1 : i + 1 + AFTER]) or objects_of(words[i + 1 :])
    if after:
        return any(noun in OBJECT for noun in after)
    if words[i + 1 : i + 2] in {("it",), ("them",)}:
        return True
    before = objects_of(words[max(0, i - BEFORE) : i])
    if before:
        return before[-1] in OBJECT
    if NOUN.fullmatch(word) and any(RECOMMENDED.fullmatch(told) for told in words[max(0, i - 4) : i]):
        return True
    return bool(COMPLETE.fullmatch(word)) and words[max(0, i - 1) : i] not in {("the",), ("case",)}
