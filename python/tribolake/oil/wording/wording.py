"""A wording: three sentences with slots that passed every guard, as they are kept and shared."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from tribolake.oil.wording.pattern import Language, Pattern


@dataclass(frozen=True)
class Configuration:
    """What a wording depends on beside its pattern."""

    prompt_version: str
    model: str
    temperature: float | None  # None for a model that takes none
    language: Language


@dataclass(frozen=True)
class Wording:
    """An accepted reply. It never changes: whoever asks for its key gets the same sentences for ever."""

    cache_key: str
    configuration: Configuration
    pattern: str  # canonical JSON, as the warehouse has it
    observation: str
    cause: str
    action: str
    generated_at: str  # ISO 8601, UTC
    input_tokens: int = 0
    output_tokens: int = 0

    def as_json(self) -> bytes:
        return canonical_json(asdict(self)).encode()

    @classmethod
    def of_json(cls, content: bytes) -> Wording:
        """Read a wording.

        Raises:
            ValueError, TypeError, KeyError: the content is no wording.
        """
        said = json.loads(content)
        return cls(**said | {"configuration": Configuration(**said["configuration"])})


def cache_key(pattern: Pattern, configuration: Configuration) -> str:
    """SHA-256 of everything that the sentences depend on, as 64 hexadecimal digits.

    The texts of the rules are part of it: when an expert mends a rule, its wordings are asked for again.
    """
    return hashlib.sha256(
        canonical_json(
            {
                "configuration": asdict(configuration),
                "pattern": json.loads(pattern.text),
                "rules": [asdict(rule) for rule in pattern.rules],
            }
        ).encode()
    ).hexdigest()


def canonical_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
