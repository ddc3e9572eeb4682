"""Changes that a text demands without telling anybody to make them: `the oil is spent, so get rid of it`.

Sentences about what is seen, and why, tell no one what to do. Where one says of oil or of a component that something
must be done, it has to be something that only looks: `conviene verificar el producto` passes, `fresh oil is called for`
does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from tribolake.oil.wording.guards.change_words import LIGHT, NEGATOR, OBJECT, OIL, one_of, word_set
from tribolake.oil.wording.guards.claims import demands
from tribolake.oil.wording.guards.harmless_advice import does_no_change, may_be_verb
from tribolake.oil.wording.guards.harmless_words import (
    ADJECTIVES,
    DETERMINERS,
    DOES,
    DONE,
    FIRST,
    JOINS,
    LOOKS,
    STATES,
    USES,
)
from tribolake.oil.wording.guards.maintenance_nouns import NOUNS, QUALITIES
from tribolake.oil.wording.guards.phrases import comparable, stands_in
from tribolake.oil.wording.guards.sentences import clauses, without_slots
from tribolake.oil.wording.guards.spoken_subjects import PRODUCT, is_about_oil_or_component, points_back

WORD = re.compile(r"[^\W\d_]+|,")
PASSED_OVER = (LIGHT | DETERMINERS | ADJECTIVES | QUALITIES | OBJECT | PRODUCT | JOINS | {","}) - {"no", "not"}
CHECKS = DONE | word_set("atencion attention seguimiento monitoring cuidado care confirmacion confirmation")
SHOWN = 2  # words shown after a demand
SUBJECT = 4  # words in which what is demanded is looked for before it: `verification is required`
# What follows a command and no other word in front: `tire el aceite`, `throw out the old oil`.
ARTICLES = word_set("el los este ese dicho todo the this that all")
AWAY = word_set("out away off down over up of old fuera afuera")
CONSEQUENCES = word_set("so therefore thus hence entonces tanto ende")
CONSEQUENCES_OF_TWO = frozenset({("asi", "que"), ("lo", "que"), ("por", "eso"), ("por", "ello")})
DESCRIBES = one_of(
    r"(?:afect|contamin|degrad|dan|deterior|dilu|reduc|aceler|indic|sugier|muestr|presentan?|alter|ensuci|oxid|podri"
    r"|compromet|expon|adelgaz|espes|corro|atac|desgast|pued|alcanz|contien|tien)\w*",
    r"(?:llev|hac|sal|entr|lleg|impid|est|esta|fue|er|es|so)(?:a|e|n|an|en|o|on|ia|ian|ro|ron)?",
    r"\w+(?:s|ing|ed)",
    r"(?:may|might|could|can|would|will|made|left|got|came|into|onto|inside|throughout|although|because|whereas"
    r"|across|beneath|beyond|behind|toward|upon|like|unlike|despite)",
)


@lru_cache(maxsize=16_384)
def change_demanded(text: str, allowed: str = "") -> str | None:
    """Words that demand a change of oil or a component, or None.

    Args:
        text: sentences in Spanish or English that say what is seen, and why; slots in it do not count.
        allowed: the rules' own texts, whose words may be said again.
    """
    plain, known = without_slots(text), comparable(allowed)
    for start, end in clauses(plain):
        clause = comparable(plain[start:end])
        words = WORD.findall(clause)
        if words and is_about_oil_or_component(words):
            for demanded in _demanded(clause):
                if not stands_in(demanded, known):
                    return demanded
    return None


def _demanded(clause: str) -> Iterator[str]:
    for found in demands(clause, "disposal"):
        yield _shown(clause, found)
    for found in demands(clause, "demand"):
        if not (_only_looks(WORD.findall(clause[found.end() :])) or _is_of_a_check(clause[: found.start()])):
            yield _shown(clause, found)
    yield from _commanded(WORD.findall(clause))


def _shown(clause: str, found: re.Match[str]) -> str:
    return " ".join([found.group().strip(), *WORD.findall(clause[found.end() :])[:SHOWN]])


def _only_looks(after: Sequence[str]) -> bool:
    """Whether the first thing that is demanded looks, or is left undone."""
    if after[:1] and after[0] in NEGATOR:
        return not any(map(USES.fullmatch, after[:4]))
    place = next((i for i, word in enumerate(after) if word not in PASSED_OVER or word in CHECKS), None)
    if place is None:
        return False
    if DOES.fullmatch(after[place]):
        return does_no_change(after, place)
    return after[place] in CHECKS or any(pattern.fullmatch(after[place]) for pattern in (LOOKS, STATES))


def _says_or_looks(word: str) -> bool:
    return any(pattern.fullmatch(word) for pattern in (LOOKS, STATES, DESCRIBES))


def _is_of_a_check(before: str) -> bool:
    """`Verification is required`, `una inspección es necesaria`."""
    near = WORD.findall(before)[-SUBJECT:]
    return bool(CHECKS & {*near}) and not OIL & {*near}


def _commanded(words: Sequence[str]) -> Iterator[str]:
    """Commands that begin a clause, or follow a comma or a `so`, by what stands after them: `tire el aceite`."""
    for place, is_consequence in _places(words):
        word = words[place]
        is_told = _has_oil_after(words, place) or (is_consequence and points_back(words[place : place + 2]))
        if is_told and may_be_verb([word], 0) and word not in NOUNS and not _says_or_looks(word):
            yield " ".join(words[place : place + 4])


def _places(words: Sequence[str]) -> Iterator[tuple[int, bool]]:
    """Where a command may stand, and whether it would follow from what is said before."""
    first = next((i for i, word in enumerate(words) if word not in FIRST | {","}), 0)
    yield first, False
    for place in range(first + 1, len(words)):
        before = words[place - 1]
        is_consequence = before in CONSEQUENCES or tuple(words[max(0, place - 2) : place]) in CONSEQUENCES_OF_TWO
        if is_consequence or before == "," or before in JOINS:
            yield place, is_consequence


def _has_oil_after(words: Sequence[str], place: int) -> bool:
    """`Throw out the old oil`, `tire el aceite`, `deshágase del aceite`."""
    after = [word for word in words[place + 1 : place + 6] if word not in AWAY]
    # `Pull the engine` is told; `Desgasta el motor` is not, and its verb ends as a Spanish command may.
    wanted = OBJECT | PRODUCT if after[:1] == ["the"] else OIL | PRODUCT
    is_direct = bool(after) and (after[0] in ARTICLES or after[0] in OIL) and bool(wanted & {*after[:3]})
    is_of = words[place].endswith(("ase", "ese")) and words[place + 1 : place + 2] in (["de"], ["del"])
    return is_direct or is_of
