"""Call the endpoint of the model, with a deadline and several attempts.

Any server with OpenAI's chat completions will do. The client's own retries are not used: it would ask an account
without credit again. Its timeout holds for each read only, so a reply that arrives in small pieces would never end.
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

from tribolake.oil.wording.dialect import Dialect
from tribolake.oil.wording.explain import explain, explain_connection, shown
from tribolake.oil.wording.price import OPENAI, Tokens
from tribolake.oil.wording.prompt import Message
from tribolake.oil.wording.reasons import ModelUnusable, NotACompletion, Unanswered
from tribolake.settings import Settings

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
KEPT_ALIVE_SECONDS = 60.0
CONNECT_SECONDS = 10.0
# Nothing was sent, so nothing is billed.
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
TEXT_PARTS = frozenset({"text", "output_text"})
BAD_ADDRESS = "OPENAI_BASE_URL is not an address (InvalidURL: {error}): correct it, mostly to https://HOST/v1"
BAD_AUTHORITIES = "the file of certificates cannot be read ({error}): correct SSL_CERT_FILE and SSL_CERT_DIR"
BAD_PROXY = "the proxy cannot be used ({error}): correct HTTPS_PROXY, HTTP_PROXY and ALL_PROXY to an HTTP proxy"
MAY_PASS = frozenset({"busy", "server error"})
OVERHEAD_TOKENS = 64  # roles, and what a provider puts around messages


@dataclass(frozen=True)
class Answer:
    """A reply. `is_whole` is False if it was cut off. `tokens` is None if the endpoint does not count them."""

    content: str
    is_whole: bool
    tokens: Tokens | None


class Model:
    """A model at an endpoint. Calls share its connections."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings, which must have a key. No connection is opened yet.

        Raises:
            ModelUnusable: the address of the endpoint or the CA variables cannot be used.
        """
        if settings.model.api_key is None:
            raise ValueError("no key is set")
        self.name = settings.model.name
        self._key = settings.model.api_key.get_secret_value()
        self._deadline = settings.model.deadline_seconds
        self._timeout = httpx2.Timeout(self._deadline, connect=min(self._deadline, CONNECT_SECONDS))
        self._attempts = settings.model.retries + 1
        self._dialect = Dialect(self.name, settings.model.temperature, settings.model.max_output_tokens)
        self._not_before = 0.0  # the endpoint asked all callers to wait until then
        self._unusable: str | None = None  # why no more calls are made
        try:
            address = httpx2.URL(settings.model.base_url or OPENAI)
        except httpx2.InvalidURL as error:
            raise ModelUnusable(BAD_ADDRESS.format(error=error)) from error
        self._base_url = address.copy_with(query=None)
        self._query = dict(address.params)
        # Azure's deployments take the key in a header of their own.
        self._headers = {"api-key": self._key} if "api-version" in self._query else {}
        self._idle: list[AsyncOpenAI] = []
        self.endpoint = str(self._base_url).rstrip("/")
        try:
            self._tls = httpx2.create_ssl_context()
        except OSError as error:
            raise ModelUnusable(BAD_AUTHORITIES.format(error=error)) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._idle:
            await client.close()

    @contextmanager
    def _connection(self) -> Iterator[AsyncOpenAI]:
        """Return a client with one connection, which is kept for the next call.

        One pool for all calls examines each connection at every call. With 64 of them this takes a third of the time.
        """
        client = self._idle.pop() if self._idle else self._connect()
        try:
            yield client
        finally:
            self._idle.append(client)

    def _connect(self) -> AsyncOpenAI:
        limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT_ALIVE_SECONDS)
        try:
            http = DefaultAsyncHttpxClient(limits=limits, timeout=self._timeout, verify=self._tls)
        except (ImportError, ValueError, httpx2.InvalidURL) as error:
            raise ModelUnusable(BAD_PROXY.format(error=shown(str(error), self._key))) from error
        return AsyncOpenAI(
            api_key=self._key,
            base_url=self._base_url,
            default_query=self._query,
            default_headers=self._headers,
            max_retries=0,
            timeout=self._timeout,
            http_client=http,
        )

    async def ask(
        self, messages: Sequence[Message], reply_format: Mapping[str, Any], lost: Callable[[], bool]
    ) -> Answer:
        """Ask, and ask again after a pause if the endpoint is busy or down, within the deadline.

        Args:
            messages: as chat completions take them.
            reply_format: JSON schema of the reply, as `response_format` of a chat completion.
            lost: called for an attempt that was sent and not answered, as it may be billed. Returns whether another
                attempt may be made.

        Raises:
            Unanswered: there is no reply to this request.
            ModelUnusable: no call will be answered until a person acts.
        """
        until = _clock() + self._deadline
        try:
            async with asyncio.timeout_at(until):
                for attempt in range(self._attempts):
                    await self._wait(until, self._not_before - _clock())
                    if self._unusable:
                        raise ModelUnusable(self._unusable)
                    try:
                        return await self._attempt(messages, reply_format, lost)
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
        """Wait, or raise at once if the deadline comes first."""
        if seconds <= 0:
            return
        if _clock() + seconds >= until:
            raise otherwise or Unanswered("busy", f"the endpoint asked to wait {seconds:.0f} s, past the deadline")
        await asyncio.sleep(seconds)

    async def _attempt(
        self, messages: Sequence[Message], reply_format: Mapping[str, Any], lost: Callable[[], bool]
    ) -> Answer:
        """Ask once, and again at once while a refusal teaches another form of the request."""
        while True:
            body = self._dialect.request(messages, reply_format)
            try:
                with self._connection() as client:
                    # Not `chat.completions.create`: it takes 3 ms a call to process messages and reply.
                    response = await client.post("/chat/completions", cast_to=httpx2.Response, body=body)
                break
            except asyncio.CancelledError:
                lost()
                raise
            except APIStatusError as error:
                if self._dialect.learn(error, body):
                    continue
                failure = explain(error, endpoint=self.endpoint, model=self.name, key=self._key)
                if not isinstance(failure, Unanswered) or failure.reason not in MAY_PASS:
                    raise failure from None
                headers = error.response.headers
                after = retry_after(headers.get("retry-after-ms"), headers.get("retry-after"))
                raise _TryAgain(failure, headers.get("x-should-retry") != "false", after) from None
            except APIConnectionError as error:
                broken = explain_connection(error, endpoint=self.endpoint, key=self._key)
                if isinstance(broken, ModelUnusable):
                    raise broken from None
                raise _TryAgain(broken, isinstance(error.__cause__, NEVER_SENT) or lost()) from None
        try:
            return read_completion(response.content)
        except NotACompletion as failure:
            lost()
            raise NotACompletion(f"{failure.detail}: {shown(response.text, self._key)}") from None
        except Unanswered as failure:
            if failure.tokens is None:
                lost()
            raise


class _TryAgain(Exception):
    """An attempt failed for now. `after` is the pause in seconds that the endpoint asks for."""

    def __init__(self, as_unanswered: Unanswered, may_be_tried: bool, after: float | None = None) -> None:
        super().__init__()
        self.as_unanswered = as_unanswered
        self.may_be_tried = may_be_tried
        self.after = after


def most_tokens(messages: Sequence[Message], reply_format: Mapping[str, Any], settings: Settings) -> Tokens:
    """Return the most tokens that a call can cost. A token is at least one byte."""
    said = sum(len(message["content"].encode()) + OVERHEAD_TOKENS for message in messages)
    return Tokens(said + len(json.dumps(reply_format)), settings.model.max_output_tokens)


def read_completion(body: bytes) -> Answer:
    """Read the body of a chat completion.

    Raises:
        NotACompletion: it is not one.
        Unanswered: the model refuses to answer.
    """
    try:
        said = json.loads(body)
        tokens = _tokens(said.get("usage"))
        choice = said["choices"][0]
        message, ended = choice["message"], choice.get("finish_reason")
        refusal, content = message.get("refusal"), _text(message.get("content"))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise NotACompletion("the body is not a chat completion") from None
    if refusal or ended == "content_filter":
        raise Unanswered("refused", "content filter" if ended == "content_filter" else "the model refuses", tokens)
    return Answer(content, ended != "length", tokens)


def _text(content: Any) -> str:
    """Return the text of a message. Some endpoints send it in parts, with thoughts as parts of another type."""
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict) and part.get("type") in TEXT_PARTS)
        content = "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _tokens(usage: Any) -> Tokens | None:
    """Return the counted tokens, or None unless both input and output are numbers."""
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
    """Return the seconds to wait, from `retry-after-ms` and `Retry-After` (RFC 9110, 10.2.3)."""
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
    """Return the seconds before the next attempt, with jitter, so that failed calls do not return together."""
    spread = random.uniform(0.75, 1.25)  # noqa: S311 - spreads attempts, protects nothing
    return min(FIRST_PAUSE_SECONDS * 2.0**attempt, LONGEST_PAUSE_SECONDS) * spread


def _clock() -> float:
    return asyncio.get_running_loop().time()
