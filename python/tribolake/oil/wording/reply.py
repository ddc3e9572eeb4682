"""A reply of the model: ids of vetted phrases, and their order. Nothing that it writes reaches a reader.

An endpoint may enforce the schema or not, so each reply is checked here too, by comparing sets and orders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from tribolake.oil.wording.pattern import Choices, read_choices
from tribolake.oil.wording.reasons import Reason
from tribolake.oil.wording.wording import Wording, cache_key, canonical_json

MAX_CHARACTERS = 8_000  # a reply has 500
MAX_CAUSES = 2
MAX_LENT_STEPS = 2
TOO_SHORT = "TRIBOLAKE_AI_MAX_OUTPUT_TOKENS does not suffice"
Id = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Reply(BaseModel):
    """Ids only."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    opening: Id
    essays: tuple[Id, ...] = ()
    causes: tuple[Id, ...]
    hedge: Id
    steps: tuple[Id, ...]

    def as_json(self) -> str:
        """The reply as it is kept."""
        return canonical_json(self.model_dump())


@dataclass(frozen=True)
class Fault:
    """Why a reply is refused: its fields that are wrong, and what the model is told when it is asked again."""

    reason: Reason
    complaint: str
    fields: tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        """Without the reply's own words."""
        return TOO_SHORT if self.reason == "truncated" else ", ".join(self.fields)


def response_format(choices: Choices) -> dict[str, Any]:
    """The schema of a reply as `response_format` of an OpenAI chat completion.

    Strict output has no lengths and no orders: `judge` checks them.
    """
    properties = {
        "opening": _one_of(choices.openings),
        "essays": _list_of([symptom.essay for symptom in choices.essays]),
        "causes": _list_of(choices.rules),
        "hedge": _one_of(choices.hedges),
        "steps": _list_of(choices.steps),
    }
    if not choices.essays:  # an empty enumeration is not a schema
        del properties["essays"]
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "recommendation", "strict": True, "schema": schema}}


def judge(content: str, choices: Choices, *, is_whole: bool = True) -> Reply | Fault:
    """Judge what a model replied.

    Args:
        content: of its message.
        choices: of the pattern that it was asked about.
        is_whole: whether it came to its end.
    """
    if not is_whole:
        return Fault("truncated", "the reply ended before its end: be shorter")
    if len(content) > MAX_CHARACTERS:
        return Fault("unreadable", f"the reply has {len(content):,} characters: at most {MAX_CHARACTERS:,} are read")
    try:
        reply = Reply.model_validate_json(content)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        return Fault("unreadable", "; ".join(f"{str(each['loc'])[:60]}: {each['msg']}" for each in problems))
    wrong = dict(_faults(reply, choices))
    return Fault("rejected", "; ".join(wrong.values()), tuple(wrong)) if wrong else reply


def objections(wording: Wording) -> tuple[str, ...]:
    """Return why a wording is not taken: it may come from a file, or from a place that others can write to."""
    try:
        is_its_key = cache_key(wording.pattern, wording.configuration) == wording.cache_key
        verdict = judge(wording.reply, read_choices(wording.pattern))
    except (ValueError, RecursionError) as error:
        return (f"its pattern cannot be read: {str(error).splitlines()[0]}",)
    if not is_its_key:
        return ("its key is the one of another pattern or configuration",)
    if isinstance(verdict, Fault):
        return (f"its reply: {verdict.complaint}",)
    return () if verdict.as_json() == wording.reply else ("its reply is not written as this project writes it",)


def _faults(reply: Reply, choices: Choices) -> Iterator[tuple[str, str]]:
    """Each field that is wrong, and why."""
    essays = [symptom.essay for symptom in choices.essays]
    first, *others = choices.rules
    if reply.opening not in choices.openings:
        yield "opening", f"opening must be one of {', '.join(choices.openings)}"
    if sorted(reply.essays) != sorted(essays):
        yield "essays", f"essays must have {', '.join(essays) or 'nothing'}, each once"
    if reply.causes[:1] != (first,) or len(reply.causes) > MAX_CAUSES or not {*reply.causes[1:]} <= {*others}:
        yield "causes", f"causes must have {first}, and after it at most one of {', '.join(others)}"
    if reply.hedge not in choices.hedges:
        yield "hedge", f"hedge must be one of {', '.join(choices.hedges)}"
    if wrong := _wrong_steps(reply.steps, choices):
        yield "steps", wrong


def _wrong_steps(steps: Sequence[str], choices: Choices) -> str | None:
    own = [step for step in steps if step in choices.required_steps or step in choices.other_steps]
    required = list(choices.required_steps)
    left = own[len(required) :]
    if own[: len(required)] != required or left != [step for step in choices.other_steps if step in left]:
        return f"steps must have {', '.join(required)} in this order, each once"
    if choices.begins_with_stop and steps[:1] != choices.required_steps[:1]:
        return f"the first step must be {required[0]}"
    for lent in choices.lent_steps:
        taken = [step for step in steps if step in lent]
        if taken != list(lent[: len(taken)]):
            return f"steps must take those of another rule from its first one on: {', '.join(lent)}"
    if len(steps) - len(own) > MAX_LENT_STEPS:
        return f"steps must have at most {MAX_LENT_STEPS} of other rules"
    if not {*steps} <= {*choices.steps}:
        return f"steps must be of {', '.join(choices.steps)}"
    return None


def _one_of(allowed: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(allowed)}


def _list_of(allowed: Sequence[str]) -> dict[str, Any]:
    return {"type": "array", "items": _one_of(allowed)}
