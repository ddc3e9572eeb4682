"""What a reply must not say. A reply with a violation is never published: the model is told why and asked again.

Each guard is a pure function from a draft to reasons; `GUARDS` has all of them by name. A reason is written for the
model: what is wrong and what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from tribolake.oil.wording.guards.change_advice import change_advised
from tribolake.oil.wording.guards.change_words import word_set
from tribolake.oil.wording.guards.claims import (
    calms,
    claims_proof,
    claims_trend,
    promises,
    says_above,
    says_below,
    sets_deadline,
)
from tribolake.oil.wording.guards.copied_prompt import copied_from_prompt
from tribolake.oil.wording.guards.demanded_changes import change_demanded
from tribolake.oil.wording.guards.draft import Draft
from tribolake.oil.wording.guards.essay_names import essays_of_group
from tribolake.oil.wording.guards.foreign_text import is_error, is_foreign, odd_character
from tribolake.oil.wording.guards.harmless_advice import unknown_advice
from tribolake.oil.wording.guards.language import is_another_language
from tribolake.oil.wording.guards.number_guard import only_numbers_of_the_rules
from tribolake.oil.wording.guards.sentences import SLOT, folded, normal, without_slots, words
from tribolake.oil.wording.guards.slot_guards import (
    called_fine,
    every_essay_in_observation,
    only_allowed_slots,
    only_essays_of_the_facts,
    slots_beside_their_essay,
)
from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.reply import Reply

GuardName = Literal[
    "slots",
    "essays",
    "pairing",
    "invented",
    "numbers",
    "change",
    "urgency",
    "deadline",
    "certainty",
    "trend",
    "direction",
    "length",
    "language",
    "foreign",
    "characters",
    "sentence",
]
GUARD_NAMES: tuple[GuardName, ...] = get_args(GuardName)
MOST_WORDS = 90
MOST_CHARACTERS = 1_500  # 90 words and their slots need 1,000
WORDS_OF_A_SLOT = 3  # `1.234 partículas/ml`, and a little more
FEWEST_WORDS = 2
ENDS = (".", "!", "?")
LANGUAGE_NAMES = {"es": "Spanish", "en": "English"}
# Limits of these have one side: a breach is above.
ONE_SIDED = ("Desgaste", "Contaminante")
HIGH = word_set("alto alta altos altas elevado elevada elevados supera superan exceso high above exceeds excess")
LOW = word_set("bajo baja bajos bajas agotada agotado agotados diluido low depleted spent thin dropped fell below")


@dataclass(frozen=True)
class Violation:
    """Why a reply is not accepted."""

    guard: GuardName
    reason: str


def violations(reply: Reply, pattern: Pattern) -> list[Violation]:
    """Everything that a reply must not say, in the order of `GUARDS`; none means that it may be published.

    Args:
        reply: sentences with slots.
        pattern: what was asked about.
    """
    draft = Draft(reply, pattern)
    if too_long := [*not_too_long(draft)]:
        return [Violation("length", reason) for reason in too_long]  # nothing else looks at a text of any length
    return [Violation(name, reason) for name, guard in GUARDS.items() for reason in guard(draft)]


def no_change_that_the_rules_do_not_advise(draft: Draft) -> Iterator[str]:
    if draft.pattern.advises_change:
        return
    if advised := change_advised(draft.text):
        yield f"'{advised}' advises to change, drain, replace or flush oil or a component, which the rules do not"
    elif unknown := unknown_advice(draft.reply.action, draft.rules_actions):
        yield (
            f"'{unknown}': about oil and components say only to review, measure, verify, inspect, compare, follow or "
            "sample, as the rules do"
        )
    elif demanded := change_demanded(draft.found, draft.rules_causes):
        yield f"'{demanded}' demands something of oil or a component: in observation and cause say only what is seen"


def no_weaker_urgency(draft: Draft) -> Iterator[str]:
    if draft.reply.urgency > draft.pattern.urgency:
        yield f"urgency {draft.reply.urgency} is weaker than {draft.pattern.urgency}, that of the rules"
    if draft.pattern.urgency in {"U0", "U1"} and (calming := calms(draft.text, draft.rules_text)):
        yield f"'{calming}' weakens urgency {draft.pattern.urgency}: leave it out"


def no_deadline_of_its_own(draft: Draft) -> Iterator[str]:
    if deadline := sets_deadline(draft.text, draft.pattern.urgency, draft.rules_text):
        yield f"'{deadline}' is a deadline of your own: it is added later, leave it out"


def no_certainty(draft: Draft) -> Iterator[str]:
    if promised := promises(draft.text, draft.rules_text):
        yield f"'{promised}' promises what one sample cannot show: nothing is ruled out and nothing is without risk"
    if proven := claims_proof(draft.found, draft.rules_text):
        yield f"'{proven}' takes one sample for a proof: write 'indica', 'probable', 'consistent with'"


def no_trend(draft: Draft) -> Iterator[str]:
    if trend := claims_trend(draft.found, draft.rules_text):
        yield f"'{trend}' compares with earlier samples, which are not in the facts"


def no_direction_unless_known(draft: Draft) -> Iterator[str]:
    said = {*words(folded(normal(draft.rules_text)))}
    is_one_sided = {*draft.pattern.essays} <= essays_of_group(*ONE_SIDED)
    above, below = says_above(draft.text, draft.rules_text), says_below(draft.text, draft.rules_text)
    if above and not (is_one_sided or HIGH & said):
        yield f"'{above}': the facts do not say on which side of its limit a value is; write name, value, (limit …)"
    if below and not LOW & said:
        yield f"'{below}': the facts do not say on which side of its limit a value is; write name, value, (limit …)"
    if fine := called_fine(draft):
        yield f"'{fine}': every essay of the slots is beyond its limit; write name, value, (limit …)"


def not_too_long(draft: Draft) -> Iterator[str]:
    spoken = [word for word in without_slots(draft.text).split() if any(map(str.isalnum, word))]
    count = len(spoken) + WORDS_OF_A_SLOT * sum(1 for _ in SLOT.finditer(draft.text))
    if len(draft.text) > MOST_CHARACTERS:
        yield f"{len(draft.text)} characters: at most {MOST_CHARACTERS}, so write shorter"
    elif count > MOST_WORDS:
        yield f"{count} words, with {WORDS_OF_A_SLOT} for each slot: at most {MOST_WORDS}, so write shorter"


def in_its_language(draft: Draft) -> Iterator[str]:
    expected = draft.pattern.language
    for part in (*draft.reply.sentences.values(), draft.text):
        if is_another_language(part, expected):
            yield f"a sentence is not in {LANGUAGE_NAMES[expected]}: write all three in {LANGUAGE_NAMES[expected]}"
            return


def nothing_but_advice(draft: Draft) -> Iterator[str]:
    for field, sentence in draft.reply.sentences.items():
        plain = without_slots(sentence)
        found = is_foreign(plain, draft.rules_text) or is_error(plain, draft.rules_text)
        if found:
            yield f"{field} has '{found[:60]}': write plain sentences, without markup, labels, excuses or errors"
        elif copied := copied_from_prompt(sentence):
            yield f"{field} repeats the instructions, '{copied[:60]}': write about the facts"


def only_plain_characters(draft: Draft) -> Iterator[str]:
    for field, sentence in draft.reply.sentences.items():
        if (odd := odd_character(sentence)) is not None:
            yield f"{field} has the character {odd}: write plain letters on one line"


def whole_sentences(draft: Draft) -> Iterator[str]:
    for field, sentence in draft.reply.sentences.items():
        text = sentence.strip()
        if len(words(text)) < FEWEST_WORDS or not text.endswith(ENDS) or text.endswith(".."):
            yield f"{field} is no whole sentence: write one that ends with a full stop"


GUARDS: MappingProxyType[GuardName, Callable[[Draft], Iterator[str]]] = MappingProxyType(
    {
        "slots": only_allowed_slots,
        "essays": every_essay_in_observation,
        "pairing": slots_beside_their_essay,
        "invented": only_essays_of_the_facts,
        "numbers": only_numbers_of_the_rules,
        "change": no_change_that_the_rules_do_not_advise,
        "urgency": no_weaker_urgency,
        "deadline": no_deadline_of_its_own,
        "certainty": no_certainty,
        "trend": no_trend,
        "direction": no_direction_unless_known,
        "length": not_too_long,
        "language": in_its_language,
        "foreign": nothing_but_advice,
        "characters": only_plain_characters,
        "sentence": whole_sentences,
    }
)
