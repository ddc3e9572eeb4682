"""Whether a text tells its reader to change, drain, flush or replace the oil or a component, in Spanish or English.

`No se requiere cambiar el aceite` does not, `no espere y cambie el aceite` does: what is negated is followed from the
negation on, word by word, and ends with the first word that is neither a change, nor its object, nor a small word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tribolake.enrichment.change_words import (
    ASKED_WHETHER,
    AT_A_TIME,
    BEFORE_ANY,
    CALLED_AFTER,
    CHANGE,
    COMING,
    COMPLETE,
    HARMLESS,
    IN_A_LIST,
    LIGHT,
    LINKS,
    NAMED_BY_ENGLISH_NOUN,
    NEED,
    NEEDLESS,
    NEGATOR,
    NOUN,
    OBJECT,
    ONLY,
    PASSIVE,
    PAST,
    PAST_AUXILIARY,
    RECOMMENDED,
    UNRECORDED,
    WITH_PRONOUN,
)
from tribolake.enrichment.sentences import clauses, folded, normal, without_slots

TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|,")
ASIDES = re.compile(
    r",\s*(?:por ahora|por el momento|de momento|en este caso|todavia|aun|for now|yet|at this point)\s*,"
)
KEEPS_NEGATED = LIGHT | OBJECT | LINKS
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
            if CHANGE.fullmatch(word) or WITH_PRONOUN.fullmatch(word):
                if negated[i] or _is_denied_after(clause.words, i) or _is_no_advice(clause, i):
                    continue
                if _concerns_oil_or_component(clause.words, i):
                    return " ".join(clause.written[max(0, i - 2) : i + 5])
    return None


def _clauses(text: str) -> list[Clause]:
    plain = ASIDES.sub(" ", folded(normal(without_slots(text))).replace("’", "'"))
    written = normal(without_slots(text)).lower().replace("’", "'")
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
    only_more = "sino" in words or ("but" in words and "also" in words)  # `no solo cambie …, sino …`
    last_change = ""
    for i, word in enumerate(words):
        if state and word in {"no", "not"} and words[i - 1] not in NEGATOR | {","}:
            state = False  # `no hay razón para no cambiar`
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


def _is_no_advice(clause: Clause, i: int) -> bool:
    """Whether a change is one of the past, or only what something is called after."""
    words, word = clause.words, clause.words[i]
    before = words[max(0, i - 3) : i]
    near = words[max(0, i - 5) : i + 6]
    is_noun = bool(NOUN.fullmatch(word))
    return (
        clause.written[i] in PAST
        or (bool(PASSIVE.fullmatch(word)) and bool(PAST_AUXILIARY & {*before}))
        or (word == "cambio" and before[-1:] == ("en",) and words[i + 1 : i + 2] != ("de",))
        or (is_noun and bool(UNRECORDED & {*near}))
        or (is_noun and before[-1:] == ("de",) and bool(CALLED_AFTER & {*before}))
        or (bool(NAMED_BY_ENGLISH_NOUN & {*words[i + 1 : i + 2]}) or (word == "drain" and before[-1:] == ("case",)))
        or (is_noun and bool(COMING & {*near}) and bool(AT_A_TIME & {*words[max(0, i - 5) : i]}))
        or (is_noun and _is_asked(words[max(0, i - 6) : i]))
    )


def _is_asked(before: tuple[str, ...]) -> bool:
    """`Confirme si hubo un cambio de aceite`: a question, unless somebody is told what to do if so."""
    return bool(ASKED_WHETHER & {*before}) and bool({"hubo", "existe", "there", "was", "an"} & {*before})


def _concerns_oil_or_component(words: tuple[str, ...], i: int) -> bool:
    word = words[i]
    if WITH_PRONOUN.fullmatch(word) and CHANGE.match(word):
        return True
    after = _objects(words[i + 1 : i + 1 + AFTER])
    if after:
        return any(noun in OBJECT for noun in after)
    if words[i + 1 : i + 2] in {("it",), ("them",)}:
        return True
    if PASSIVE.fullmatch(word) or NOUN.fullmatch(word):
        before = _objects(words[max(0, i - BEFORE) : i])
        if before:
            return before[-1] in OBJECT
    if NOUN.fullmatch(word):
        return any(RECOMMENDED.fullmatch(told) for told in words[max(0, i - 4) : i])
    return bool(COMPLETE.fullmatch(word))


def _objects(words: tuple[str, ...]) -> list[str]:
    """What is changed: each noun that is not only an attribute of another one."""
    found: list[str] = []
    previous = ""
    for i, word in enumerate(words):
        if CHANGE.fullmatch(word) and not NOUN.fullmatch(word):
            break
        if word in OBJECT or word in HARMLESS:
            # `filtro de aceite`, `oil filter`, `engine air filter`
            is_of_another = found and "de" in words[max(0, i - 3) : i] and previous in HARMLESS
            is_of_another = is_of_another or (found and "del" in words[max(0, i - 2) : i] and previous in HARMLESS)
            is_attribute = word in OBJECT and any(
                later in HARMLESS and not ({"and", "or", "y", "o", "de", "del", ",", "e"} & {*words[i + 1 : i + 1 + k]})
                for k, later in enumerate(words[i + 1 : i + 3])
            )
            if not (is_of_another or is_attribute):
                found.append(word)
            previous = word
    return found
