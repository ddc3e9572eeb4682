"""What a reply must not say. A reply with a violation is never published: the model is told why and asked again.

Each guard is a pure function from a draft to reasons; `GUARDS` has all of them by name. A reason is written for the
model: what is wrong and what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal, get_args

from tribolake.enrichment.change_advice import change_advised
from tribolake.enrichment.change_words import word_set
from tribolake.enrichment.claims import (
    calms,
    claims_proof,
    claims_trend,
    promises,
    says_above,
    says_below,
    says_multiple,
    sets_deadline,
)
from tribolake.enrichment.essay_names import Mention, essays_of_group, mentions, published_essays, spoken_of
from tribolake.enrichment.foreign_text import is_error, is_foreign, odd_character
from tribolake.enrichment.language import is_another_language
from tribolake.enrichment.pairing import paired
from tribolake.enrichment.pattern import Pattern
from tribolake.enrichment.quantities import Quantity, quantities, spelled_quantities
from tribolake.enrichment.reply import Reply
from tribolake.enrichment.sentences import SLOT, blanked, folded, normal, without_slots, words

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


@dataclass(frozen=True)
class Draft:
    """A reply beside its pattern, as guards look at it."""

    reply: Reply
    pattern: Pattern

    @cached_property
    def text(self) -> str:
        return "\n".join(self.reply.sentences.values())

    @cached_property
    def plain(self) -> str:
        """The text without slots, normal, of the text's places."""
        return normal(without_slots(self.text))

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        return mentions(self.plain)

    @cached_property
    def rules_text(self) -> str:
        return "\n".join(f"{rule.cause}\n{rule.action}" for rule in self.pattern.rules)

    @cached_property
    def known_numbers(self) -> set[tuple[float, str]]:
        """Numbers of the rules' texts, with their unit and without."""
        simple = folded(normal(self.rules_text))
        digits = [(value, found.unit) for found in quantities(simple) for value in found.values]
        spelled = [(value, unit) for _, value, unit in spelled_quantities(simple)]
        return {(value, unit) for value, unit in digits + spelled} | {(value, "") for value, _ in digits + spelled}

    def is_in_rules(self, phrase: str) -> bool:
        return " ".join(folded(normal(phrase)).split()) in " ".join(folded(normal(self.rules_text)).split())


def violations(reply: Reply, pattern: Pattern) -> list[Violation]:
    """Everything that a reply must not say, in the order of `GUARDS`; none means that it may be published.

    Args:
        reply: sentences with slots.
        pattern: what was asked about.
    """
    draft = Draft(reply, pattern)
    return [Violation(name, reason) for name, guard in GUARDS.items() for reason in guard(draft)]


def only_allowed_slots(draft: Draft) -> Iterator[str]:
    allowed = frozenset(draft.pattern.slots)
    unknown = {found[1] for found in SLOT.finditer(draft.text)} - allowed
    for name in sorted(unknown):
        yield f"slot {{{name[:60]}}} does not exist: use only {', '.join(draft.pattern.slots) or 'no slots'}"
    if {"{", "}"} & set(without_slots(draft.text)):
        yield "a brace stands alone: write slots as {name}, in single braces"


def every_essay_in_observation(draft: Draft) -> Iterator[str]:
    used = {found[1] for found in SLOT.finditer(draft.reply.observation)}
    for slot in draft.pattern.slots:
        if slot.endswith(".value") and slot not in used:
            yield f"the observation does not mention {{{slot}}}"


def slots_beside_their_essay(draft: Draft) -> Iterator[str]:
    slots = list(SLOT.finditer(draft.text))
    if len(draft.plain) != len(draft.text):
        return  # a character that is written as several: `characters` and the rest say so
    own = [found[1].rpartition(".")[0] for found in slots]
    groups = paired(folded(draft.plain), draft.mentions, [found.span() for found in slots])
    seen = {i for group in groups for i in group.references}
    for i, essay in enumerate(own):
        if i not in seen and essay in published_essays():
            yield f"{slots[i][0]} has no name before it: write the essay's name, then its slot"
    for group in groups:
        fits = any(
            all(own[i] in essays for i, essays in zip(group.references, reading, strict=True))
            for reading in group.readings
        )
        if not fits:
            shown = ", ".join(slots[i][0] for i in group.references)
            yield f"{shown} stands after the name of another essay: write each name directly before its own slots"


def only_essays_of_the_facts(draft: Draft) -> Iterator[str]:
    known = {*draft.pattern.essays} | spoken_of(draft.rules_text)
    for found in draft.mentions:
        if found.named and not (found.essays & known):
            name = draft.plain[found.start : found.end]
            yield f"'{name}' is in no fact: name only essays of the slots and of the rules"


def only_numbers_of_the_rules(draft: Draft) -> Iterator[str]:
    named = [(found.start, found.end) for found in draft.mentions]
    text = blanked(folded(draft.plain), named).replace("iso 4406", " " * 8)
    found = quantities(text)
    for number in found:
        if not _is_known(number, draft.known_numbers):
            written = text[number.start : number.unit_end]
            yield f"number '{written}' is not in the rules' texts: use slots for what was measured"
    rest = blanked(text, ((number.start, number.end) for number in found))
    if any(character.isnumeric() for character in rest):
        yield "a digit stands in a word: write no rule identifiers and no codes"
    for phrase, value, unit in spelled_quantities(folded(draft.plain)):
        if (value, unit) not in draft.known_numbers:
            yield f"'{phrase}' is a number in words that is not in the rules' texts"
    multiple = says_multiple(draft.text)
    if multiple and not draft.is_in_rules(multiple):
        yield f"'{multiple}' is a quantity that is not in the rules' texts"


def no_change_that_the_rules_do_not_advise(draft: Draft) -> Iterator[str]:
    advised = None if draft.pattern.advises_change else change_advised(draft.text)
    if advised:
        yield f"'{advised}' advises to change, drain, replace or flush oil or a component, which the rules do not"


def no_weaker_urgency(draft: Draft) -> Iterator[str]:
    if draft.reply.urgency > draft.pattern.urgency:
        yield f"urgency {draft.reply.urgency} is weaker than {draft.pattern.urgency}, that of the rules"
    calming = calms(draft.text) if draft.pattern.urgency in {"U0", "U1"} else None
    if calming and not draft.is_in_rules(calming):
        yield f"'{calming}' weakens urgency {draft.pattern.urgency}: leave it out"


def no_deadline_of_its_own(draft: Draft) -> Iterator[str]:
    deadline = sets_deadline(draft.text, draft.pattern.urgency)
    if deadline and not draft.is_in_rules(deadline):
        yield f"'{deadline}' is a deadline of your own: it is added later, leave it out"


def no_certainty(draft: Draft) -> Iterator[str]:
    promised = promises(draft.text)
    if promised and not draft.is_in_rules(promised):
        yield f"'{promised}' promises what one sample cannot show: nothing is ruled out and nothing is without risk"
    proven = claims_proof(f"{draft.reply.observation}\n{draft.reply.cause}")
    if proven and not draft.is_in_rules(proven):
        yield f"'{proven}' takes one sample for a proof: write 'indica', 'probable', 'consistent with'"


def no_trend(draft: Draft) -> Iterator[str]:
    trend = claims_trend(f"{draft.reply.observation}\n{draft.reply.cause}")
    if trend and not draft.is_in_rules(trend):
        yield f"'{trend}' compares with earlier samples, which are not in the facts"


def no_direction_unless_known(draft: Draft) -> Iterator[str]:
    said = {*words(folded(normal(draft.rules_text)))}
    is_one_sided = {*draft.pattern.essays} <= essays_of_group(*ONE_SIDED)
    above, below = says_above(draft.text), says_below(draft.text)
    if above and not (is_one_sided or HIGH & said or draft.is_in_rules(above)):
        yield f"'{above}': the facts do not say on which side of its limit a value is; write name, value, (limit …)"
    if below and not (LOW & said or draft.is_in_rules(below)):
        yield f"'{below}': the facts do not say on which side of its limit a value is; write name, value, (limit …)"


def not_too_long(draft: Draft) -> Iterator[str]:
    spoken = [word for word in without_slots(draft.text).split() if any(map(str.isalnum, word))]
    count = len(spoken) + WORDS_OF_A_SLOT * sum(1 for _ in SLOT.finditer(draft.text))
    if count > MOST_WORDS:
        yield f"{count} words, with {WORDS_OF_A_SLOT} for each slot: at most {MOST_WORDS}, so write shorter"


def in_its_language(draft: Draft) -> Iterator[str]:
    expected = draft.pattern.language
    for part in (*draft.reply.sentences.values(), draft.text):
        if is_another_language(part, expected):
            yield f"a sentence is not in {LANGUAGE_NAMES[expected]}: write all three in {LANGUAGE_NAMES[expected]}"
            return


def nothing_but_advice(draft: Draft) -> Iterator[str]:
    for field, sentence in draft.reply.sentences.items():
        found = is_foreign(without_slots(sentence)) or is_error(sentence)
        if found and not draft.is_in_rules(found):
            yield f"{field} has '{found[:60]}': write plain sentences, without markup, labels, excuses or errors"


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


def _is_known(number: Quantity, known: set[tuple[float, str]]) -> bool:
    return any((value, number.unit) in known for value in number.values)
