"""Advice about oil or components must begin with a verb that is known to change nothing; an unknown one is refused.

Lists of verbs that change something are never complete: `change_advice` tells what it knows, and this module refuses
the rest where no change is allowed. Whatever stands where a verb may stand is one, unless it is known to be none. A
refusal costs one more call at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from tribolake.oil.wording.guards.change_words import (
    CHANGE,
    LIGHT,
    NEED,
    NEEDLESS,
    NEGATOR,
    NOUN,
    OBJECT,
    OIL,
    WITH_PRONOUN,
    word_set,
)
from tribolake.oil.wording.guards.harmless_words import (
    ADJECTIVES,
    DETERMINERS,
    DOES,
    DONE,
    FIRST,
    INFINITIVE,
    JOINS,
    LOOKS,
    NO_INFINITIVE,
    PURPOSES,
    REFRAINED,
    SEEKS,
    STATES,
    USES,
)
from tribolake.oil.wording.guards.maintenance_nouns import NO_COMMAND, NOUNS, QUALITIES
from tribolake.oil.wording.guards.new_material import NEW
from tribolake.oil.wording.guards.sentences import clauses, folded, normal, without_slots
from tribolake.oil.wording.guards.spoken_subjects import PRODUCT, SPOKEN_OF, is_about_oil_or_component, points_back

TOKEN = re.compile(r"[^\W\d_]+|[,:()]")
STOPS = frozenset(",:()")
NO_VERBS = OBJECT | PRODUCT | DONE | ADJECTIVES | DETERMINERS | LIGHT | QUALITIES
LEADS = word_set(
    "si cuando antes despues tras con para en al durante hasta if when once before after with to in during until"
)
AUXILIARIES = word_set("do does can could may might puede pueden podria podrian")
NOT_TOLD = LIGHT | OBJECT | NEGATOR | STOPS | JOINS | DETERMINERS | AUXILIARIES
NEW_OR_OTHER = NEW | word_set("otro otra another different distinto other")
SOUGHT = NEW_OR_OTHER | word_set("for a an un una some the el la")
SEEN = 8  # words in which the noun of a verb is looked for
SEEN_USE = 5  # words in which `stop … using the oil` is looked for


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
        words = TOKEN.findall(plain[start:end])
        place = _unclear_place(words, known) if words else None
        if place is not None:
            return " ".join(words[place : place + 5])
    return None


def may_be_verb(words: Sequence[str], place: int) -> bool:
    """Whether a word may be told to do: unless it is known to be none, or a noun that has no object here."""
    word, following = words[place], words[place + 1 : place + 4]
    if word == "de" and following[:1] == ["de"]:  # `dé de baja el motor`
        return True
    if word in NO_VERBS or NO_COMMAND.fullmatch(word):
        return False
    is_object_named = following[:1] and following[0] in DETERMINERS and SPOKEN_OF & {*following}
    is_oil_next = following[:1] and following[0] in OIL and not (NOUNS | DONE) & {*following[1:2]}  # `vent oil`
    return word not in NOUNS or bool(is_object_named or is_oil_next)


def _unclear_place(words: Sequence[str], known: frozenset[str]) -> int | None:
    is_about_them, is_named = is_about_oil_or_component(words), bool(SPOKEN_OF & {*words})
    for place, is_first in _places(words):
        is_harmless = not is_about_them or _is_harmless(words, place, is_first, known)
        if not is_harmless or (not is_named and _changes(words, place)):
            return place
    purposes = _purposes(words) if is_about_them else ()
    return next((place for place in purposes if not _is_known_purpose(words[place], known)), None)


def _places(words: Sequence[str]) -> Iterator[tuple[int, bool]]:
    """Where verbs may stand, and whether one must: first, or after the comma of `si …,`; adverbs do not count."""
    is_led = words[0] in LEADS and "," in words
    main = words.index(",") + 1 if is_led else 0
    for start in sorted({main, *(i + 1 for i, word in enumerate(words) if word in STOPS or word in JOINS)}):
        place = next((i for i in range(start, len(words)) if words[i] not in FIRST), len(words))
        if place < len(words) and words[place] not in STOPS | JOINS:
            yield place, start == main


def _purposes(words: Sequence[str]) -> Iterator[int]:
    """Verbs after `para` and `to`: `confirme el producto para deshacerse del aceite`."""
    for i, word in enumerate(words[1:], start=1):
        is_spanish = words[i - 1] == "para" and _is_infinitive(word)
        is_english = words[i - 1] == "to" and may_be_verb(words, i) and word not in NOUNS | NEGATOR
        if (is_spanish or is_english) and not NEGATOR & {*words[:i]}:
            yield i


def _is_known_purpose(word: str, known: frozenset[str]) -> bool:
    return _is_known(word, known) or bool(DOES.fullmatch(word) or CHANGE.fullmatch(word) or PURPOSES.fullmatch(word))


def _is_harmless(words: Sequence[str], place: int, is_first: bool, known: frozenset[str]) -> bool:
    word = words[place]
    # `no opere`, `do not operate`, `ni intervenga`
    if NEGATOR & {*words[max(0, place - 1) : place + (2 if word == "do" else 1)]}:
        return _is_refrained(words[place:], known)
    if not is_first and not may_be_verb(words, place):
        return True
    if _stops_using(words[place : place + SEEN_USE]) or _seeks_new_oil(words[place:]):
        return False
    if _is_known(word, known) or CHANGE.fullmatch(word):  # `change_advice` has judged what is changed
        return True
    if DOES.fullmatch(word):
        return does_no_change(words, place)
    return _is_statement(words[place:], known) if is_first else bool(STATES.fullmatch(word))


def _changes(words: Sequence[str], place: int) -> bool:
    """Whether something is changed that is not known to be harmless: `cambie el a-ceite`."""
    is_told = CHANGE.fullmatch(words[place]) and not NOUN.fullmatch(words[place])
    return bool(is_told) and not NEGATOR & {*words[:place]} and not DONE & {*words[place + 1 : place + 1 + SEEN]}


def _is_statement(words: Sequence[str], known: frozenset[str]) -> bool:
    """A clause that begins with no verb of its own denies a change, or names what to do: `conviene medir`."""
    if words[0] not in NO_VERBS | NEED:
        return False
    if NEEDLESS & {*words}:
        return True
    denied = next((i for i, word in enumerate(words) if word in NEGATOR), None)
    if denied is not None:
        return _is_refrained(words[denied:], known)
    verb = next((word for word in words if _is_known(word, known) or _is_infinitive(word)), "")
    return _is_known(verb, known)


def _is_refrained(after: Sequence[str], known: frozenset[str]) -> bool:
    """`No opere el motor` leaves all as it is, `no use este aceite` and `ya no sirve` do not."""
    if any(map(USES.fullmatch, after[:4])):
        return False
    told = next((word for word in after if word not in NOT_TOLD or CHANGE.fullmatch(word)), "")
    is_told = bool(told and (CHANGE.fullmatch(told) or WITH_PRONOUN.fullmatch(told) or REFRAINED.fullmatch(told)))
    is_known = _is_known(told, known) or bool(DOES.fullmatch(told) or STATES.fullmatch(told))
    return is_told or not told or told in NEED | NOUNS | DONE | QUALITIES | ADJECTIVES or is_known


def _stops_using(words: Sequence[str]) -> bool:
    """`Stop using the oil`, `deje de usar el producto`."""
    return (
        words[0].startswith(("stop", "suspend", "dej", "det", "evit", "avoid"))
        and any(map(USES.fullmatch, words[1:3]))
        and bool((OIL | PRODUCT) & {*words})
    )


def _seeks_new_oil(words: Sequence[str]) -> bool:
    """`Find fresh oil`, `busque otro aceite`; not `look for new oil leaks` nor `find out whether another oil …`."""
    noun = next((i for i, word in enumerate(words[1:], start=1) if word not in SOUGHT), len(words))
    return (
        bool(SEEKS.fullmatch(words[0]))
        and bool(NEW_OR_OTHER & {*words[:noun]})
        and bool((OIL | PRODUCT) & {*words[noun : noun + 1]})
        and not (NOUNS | DONE) & {*words[noun + 1 : noun + 2]}
    )


def does_no_change(words: Sequence[str], place: int) -> bool:
    """Whether what a verb such as `haga` or `take` is said of is work that only looks."""
    after = words[place + 1 : place + 1 + SEEN]
    if after and LOOKS.fullmatch(after[0]):  # `siga vigilando`, `keep monitoring`
        return True
    named = [i for i, word in enumerate(after) if word in OBJECT or word in DONE]
    # `an oil sample`, `the oil filter sample`
    noun = next((after[i] for i in named if i + 1 not in named or after[i] not in OBJECT), None)
    if points_back(words[place : place + 2]):  # `take it out`, `llévelo fuera`; `envíela` after a sample
        spoken_of = [word for i, word in enumerate(words[:place]) if word in SPOKEN_OF | DONE and words[i - 1] != "de"]
        return bool(spoken_of) and spoken_of[-1] in DONE
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
