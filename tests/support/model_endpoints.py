"""An endpoint that speaks OpenAI's chat completions over a real socket, and patterns with replies that fit."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tribolake.oil.wording.enrich import enrich
from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.prompt import configuration_of, read_examples
from tribolake.oil.wording.result import Enrichment, Pending
from tribolake.oil.wording.segments import Wordings, open_wordings
from tribolake.oil.wording.wording import cache_key, canonical_json
from tribolake.settings import Settings, load_settings

KEY = "sk-test-8d1f0c5e7a"
WEAR, STOP, COPPER = range(3)
INPUT_TOKENS, OUTPUT_TOKENS, CACHED_TOKENS = 1500, 150, 1024


def pattern_of(number: int = 0, example: int = WEAR) -> Pattern:
    """Return a pattern of an example of the prompt. `number` is part of its component, so patterns differ."""
    pattern, _ = read_examples()[example]
    return Pattern(canonical_json(json.loads(pattern.text) | {"component": f"component {number}"}))


def reply_of(example: int = WEAR, **other: Any) -> str:
    """The reply of an example, with other fields where they are given."""
    _, reply = read_examples()[example]
    return json.dumps(reply | other, ensure_ascii=False)


def chosen(asked: Asked, **other: Any) -> Response:
    """A reply that fits the facts of a request: a further cause, and what may be taken of its steps."""
    facts = asked.facts
    first, *others = (cause["id"] for cause in facts["causes"])
    said = {
        "opening": next(name for name in reversed(facts["phrases"]) if name.startswith("opening.")),
        "essays": [each["essay"] for each in reversed(facts["essays"])],
        "causes": [first, *others[-1:]],
        "hedge": next(name for name in facts["phrases"] if name.startswith("hedge.")),
        "steps": [*facts["required_steps"], *(step for lent in facts["lent_steps"][:1] for step in lent)],
    }
    return answered(json.dumps(said | other, ensure_ascii=False))


def completion(content: str | None, *, ended: str = "stop", refusal: str | None = None) -> dict[str, Any]:
    """A chat completion as the endpoint of OpenAI gives it."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4.1-mini",
        "choices": [
            {
                "index": 0,
                "finish_reason": ended,
                "message": {"role": "assistant", "content": content, "refusal": refusal},
            }
        ],
        "usage": {
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
            "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
        },
    }


def answered(content: str | None, **other: Any) -> Response:
    return Response(json.dumps(completion(content, **other)), content_type="application/json")


def failure(status: int, code: str | None = None, headers: dict[str, str] | None = None, **other: Any) -> Response:
    """Return an error as OpenAI's endpoint sends it."""
    said = {"error": {"message": "said by the endpoint", "type": code or "error", "param": None, "code": code} | other}
    return Response(json.dumps(said), status, headers, content_type="application/json")


def dripping(content: str, seconds: float, pieces: int) -> Response:
    """Return a complete reply that arrives slowly in pieces. Each read succeeds."""
    body = json.dumps(completion(content)).encode()
    size = -(-len(body) // pieces)

    def drip() -> Iterator[bytes]:
        for start in range(0, len(body), size):
            time.sleep(seconds / pieces)
            yield body[start : start + size]

    return Response(drip(), content_type="application/json")


@dataclass(frozen=True)
class Asked:
    """A request: when it came, and what it said."""

    at: float
    body: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.body["messages"][1]["content"])
        return said

    @property
    def component(self) -> str:
        """The component of the pattern that it is about: it tells patterns of tests apart."""
        return str(self.facts["component"])

    @property
    def complaint(self) -> str | None:
        told = self.body["messages"][2:]
        return told[0]["content"] if told else None


Answering = Callable[[Asked], Response]


@dataclass
class Endpoint:
    """An endpoint: the requests that it received, and its answers."""

    base_url: str
    answer: Answering = lambda _: answered(reply_of())
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0  # the most requests that were open at the same time
    _under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def times_asked(self) -> Counter[str]:
        return Counter(each.component for each in self.asked)

    def handle(self, request: Request) -> Response:
        each = Asked(time.monotonic(), json.loads(request.get_data()))
        with self._lock:
            self.asked.append(each)
            self._under_way += 1
            self.at_once = max(self.at_once, self._under_way)
        try:
            return self.answer(each)
        finally:
            with self._lock:
                self._under_way -= 1


@contextmanager
def open_endpoint() -> Iterator[Endpoint]:
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        endpoint = Endpoint(server.url_for("/v1"))
        server.expect_request("/v1/chat/completions", method="POST").respond_with_handler(endpoint.handle)
        yield endpoint


def slowly(seconds: float) -> Answering:
    """Answer with a good reply after a pause."""

    def answer(_: Asked) -> Response:
        time.sleep(seconds)
        return answered(reply_of())

    return answer


def in_turn(*answers: Response | Answering) -> Answering:
    """Give these answers one after the other, then repeat the last one."""
    numbers = count()

    def answer(asked: Asked) -> Response:
        chosen = answers[min(next(numbers), len(answers) - 1)]
        return chosen if isinstance(chosen, Response) else chosen(asked)

    return answer


@dataclass(frozen=True)
class Lake:
    """A lake with recommendations worded by a model."""

    settings: Settings

    @property
    def wordings(self) -> Wordings:
        return open_wordings(self.settings)

    def enrich(self, *patterns: Pattern) -> Enrichment:
        """Enrich these patterns, in descending order of their number of reports."""
        pending = [Pending(pattern, len(patterns) - at) for at, pattern in enumerate(patterns)]
        return enrich(self.settings, pending, self.wordings)

    def knows(self, pattern: Pattern) -> bool:
        key = cache_key(pattern.text, configuration_of(self.settings))
        return key in self.wordings.find([key])


def lake_of(folder: Path, endpoint: Endpoint | str, **settings: Any) -> Lake:
    base_url = endpoint if isinstance(endpoint, str) else endpoint.base_url
    chosen = {"lake": folder, "openai_api_key": KEY, "openai_base_url": base_url, "ai_prices": "0.4,1.6"} | settings
    return Lake(load_settings(**chosen))
