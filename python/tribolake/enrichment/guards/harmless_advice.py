"""Advice about oil or components must begin with a verb that is known to change nothing; an unknown one is refused.

Lists of verbs that change something are never complete: `change_advice` tells what it knows, and this module refuses
the rest where no change is allowed. A refusal costs one more call at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from tribolake.enrichment.guards.change_words import (
    CHANGE,
    LIGHT,
    NEED,
    NEEDLESS,
    NEGATOR,
    NOUN,
    OBJECT,
    WITH_PRONOUN,
    word_set,
)
from tribolake.enrichment.guards.harmless_words import (
    ADJECTIVES,
    DETERMINERS,
    DOES,
    DONE,
    FIRST,
    INFINITIVE,
    JOINS,
    LOOKS,
    NO_INFINITIVE,
    REFRAINED,
    SPOKEN_OF,
    USES,
)
from tribolake.enrichment.guards.sentences import clauses, folded, normal, without_slots

TOKEN = re.compile(r"[^\W\d_]+|[,:()]")
STOPS = frozenset(",:()")
NO_VERBS = OBJECT | DONE | ADJECTIVES | DETERMINERS | LIGHT
LEADS = word_set(
    "si cuando antes despues tras con para en al durante hasta if when once before after with to in during until"
)
NOT_TOLD = LIGHT | OBJECT | NEGATOR | STOPS | JOINS | DETERMINERS | {"do"}
SEEN = 8  # words in which the noun of a verb is looked for


@lru_cache(maxsize=16_384)
def unknown_advice(action: str, rules: str) -> str | None:
    """Words of an action about oil or a component whose verb is not known to be harmless, or None.

    Args:
        action: sentences in Spanish or English; slots in it do not count.
        rules: texts whose verbs may be said again.
    """
    known = _verbs_of(rules)
    plain = folded(normal(without_slots(action)))
    for start, end in clauses(plain):
        words = TOKEN.findall(plain[start:end]) or ["."]
        is_about_them = bool(SPOKEN_OF & {*words})
        for place, is_first in _places(words):
            is_unclear = not _is_harmless(words, place, is_first, known) if is_about_them else _changes(words, place)
            if is_unclear:
                return " ".join(words[place : place + 5])
    return None


def _places(words: Sequence[str]) -> Iterator[tuple[int, bool]]:
    """Where verbs may stand, and whether one must: first, or after the comma of `si …,`; adverbs do not count."""
    is_led = words[0] in LEADS and "," in words
    main = words.index(",") + 1 if is_led else 0
    for start in sorted({main, *(i + 1 for i, word in enumerate(words) if word in STOPS or word in JOINS)}):
        place = next((i for i in range(start, len(words)) if words[i] not in FIRST), len(words))
        if place < len(words) and words[place] not in STOPS | JOINS:
            yield place, start == main


def _is_harmless(words: Sequence[str], place: int, is_first: bool, known: frozenset[str]) -> bool:
    word = words[place]
    # `no opere`, `do not operate`, `ni intervenga`
    if NEGATOR & {*words[max(0, place - 1) : place + (2 if word == "do" else 1)]}:
        return _is_refrained(words[place:], known)
    if not is_first and not _may_be_verb(words, place):
        return True
    if _is_known(word, known) or CHANGE.fullmatch(word):  # `change_advice` has judged what is changed
        return True
    if DOES.fullmatch(word):
        return _does_no_change(words[place + 1 : place + 1 + SEEN])
    return is_first and _is_statement(words[place:], known)


def _changes(words: Sequence[str], place: int) -> bool:
    """Whether something is changed that is not known to be harmless: `cambie el a-ceite`."""
    is_told = CHANGE.fullmatch(words[place]) and not NOUN.fullmatch(words[place])
    return bool(is_told) and not NEGATOR & {*words[:place]} and not DONE & {*words[place + 1 : place + 1 + SEEN]}


def _is_statement(words: Sequence[str], known: frozenset[str]) -> bool:
    """A clause that begins with no verb of its own denies something, or names what to do: `conviene medir`."""
    if words[0] not in NO_VERBS | NEED:
        return False
    if {*words} & (NEGATOR | NEEDLESS):
        return True
    verb = next((word for word in words if _is_known(word, known) or _is_infinitive(word)), "")
    return _is_known(verb, known)


def _is_refrained(after: Sequence[str], known: frozenset[str]) -> bool:
    """`No opere el motor` leaves all as it is, `no use este aceite` does not."""
    if any(map(USES.fullmatch, after[:4])):
        return False
    told = next((word for word in after if word not in NOT_TOLD or CHANGE.fullmatch(word)), "")
    is_told = bool(told and (CHANGE.fullmatch(told) or WITH_PRONOUN.fullmatch(told) or REFRAINED.fullmatch(told)))
    return is_told or not told or told in NEED or _is_known(told, known) or bool(DOES.fullmatch(told))


def _may_be_verb(words: Sequence[str], place: int) -> bool:
    """Whether a word within a clause stands like a verb: before an article, or directly before its object."""
    following = "".join(words[place + 1 : place + 2])
    has_object = following in DETERMINERS | OBJECT or _is_infinitive(following)
    return words[place] not in NO_VERBS and has_object


def _does_no_change(after: Sequence[str]) -> bool:
    named = [i for i, word in enumerate(after) if word in OBJECT or word in DONE]
    # `an oil sample`, `the oil filter sample`
    noun = next((after[i] for i in named if i + 1 not in named or after[i] not in OBJECT), None)
    return noun is None or noun in DONE


def _is_infinitive(word: str) -> bool:
    return bool(INFINITIVE.fullmatch(word)) and word not in NO_INFINITIVE


def _is_known(word: str, known: frozenset[str]) -> bool:
    return bool(LOOKS.fullmatch(word)) or any(word.startswith(stem) for stem in known)


@lru_cache(maxsize=1024)
def _verbs_of(rules: str) -> frozenset[str]:
    """Stems of what the rules tell to do: infinitives in Spanish, the first word of a clause in English."""
    plain = folded(normal(rules))
    told = {word[:-2] for word in re.findall(r"[a-z]{3,20}(?:ar|er|ir)\b", plain)}
    told |= set(re.findall(r"(?:^|[;.\n]\s*|, then |, )([a-z]{3,})", plain))
    return frozenset(told - OBJECT)
