"""What the model is asked: a pattern of our own rules, and nothing that a laboratory or a client wrote.

The texts are files in `prompts/`, one per language, with examples as data. They come first and never change within a
version, so that an endpoint can keep what it read of them; the pattern follows, and the reason of a retry comes last.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TypedDict

from tribolake.oil.wording.guards.sentences import normal
from tribolake.oil.wording.pattern import Language, Pattern
from tribolake.oil.wording.wording import canonical_json

# Part of what wordings are kept under: a change of any text in `prompts/` needs a new one.
PROMPT_VERSION = "2026-11"
# What a second call can cost is put aside before the first.
LONGEST_COMPLAINT_BYTES = 1_000
RETRY = {
    "es": "La respuesta anterior fue rechazada. Corrija esto y responda de nuevo con el JSON completo:\n",
    "en": "The previous answer was rejected. Mend this and answer again with the whole JSON:\n",
}


class Message(TypedDict):
    """A message of a chat, as OpenAI's interface has it."""

    role: str
    content: str


@cache
def system_prompt(language: Language) -> str:
    """The instructions and examples of a language: the same text for every pattern."""
    examples = "\n\n".join(
        f"{canonical_json(example['facts'])}\n{canonical_json(example['reply'])}" for example in read_examples(language)
    )
    return f"{_text(f'{language}.md').strip()}\n\n{examples}\n"


def user_prompt(pattern: Pattern) -> str:
    """The facts of a pattern, as canonical JSON."""
    return canonical_json(
        {
            "component": pattern.component,
            "may_advise_change": pattern.advises_change,
            "only_additives": pattern.only_additives,
            "rules": [
                {
                    "id": rule.rule_id,
                    "urgency": rule.urgency,
                    "advises_change": rule.advises_change,
                    "cause": rule.cause,
                    "action": rule.action,
                }
                for rule in pattern.rules
            ],
            "slots": list(pattern.slots),
            "urgency": pattern.urgency,
        }
    )


def messages(pattern: Pattern, complaint: str | None = None) -> list[Message]:
    """The messages of a request.

    Args:
        pattern: what to word.
        complaint: why the last reply was not accepted; it comes after everything else, so the prefix stays the same.
    """
    asked: list[Message] = [
        {"role": "system", "content": system_prompt(pattern.language)},
        {"role": "user", "content": user_prompt(pattern)},
    ]
    if complaint:
        told = " ".join(normal(complaint).split()).encode()[:LONGEST_COMPLAINT_BYTES]
        asked.append({"role": "user", "content": RETRY[pattern.language] + told.decode(errors="ignore")})
    return asked


@cache
def read_examples(language: Language) -> list[dict[str, dict[str, object]]]:
    """The examples of a language: `facts` as `user_prompt` gives them, and the `reply` that was hoped for."""
    found: list[dict[str, dict[str, object]]] = json.loads(_text(f"examples_{language}.json"))
    return found


def _text(name: str) -> str:
    return (resources.files("tribolake.oil.wording") / "prompts" / name).read_text(encoding="utf-8")
