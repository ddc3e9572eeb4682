"""A reply beside its pattern, as guards look at it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tribolake.oil.wording.guards.essay_names import Mention, mentions
from tribolake.oil.wording.guards.phrases import comparable, stands_in
from tribolake.oil.wording.guards.quantities import quantities
from tribolake.oil.wording.guards.sentences import folded, normal, without_slots
from tribolake.oil.wording.guards.spelled_numbers import spelled_numbers
from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.reply import Reply


@dataclass(frozen=True)
class Draft:
    """A reply, its pattern, and what both say; each is found out once."""

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
    def has_places(self) -> bool:
        """Whether places in `plain` are places in `text`: a character may be written as several."""
        return len(self.plain) == len(self.text)

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        return mentions(self.plain)

    @cached_property
    def found(self) -> str:
        """What was seen and its cause: the sentences that tell no one what to do."""
        return f"{self.reply.observation}\n{self.reply.cause}"

    @cached_property
    def rules_text(self) -> str:
        return "\n".join(f"{rule.cause}\n{rule.action}" for rule in self.pattern.rules)

    @cached_property
    def rules_actions(self) -> str:
        return "\n".join(rule.action for rule in self.pattern.rules)

    @cached_property
    def rules_causes(self) -> str:
        return "\n".join(rule.cause for rule in self.pattern.rules)

    @cached_property
    def known_numbers(self) -> set[tuple[float, str]]:
        """Numbers of the rules' texts with their units: one that has a unit there may not stand without it."""
        simple = folded(normal(self.rules_text))
        digits = {(value, found.unit) for found in quantities(simple) for value in found.values}
        return digits | {(found.value, found.unit) for found in spelled_numbers(simple, self.pattern.language)}

    def is_in_rules(self, phrase: str) -> bool:
        return stands_in(comparable(phrase), comparable(self.rules_text))
