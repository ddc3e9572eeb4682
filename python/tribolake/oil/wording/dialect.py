"""What an endpoint understands of OpenAI's chat completions. Its refusals teach it, once for all calls.

Endpoints differ in how the output limit is called, and in the formats of a reply. A refused request costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from openai import APIStatusError

from tribolake.oil.wording.prompt import Message

REFUSING = frozenset({400, 422})
LIMITS = ("max_completion_tokens", "max_tokens")
FORMATS = ("json_schema", "json_object", "")
# Words of a refusal, and the part of a request that they are about.
ABOUT = {
    **dict.fromkeys(LIMITS, "limit"),
    "response_format": "format",
    "json_schema": "format",
    "json_object": "format",
    "temperature": "temperature",
}


class Dialect:
    """The forms of a request that an endpoint has not refused yet."""

    def __init__(self, model: str, temperature: float | None, max_output_tokens: int) -> None:
        self._fixed: dict[str, Any] = {"model": model} | ({} if temperature is None else {"temperature": temperature})
        self._max_output_tokens = max_output_tokens
        self._forms = {"limit": LIMITS, "format": FORMATS}

    def request(self, messages: Sequence[Message], reply_format: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of a request in the present forms."""
        name, *_ = self._forms["format"]
        formats = {"json_schema": reply_format, "json_object": {"type": "json_object"}}
        said = {"response_format": formats[name]} if name in formats else {}
        return {**self._fixed, self._forms["limit"][0]: self._max_output_tokens, "messages": messages, **said}

    def learn(self, error: APIStatusError, request: Mapping[str, Any]) -> bool:
        """Change the forms that a refusal is about. Returns whether the request is worth another attempt."""
        if error.status_code not in REFUSING:
            return False
        parts = refused_parts(error)
        learned = False
        for part, is_sent in (("limit", self._forms["limit"][0] in request), ("format", self._sends(request))):
            if part not in parts:
                continue
            if not is_sent:  # another caller has learned it since
                learned = True
            elif len(self._forms[part]) > 1:
                self._forms[part] = self._forms[part][1:]
                learned = True
        return learned

    def _sends(self, request: Mapping[str, Any]) -> bool:
        return bool(request.get("response_format", {}).get("type", "") == self._forms["format"][0])


def refused_parts(error: APIStatusError) -> frozenset[str]:
    """Return the parts of a request that a refusal is about: `limit`, `format` or `temperature`.

    An endpoint names them as `param`, as places in a list of details, or in its sentence only.
    """
    places = [error.param] if isinstance(error.param, str) else _places(error.response.text)
    names = " ".join(places) or sentence(error)
    return frozenset(part for word, part in ABOUT.items() if word in names)


def _places(text: str) -> list[str]:
    """Return the places that a validation of FastAPI names, as in `{"detail": [{"loc": ["body", "max_tokens"]}]}`."""
    try:
        said = json.loads(text)
        while isinstance(said, dict) and "detail" not in said:
            said = said.get("message") or said.get("error")
        return [str(name) for each in said["detail"] for name in each["loc"]]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []


def sentence(error: APIStatusError) -> str:
    """Return the words of an endpoint about an error."""
    said = error.body.get("message") if isinstance(error.body, Mapping) else error.body
    return said if isinstance(said, str) else error.response.text
