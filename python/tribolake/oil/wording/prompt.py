"""Make the request of a pattern, with the texts of the ids in it.

The instructions are files in `prompts/`, one per language, with examples as data. They come first and are the same for
every pattern, so that an endpoint can cache them. The pattern follows. The reason of a retry is last.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any, TypedDict

from tribolake.oil.seeds import read_seed
from tribolake.oil.wording.pattern import Language, Pattern
from tribolake.oil.wording.wording import Configuration, canonical_json
from tribolake.settings import Settings

# Part of the key of replies: a change of any text in `prompts/` needs a new version.
PROMPT_VERSION = "2026-12"
# Bounded, as the cost of a second call is reserved before the first.
LONGEST_COMPLAINT_BYTES = 1_000
RETRY = {
    "es": "La respuesta anterior fue rechazada. Corrija esto y responda de nuevo con el JSON completo:\n",
    "en": "The previous answer was rejected. Correct this and answer again with the whole JSON:\n",
}


class Message(TypedDict):
    """A message of a chat, as OpenAI's interface has it."""

    role: str
    content: str


def configuration_of(settings: Settings) -> Configuration:
    """Return what a run's wordings depend on: this prompt, and the model of the settings."""
    return Configuration(PROMPT_VERSION, settings.model.name, settings.model.temperature, settings.language)


@cache
def system_prompt(language: Language) -> str:
    """Return the instructions and examples of a language, which are the same for every pattern."""
    examples = "\n\n".join(
        f"{user_prompt(pattern, language)}\n{canonical_json(reply)}" for pattern, reply in read_examples()
    )
    return f"{_text(f'{language}.md').strip()}\n\n{examples}\n"


def user_prompt(pattern: Pattern, language: Language) -> str:
    """Return the facts of a pattern as canonical JSON, with the texts of its ids.

    Raises:
        ValueError: the pattern has the hash of another comment.
    """
    said: dict[str, Any] = json.loads(pattern.text)
    hashed = None if pattern.comment is None else hashlib.sha256(pattern.comment.encode()).hexdigest()
    if said.pop("comment") != hashed:
        raise ValueError("the comment is not the one of the pattern")
    ids = [*said.pop("openings"), *said.pop("hedges"), *pattern.choices.steps]
    texts = _texts(language)
    said["causes"] = [
        {"id": rule, "name": texts[f"{rule}.name"], "text": texts[f"{rule}.cause"]} for rule in said.pop("rules")
    ]
    said["phrases"] = {text_id: texts[text_id] for text_id in ids}
    if pattern.comment is not None:
        said["comment"] = pattern.comment
    return canonical_json(said)


def messages(pattern: Pattern, language: Language, complaint: str | None = None) -> list[Message]:
    """Return the messages of a request. `complaint` says why the last reply was refused.

    The complaint comes last, so that the prefix stays the same.
    """
    asked: list[Message] = [
        {"role": "system", "content": system_prompt(language)},
        {"role": "user", "content": user_prompt(pattern, language)},
    ]
    if complaint:
        shortened = " ".join(complaint.split()).encode(errors="replace")[:LONGEST_COMPLAINT_BYTES]
        asked.append({"role": "user", "content": RETRY[language] + shortened.decode(errors="ignore")})
    return asked


@cache
def read_examples() -> list[tuple[Pattern, dict[str, Any]]]:
    """Return the patterns of the examples, each with its reply."""
    examples = json.loads(_text("examples.json"))
    return [(Pattern(canonical_json(each["pattern"])), each["reply"]) for each in examples]


@cache
def _texts(language: Language) -> dict[str, str]:
    return {row["text_id"]: row["text"] for row in read_seed(f"texts_{language}")}


def _text(name: str) -> str:
    return (resources.files("tribolake.oil.wording") / "prompts" / name).read_text(encoding="utf-8")
