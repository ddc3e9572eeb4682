"""Which numbers a reply may have: those of the rules' texts, with the same unit, in digits or in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tribolake.oil.wording.guards.claims import says_multiple
from tribolake.oil.wording.guards.draft import Draft
from tribolake.oil.wording.guards.quantities import Quantity, quantities
from tribolake.oil.wording.guards.sentences import SLOT, blanked, folded, words
from tribolake.oil.wording.guards.spelled_numbers import NUMBER_WORDS, lone_units, roman_numerals, spelled_numbers

CODE = "iso 4406"  # the name of a standard is no quantity
BEFORE_SLOT = frozenset(" \n(")  # anything else would be read as part of the number
SIGNS = frozenset("-+<>≤≥~±*×–—")


def only_numbers_of_the_rules(draft: Draft) -> Iterator[str]:
    named = [(found.start, found.end) for found in draft.mentions]
    text = blanked(folded(draft.plain), named).replace(CODE, " " * len(CODE))
    found = quantities(text)
    for number in found:
        if not _is_known(number, draft):
            written = text[number.start : number.unit_end]
            yield f"number '{written}' is not in the rules' texts: use slots for what was measured"
    spans = [(number.start, number.unit_end) for number in found]
    rest = blanked(text, spans)
    if any(character.isnumeric() for character in rest):
        yield "a digit stands in a word: write no rule identifiers and no codes"
    yield from _numbers_in_words(draft, text, rest, blanked(draft.plain, [*named, *spans]))
    yield from _glued_to_a_slot(draft.text)


def _numbers_in_words(draft: Draft, text: str, rest: str, written: str) -> Iterator[str]:
    for number in spelled_numbers(text, draft.pattern.language):
        if (number.value, number.unit) not in draft.known_numbers:
            yield f"'{number.phrase}' is a number in words that is not in the rules' texts"
    if multiple := says_multiple(draft.text, draft.rules_text):
        yield f"'{multiple}' is a quantity that is not in the rules' texts"
    for sign in (*roman_numerals(written), *lone_units(rest)):
        if not draft.is_in_rules(sign):
            yield f"'{sign}' is a number or a unit that is not in the rules' texts: slots bring their own units"


def _glued_to_a_slot(text: str) -> Iterator[str]:
    """What stands so close to a slot that it changes the number which is filled in."""
    for slot in SLOT.finditer(text):
        before, after = text[: slot.start()], text[slot.end() : slot.end() + 1]
        last = re.split(r"\s", before[-40:].rstrip())[-1]
        is_apart = not before or before[-1] in BEFORE_SLOT
        is_number = bool({*words(folded(last))[-1:]} & NUMBER_WORDS) or last[-1:] in SIGNS
        if not is_apart or is_number or after.isalnum():
            yield f"{slot[0][:60]} stands too close to what is beside it: write the name, a blank and the slot"


def _is_known(number: Quantity, draft: Draft) -> bool:
    return any((value, number.unit) in draft.known_numbers for value in number.values)
