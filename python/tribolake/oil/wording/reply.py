"""A reply of the model: its JSON schema, and how it is read.

A model that keeps to the schema gives nothing else, but not every endpoint enforces it: what comes back is read as
strictly as a file from a stranger.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from tribolake.errors import TribolakeError

MAX_CHARACTERS = 8_000  # of a reply: the three sentences of 90 words need 800
MAX_SENTENCE = 1_200
Urgency = Literal["U0", "U1", "U2", "U3"]
SCHEMA_NAME = "recommendation"
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_SENTENCE)]


class ReplyUnreadable(TribolakeError):
    """A reply is no JSON object with the fields that were asked for; the message says why, for the model too."""


class Reply(BaseModel):
    """Three sentences with slots, and the urgency that the model understood."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    observation: Sentence
    cause: Sentence
    action: Sentence
    urgency: Urgency

    @property
    def sentences(self) -> dict[str, str]:
        """The three sentences by the name of their field, in the order in which they are published."""
        return {"observation": self.observation, "cause": self.cause, "action": self.action}


def response_format() -> dict[str, Any]:
    """The schema as `response_format` of an OpenAI chat completion.

    Strict output knows neither lengths nor patterns: those are checked when the reply is read.
    """
    text = {"type": "string"}
    properties = dict.fromkeys(("observation", "cause", "action"), text) | {
        "urgency": {"type": "string", "enum": list(get_args(Urgency))}
    }
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": SCHEMA_NAME, "strict": True, "schema": schema}}


def read_reply(content: str) -> Reply:
    """Read a reply.

    Raises:
        ReplyUnreadable: it is too long, no JSON, has a field twice, or its fields are not those of the schema.
    """
    if len(content) > MAX_CHARACTERS:
        raise ReplyUnreadable(f"the reply has {len(content):,} characters: at most {MAX_CHARACTERS:,} are read")
    if not content.strip():
        raise ReplyUnreadable("the reply is empty: answer with one JSON object")
    try:
        said = json.loads(content, object_pairs_hook=_without_doubles, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ReplyUnreadable(f"the reply is no JSON object, or was cut off: {error}") from error
    try:
        return Reply.model_validate(said)
    except ValidationError as error:
        raise ReplyUnreadable("; ".join(_told(problem) for problem in error.errors(include_url=False))) from error


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) < len(pairs):
        raise ValueError("a field stands in it twice")
    return said


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name[:20]} is no value of JSON")


def _told(problem: Any) -> str:
    """What is wrong with a field, without what the model wrote into it."""
    field = ".".join(str(part)[:40] for part in problem["loc"]) or "the reply"
    return f"{field}: {problem['msg']}"
