"""A reply of the model: ids of vetted phrases, and their order. No text of the model reaches a reader.

An endpoint may enforce the schema or not, so each reply is checked here too, by comparing sets and orders.
"""

from __future__ import annotations

import json
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
END_OF_THOUGHTS = "</think>"
DECODER = json.JSONDecoder()
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
        """Return the reply as it is kept."""
        return canonical_json(self.model_dump())


@dataclass(frozen=True)
class Fault:
    """Why a reply is refused: its wrong fields, and the complaint for a second request."""

    reason: Reason
    complaint: str
    fields: tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        """Return the reason without words of the reply."""
        return TOO_SHORT if self.reason == "truncated" else ", ".join(self.fields)


def response_format(choices: Choices) -> dict[str, Any]:
    """Return the schema of a reply as `response_format` of an OpenAI chat completion.

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
    """Judge the content of a model's message.

    Args:
        content: of the message.
        choices: of the pattern.
        is_whole: False if the message was cut off.
    """
    if not is_whole:
        return Fault("truncated", "the reply was cut off: be shorter")
    content = _object_in(content)
    if len(content) > MAX_CHARACTERS:
        return Fault("unreadable", f"the reply has {len(content):,} characters: at most {MAX_CHARACTERS:,} are read")
    try:
        reply = Reply.model_validate_json(content)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        return Fault("unreadable", "; ".join(f"{str(each['loc'])[:60]}: {each['msg']}" for each in problems))
    wrong = dict(_faults(reply, choices))
    return Fault("rejected", "; ".join(wrong.values()), tuple(wrong)) if wrong else reply


def _object_in(content: str) -> str:
    """Return the JSON object in a message: some models put thoughts, a fence and words around it.

    Returns the message without thoughts if it is JSON as it stands, or if it has not one object.
    """
    said = content.rpartition(END_OF_THOUGHTS)[2]
    if len(said) > MAX_CHARACTERS or said.lstrip()[:1] in ("[", ""):
        return said
    found: list[str] = []
    start = said.find("{")
    while start > -1:
        try:
            _, end = DECODER.raw_decode(said, start)
            found.append(said[start:end])
        except (ValueError, RecursionError):
            end = start + 1
        start = said.find("{", end)
    return found[0] if len(found) == 1 else said


def objections(wording: Wording) -> tuple[str, ...]:
    """Return what is wrong with a wording. Others can write to the place or the file that it comes from."""
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
    """Yield each wrong field, and what is wrong."""
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
