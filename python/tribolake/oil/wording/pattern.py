"""A pattern: what the wording of a recommendation depends on, and nothing else.

Samples that the expert rules see alike have the same pattern and share one wording. Numbers are no part of it: they
are slots, such as `{Hierro.value}`, which SQL fills from each sample afterwards. Nothing a laboratory wrote is part of
it either: components, essays and rules are names of our own seeds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from tribolake.oil.seeds import read_seed

Language = Literal["es", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True)
class Rule:
    """An expert rule, with its texts in one language."""

    rule_id: str
    urgency: str  # U0 stop or verify now, U1 within 72 h, U2 next service, U3 watch
    advises_change: bool  # whether its action changes oil or a component
    cause: str
    action: str


@dataclass(frozen=True)
class Pattern:
    """A pattern of the warehouse, with the rules that it names.

    `text` is canonical JSON: `{"component":"motor","only_additives":false,"rules":["K07"],"slots":["Hierro.limit",
    "Hierro.value"]}`.
    """

    text: str
    language: Language
    component: str  # family of the component, or `otro`
    rules: tuple[Rule, ...]  # by urgency, then specificity: the first decides
    slots: tuple[str, ...]  # `Hierro.value`, `Hierro.limit`: what a sentence may have filled in
    only_additives: bool

    @property
    def urgency(self) -> str:
        return min(rule.urgency for rule in self.rules)

    @property
    def advises_change(self) -> bool:
        return not self.only_additives and any(rule.advises_change for rule in self.rules)

    @property
    def essays(self) -> tuple[str, ...]:
        """The essays that every wording has to mention, by the slot of their value."""
        return tuple(dict.fromkeys(slot.rpartition(".")[0] for slot in self.slots))


def read_pattern(text: str, language: Language, rules: Mapping[str, Rule]) -> Pattern:
    """Read a pattern as the warehouse has it.

    Args:
        text: canonical JSON.
        language: of the wording.
        rules: by id, as `expert_rules` gives them.
    """
    said = json.loads(text)
    found = tuple(rules[rule_id] for rule_id in said["rules"])
    return Pattern(text, language, said["component"], found, tuple(said["slots"]), said["only_additives"])


def expert_rules(language: Language) -> dict[str, Rule]:
    """The expert rules of the seeds, by id."""
    texts = {row["text_id"]: row["text"] for row in read_seed(f"texts_{language}")}
    return {
        row["rule_id"]: Rule(
            row["rule_id"],
            row["urgency"],
            row["advises_change"] == "true",
            texts[f"{row['rule_id']}.cause"],
            texts[f"{row['rule_id']}.action"],
        )
        for row in read_seed("expert_rules")
    }


def as_language(name: str) -> Language:
    """The language of a code.

    Raises:
        ValueError: it is none of ours.
    """
    if name not in LANGUAGES:
        raise ValueError(f"language {name!r} is unknown: choose one of {', '.join(LANGUAGES)}")
    return cast(Language, name)
