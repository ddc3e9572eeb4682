"""The endpoint that words recommendations: one call with its deadline, its attempts, and what it counted.

Any server that speaks OpenAI's chat completions will do. The client's own retries are not used: it would ask an
account without credit again, and its timeout holds for each read, so that a reply which drips in lasts for ever.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self

import httpx2
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, DefaultAsyncHttpxClient

from tribolake.oil.wording.explain import explain
from tribolake.oil.wording.price import OPENAI, Tokens
from tribolake.oil.wording.prompt import Message
from tribolake.oil.wording.reasons import ModelUnusable, Unanswered
from tribolake.settings import Settings

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
KEPT_ALIVE_SECONDS = 60.0
CONNECT_SECONDS = 10.0
# Nothing was sent, so nothing is billed.
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
MAY_PASS = frozenset({"busy", "server error"})
OVERHEAD_TOKENS = 64  # roles, and what a provider puts around messages


@dataclass(frozen=True)
class Answer:
    """What the model said: `is_whole` where it came to its end; tokens are None where the endpoint counts none."""

    content: str
    is_whole: bool
    tokens: Tokens | None


class Model:
    """A model at an endpoint, over connections that calls share."""

    def __init__(self, settings: Settings) -> None:
        """Open nothing yet.

        Args:
            settings: with a key.
        """
        if settings.model.api_key is None:
            raise ValueError("no key is set")
        self.name = settings.model.name
        self._key = settings.model.api_key.get_secret_value()
        self._deadline = settings.model.deadline_seconds
        self._timeout = httpx2.Timeout(self._deadline, connect=min(self._deadline, CONNECT_SECONDS))
        self._attempts = settings.model.retries + 1
        self._said_always: dict[str, Any] = {
            "model": self.name,
            "max_completion_tokens": settings.model.max_output_tokens,
        }
        if settings.model.temperature is not None:
            self._said_always["temperature"] = settings.model.temperature
        self._not_before = 0.0  # the endpoint asked all callers to wait until then
        self._unusable: str | None = None  # why no call is made any more
        self._base_url = httpx2.URL(settings.model.base_url or OPENAI)
        self._tls = httpx2.create_ssl_context()
        self._idle: list[AsyncOpenAI] = []
        # As messages show it: without a password, which some gateways have there.
        self.endpoint = str(self._base_url.copy_with(username="", password="", query=None)).rstrip("/")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._idle:
            await client.close()

    @contextmanager
    def _connection(self) -> Iterator[AsyncOpenAI]:
        """A client with one connection, which is kept for the next call.

        One pool for all calls looks at each of its connections at every call: with 64 of them a third of the time.
        """
        client = self._idle.pop() if self._idle else self._connect()
        try:
            yield client
        finally:
            self._idle.append(client)

    def _connect(self) -> AsyncOpenAI:
        limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT_ALIVE_SECONDS)
        return AsyncOpenAI(
            api_key=self._key,
            base_url=self._base_url,
            max_retries=0,
            timeout=self._timeout,
            http_client=DefaultAsyncHttpxClient(limits=limits, timeout=self._timeout, verify=self._tls),
        )

    async def ask(
        self,
        messages: Sequence[Message],
        reply_format: Mapping[str, Any],
        lost: Callable[[], bool] = lambda: True,
    ) -> Answer:
        """Ask once, again after a pause where the endpoint is busy or down, all within the deadline.

        Args:
            messages: as chat completions take them.
            reply_format: JSON schema of the reply, as `response_format` of a chat completion.
            lost: told of an attempt that was sent and not answered, which may be billed; says whether another one
                may be made.

        Raises:
            Unanswered: there is no reply to this.
            ModelUnusable: no call will be answered until a person does something.
        """
        until = _clock() + self._deadline
        try:
            async with asyncio.timeout_at(until):
                for attempt in range(self._attempts):
                    await self._wait(until, self._not_before - _clock())
                    if self._unusable:
                        raise ModelUnusable(self._unusable)
                    try:
                        return await self._attempt({"messages": messages, "response_format": reply_format}, lost)
                    except _TryAgain as failure:
                        if attempt == self._attempts - 1 or not failure.may_be_tried:
                            raise failure.as_unanswered from None
                        if failure.after:  # all callers are asked to wait
                            self._not_before = max(self._not_before, _clock() + failure.after)
                        else:
                            await self._wait(until, _pause(attempt), failure.as_unanswered)
        except ModelUnusable as error:
            self._unusable = str(error)
            raise
        except TimeoutError:
            raise Unanswered("deadline", f"no reply within {self._deadline:g} s") from None
        raise AssertionError("unreachable")

    async def _wait(self, until: float, seconds: float, otherwise: Unanswered | None = None) -> None:
        """Wait, or say at once that the deadline comes first."""
        if seconds <= 0:
            return
        if _clock() + seconds >= until:
            raise otherwise or Unanswered("busy", f"the endpoint asked to wait {seconds:.0f} s, past the deadline")
        await asyncio.sleep(seconds)

    async def _attempt(self, said: Mapping[str, Any], lost: Callable[[], bool]) -> Answer:
        try:
            with self._connection() as client:
                # Not `chat.completions.create`: what it does to messages, and to the reply, takes 3 ms a call.
                response = await client.post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    body={**self._said_always, **said},
                )
        except asyncio.CancelledError:
            lost()
            raise
        except APIStatusError as error:
            failure = explain(error, endpoint=self.endpoint, model=self.name, key=self._key)
            if not isinstance(failure, Unanswered) or failure.reason not in MAY_PASS:
                raise failure from None
            headers = error.response.headers
            after = retry_after(headers.get("retry-after-ms"), headers.get("retry-after"))
            raise _TryAgain(failure, headers.get("x-should-retry") != "false", after) from None
        except APIConnectionError as error:
            cause = error.__cause__
            detail = f"{self.endpoint}: {type(cause or error).__name__}"
            raise _TryAgain(Unanswered("unreachable", detail), isinstance(cause, NEVER_SENT) or lost()) from None
        try:
            return read_completion(response.content)
        except Unanswered as failure:
            if failure.tokens is None:
                lost()
            raise


class _TryAgain(Exception):
    """An attempt failed in a way that may pass; `after` seconds where the endpoint says when."""

    def __init__(self, as_unanswered: Unanswered, may_be_tried: bool, after: float | None = None) -> None:
        super().__init__()
        self.as_unanswered = as_unanswered
        self.may_be_tried = may_be_tried
        self.after = after


def most_tokens(messages: Sequence[Message], reply_format: Mapping[str, Any], settings: Settings) -> Tokens:
    """The most tokens that a call can cost: a token is at least one byte."""
    said = sum(len(message["content"].encode()) + OVERHEAD_TOKENS for message in messages)
    return Tokens(said + len(json.dumps(reply_format)), settings.model.max_output_tokens)


def read_completion(body: bytes) -> Answer:
    """Read the body of a chat completion.

    Raises:
        Unanswered: it is none, or the model refuses to answer.
    """
    try:
        said = json.loads(body)
        tokens = _tokens(said.get("usage"))
        choice = said["choices"][0]
        message, ended = choice["message"], choice.get("finish_reason")
        refusal, content = message.get("refusal"), message.get("content")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Unanswered("server error", "the body is no chat completion") from None
    if refusal or ended == "content_filter":
        raise Unanswered("refused", "content filter" if ended == "content_filter" else "the model refuses", tokens)
    return Answer(content if isinstance(content, str) else "", ended != "length", tokens)


def _tokens(usage: Any) -> Tokens | None:
    """What was counted; None unless both input and output were, as numbers: half a count is none to pay by."""
    if not isinstance(usage, dict):
        return None
    counted, output = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if counted is None or output is None:
        return None
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    return Tokens(counted, output, min(cached or 0, counted))


def _count(said: Any) -> int | None:
    return said if type(said) is int and said >= 0 else None


def retry_after(milliseconds: str | None, seconds_or_date: str | None) -> float | None:
    """Seconds that an endpoint asks to wait, from `retry-after-ms` and `Retry-After` (RFC 9110, 10.2.3)."""
    for value, divisor in ((milliseconds, 1000), (seconds_or_date, 1)):
        if value is not None and re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            return float(value) / divisor
    try:
        at = parsedate_to_datetime(seconds_or_date or "")
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _pause(attempt: int) -> float:
    """Seconds before the next attempt; with jitter, so that calls that failed together do not return together."""
    spread = random.uniform(0.75, 1.25)  # noqa: S311 - spreads attempts, protects nothing
    return min(FIRST_PAUSE_SECONDS * 2.0**attempt, LONGEST_PAUSE_SECONDS) * spread


def _clock() -> float:
    return asyncio.get_running_loop().time()
