"""A pattern: the facts of a report that a model receives, and the choices of its reply.

The dbt model `int_patterns` makes it: canonical JSON of ids and bands. Reports with the same pattern share one reply.
Nothing else of a report is sent, except a laboratory's comment where the settings permit it: the pattern has its hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Language = Literal["es", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Symptom(BaseModel):
    """An essay in breach. Only the model uses its bands."""

    model_config = ConfigDict(frozen=True, strict=True)

    essay: str


class Choices(BaseModel):
    """The ids that a reply chooses from."""

    model_config = ConfigDict(frozen=True, strict=True)

    openings: tuple[str, ...]
    essays: tuple[Symptom, ...]  # all of them, in any order
    rules: Annotated[tuple[str, ...], Field(min_length=1)]  # the first decides; at most one other may be named
    hedges: tuple[str, ...]
    required_steps: tuple[str, ...]  # of the deciding rule, in order
    other_steps: tuple[str, ...]  # of the deciding rule, after those
    lent_steps: tuple[tuple[str, ...], ...]  # per other rule: its first steps, which only look or measure
    begins_with_stop: bool

    @property
    def steps(self) -> tuple[str, ...]:
        return (*self.required_steps, *self.other_steps, *(step for lent in self.lent_steps for step in lent))


@dataclass(frozen=True)
class Pattern:
    """A pattern as the warehouse has it."""

    text: str  # canonical JSON
    comment: str | None = None  # the pattern has its hash

    @property
    def choices(self) -> Choices:
        return read_choices(self.text)


@lru_cache
def read_choices(pattern: str) -> Choices:
    """Read what a reply to a pattern may choose.

    Raises:
        ValueError: the text is not a pattern.
    """
    return Choices.model_validate_json(pattern)
