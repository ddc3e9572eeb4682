"""Find advice to change oil or a component, in Spanish or English.

The reader looks for a word of changing, for the object of the change, and for a negation before it. The lists of words
do not know all ways of free text: `WRONG_ADVICE` says how often the reader is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from tribolake.oil.evaluation.clauses import folded, normal, read_words

# Sentences of tests/oil/evaluation/sentences.csv that the reader gets wrong, and their number.
WRONG_ADVICE = (32, 379)
CLAUSE = re.compile(r"[;:!?\n()]|\.(?!\d)")
WORD = re.compile(r"[^\W\d_]+|,")
SHOWN = 5  # words
AFTER, BEFORE = 8, 6  # words that are searched for the noun of a verb
WORDS = read_words("change_words")
# Nouns of changing also name intervals, records, and things to watch. Words of ENDED end the service of their object.
CHANGE, NOUN, SUPPLY, ENDED = (re.compile("|".join(WORDS[name])) for name in ("change", "noun", "supply", "ended"))
NEW, OBJECT, HARMLESS, JOINS = (frozenset(WORDS[name]) for name in ("new", "object", "harmless", "joins"))
# After a word of UNDONE a negation ends: `no dude en cambiar el aceite`. Words of SPOKEN_OF go with a change that is
# past, watched for, or asked about.
NEGATOR, UNDONE, NEEDED, SPOKEN_OF = (frozenset(WORDS[name]) for name in ("negator", "undone", "needed", "spoken_of"))


@lru_cache(maxsize=16_384)
def advises_change(text: str) -> str | None:
    """Return the words that advise a change of oil or a component, or None."""
    for clause in CLAUSE.split(folded(normal(text)).replace("’", "'").replace("n't", " not")):
        found = WORD.findall(clause)
        ended = ENDED.search(clause)
        if ended and (OBJECT | {"el"}) & {*found}:
            return ended.group()
        for i in range(len(found)):
            if _is_advised(found, i):
                return " ".join(found[max(0, i - 1) : i + SHOWN])
    return None


def _is_advised(found: Sequence[str], i: int) -> bool:
    word, after = found[i], found[i + 1 : i + 1 + AFTER]
    is_noun = bool(NOUN.fullmatch(word))
    is_change = bool(CHANGE.fullmatch(word)) or is_noun or bool(SUPPLY.fullmatch(word) and NEW & {*after[:6]})
    if not is_change or not _changes_oil_or_component(found, i) or _is_negated(found, i):
        return False
    is_participle = word.endswith(("ado", "ada", "ido", "ed"))
    return not ((is_noun or is_participle) and SPOKEN_OF & {*found[max(0, i - BEFORE) : i + SHOWN]})


def _changes_oil_or_component(found: Sequence[str], i: int) -> bool:
    """Return whether oil or a component is changed. `filtro de aceite` and `oil filter` are neither."""
    if CHANGE.fullmatch(found[i]) and found[i].endswith(("elo", "arlo", "erlo")):
        return True
    after = found[i + 1 : i + 1 + AFTER]
    nouns = [place for place, word in enumerate(after) if word in OBJECT | HARMLESS]
    if not nouns:
        before = [word for word in found[max(0, i - BEFORE) : i] if word in OBJECT | HARMLESS]
        is_complete = found[i].startswith(("dren", "drain", "refill", "rellen", "overhaul", "recambi"))
        return before[-1] in OBJECT if before else is_complete
    first = nouns[0]
    following = after[first + 1 : first + 3]
    if after[first] in OBJECT:
        return not HARMLESS & {*following} or bool(JOINS & {*following[:1]})
    return bool({"y", "and"} & {*following[:1]}) and any(after[place] in OBJECT for place in nouns[1:2])


def _is_negated(found: Sequence[str], i: int) -> bool:
    near = found[max(0, i - AFTER - 1) : i]
    negated = next((place for place in reversed(range(len(near))) if near[place] in NEGATOR), None)
    if negated is None:
        after = {*found[i + 1 : i + AFTER]}
        return bool(NEGATOR & after and NEEDED & after) or bool({"unnecessary", "innecesario"} & after)
    between = near[negated + 1 :]
    is_joined = bool({"y", "and", ","} & {*between}) and not any(map(CHANGE.fullmatch, between))
    return not is_joined and not UNDONE & {*between}
