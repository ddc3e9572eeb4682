"""Wordings by OpenAI's Batch API: half the price, within a day; for the patterns of a whole history at once.

Every step can be done again. What is to be asked is written down before a batch is made of it, under a name that the
batch carries: a batch whose answer was lost is found again by that name instead of being paid for twice. Runs wait for
what is written down, so nothing is where no batch can have been made: its requests did not arrive, or it was refused.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Literal

from openai import APIConnectionError, APIStatusError, NotFoundError, OpenAI, OpenAIError
from openai.types import Batch

from tribolake.errors import ConfigurationError, TribolakeError
from tribolake.oil.wording.batch_record import BatchRecord, awaited_keys, close, file_of, open_records, save
from tribolake.oil.wording.cache import NoPlaceLeft
from tribolake.oil.wording.configuration import configuration_of
from tribolake.oil.wording.enrich import UNKNOWN_PRICE, Cache, objections_by_key
from tribolake.oil.wording.explain import explain
from tribolake.oil.wording.judge import Fault, judge, wording_of
from tribolake.oil.wording.masking import masked
from tribolake.oil.wording.model import most_tokens, read_completion, say_always, shown, was_never_sent
from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.price import BATCH_SHARE, OPENAI, Tokens, price_of
from tribolake.oil.wording.prompt import messages
from tribolake.oil.wording.reasons import ModelUnusable, Unanswered
from tribolake.oil.wording.reply import response_format
from tribolake.oil.wording.result import Pending
from tribolake.oil.wording.wording import cache_key
from tribolake.settings import Settings

COMPLETIONS: Literal["/v1/chat/completions"] = "/v1/chat/completions"
WINDOW: Literal["24h"] = "24h"
LABEL = "tribolake"
# Limits of the endpoint: https://platform.openai.com/docs/guides/batch (50 000 requests, 200 MB).
MOST_REQUESTS = 50_000
MOST_BYTES = 150 * 2**20
# The endpoint keeps what a batch answered for so long.
KEPT_DAYS = 30
# A batch that was made under a record is not older than the record, but for clocks that differ.
CLOCKS_DIFFER_SECONDS = 3600.0
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
NO_KEY = "no model is asked: set OPENAI_API_KEY"
NEVER_MADE = "{endpoint} has no such batch: it was never made there; submit again asks for its patterns"
OTHER_ENDPOINT = "{endpoint} has no such batch: it was made at {other}, so set OPENAI_BASE_URL as it was"
OTHER_KEY = (
    "{endpoint} has no such batch: set OPENAI_BASE_URL and OPENAI_API_KEY as they were when it was made. Its {number} "
    "patterns are asked for again {days} days after that, or once {file} is removed"
)
BATCH_GONE = "{endpoint} has it no more: its {number} patterns are asked for again"
FILE_GONE = "{endpoint} has its file {name} no more: what it answered there is lost, and is asked for again"


class EndpointUnavailable(TribolakeError):
    """The endpoint did not do what it was asked for; the same command may be given again."""


@dataclass
class Submitted:
    """What was asked of batches; counts are of patterns."""

    asked: int = 0
    cached: int = 0
    awaited: int = 0  # an earlier batch was asked for them
    left_out: int = 0  # the budget does not suffice for them
    batches: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass
class Collected:
    """What batches came to; counts are of patterns."""

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)  # by guard
    failed: Counter[str] = field(default_factory=Counter)  # by reason
    running: dict[str, str] = field(default_factory=dict)  # batches that are not done, and how far they are
    problems: dict[str, str] = field(default_factory=dict)  # batches that need a look, and why
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: Decimal | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "accepted": self.accepted,
            "rejected": dict(sorted(self.rejected.items())),
            "failed": dict(sorted(self.failed.items())),
            "running": self.running,
            "problems": self.problems,
            "input_tokens": self.tokens.input,
            "output_tokens": self.tokens.output,
            "cost_usd": None if self.cost_usd is None else float(self.cost_usd),
        }


def submit(settings: Settings, pending: Sequence[Pending], cache: Cache) -> Submitted:
    """Ask for the wordings of patterns by batch, unless the lake has them or a batch was asked already.

    Raises:
        ConfigurationError: no key is set, or a budget without a price.
        ModelUnusable, EndpointUnavailable: the message says what to do; give the command again afterwards.
    """
    configuration = configuration_of(settings)
    done = Submitted()
    with _endpoint(settings) as endpoint:
        found = _find_again(settings, endpoint)
        done.batches += [record.batch_id for record in found if record.batch_id]
        keys = {cache_key(each.pattern, configuration): each for each in pending}
        validate = objections_by_key({key: each.pattern for key, each in keys.items()})
        known = cache.find(list(keys), validate) if keys else {}
        awaited = awaited_keys(settings)
        done.cached = len(known)
        done.awaited = sum(key in awaited for key in keys if key not in known)
        wanted = {key: each for key, each in keys.items() if key not in known and key not in awaited}
        order = sorted(wanted, key=lambda key: (-wanted[key].reports, wanted[key].pattern.text))
        bought = [pattern for record in found for pattern in record.patterns.values()]
        affordable = _affordable(settings, {key: wanted[key].pattern for key in order}, bought)
        done.left_out = len(wanted) - len(affordable)
        for part in _parts(settings, affordable):
            now = datetime.now(UTC)
            name = f"{now:%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}"
            record = BatchRecord(name, now.isoformat(), configuration, part, endpoint=endpoint.address)
            file_id = endpoint.upload(record)
            save(settings, record)
            done.batches.append(endpoint.make(record, file_id))
            done.asked += len(part)
    return done


def _find_again(settings: Settings, endpoint: _Endpoint) -> list[BatchRecord]:
    """The records whose batch was made by a command that was killed, or lost the answer.

    A record whose batch was never made is closed: its patterns are asked for again, as far as the budget suffices.
    """
    found = []
    for record in open_records(settings):
        if record.batch_id is not None:
            continue
        if batch := endpoint.find(record):
            found.append(record.with_id(batch.id))
        elif endpoint.may_have_had(record):
            close(settings, record)
    return found


def collect(settings: Settings, cache: Cache) -> Collected:
    """Look at every batch once, and keep the wordings of those that ended.

    Raises:
        ConfigurationError: no key is set.
        ModelUnusable, EndpointUnavailable, StoreUnavailable: the message says what to do.
    """
    done = Collected()
    with _endpoint(settings) as endpoint:
        for record in open_records(settings):
            batch = endpoint.find(record)
            if batch is None:
                _give_up(settings, endpoint, record, done)
            elif batch.status not in ENDED:
                counts = batch.request_counts
                done.running[batch.id] = (
                    f"{batch.status}, {counts.completed if counts else 0} of {len(record.patterns)}"
                )
            else:
                _keep_replies(endpoint, record, batch, cache, done)
                if batch.status == "failed":
                    errors = batch.errors.data if batch.errors and batch.errors.data else []
                    codes = dict.fromkeys(endpoint.without_key(f"{error.code}") for error in errors)
                    done.problems[batch.id] = "; ".join(codes) or "failed"
                close(settings, record)
    price = price_of(settings)
    done.cost_usd = price(done.tokens) * BATCH_SHARE if price else None
    return done


def _give_up(settings: Settings, endpoint: _Endpoint, record: BatchRecord, done: Collected) -> None:
    """The endpoint has no batch of a record. Whoever has another key sees none that is there: it is given up late."""
    said = {
        "endpoint": endpoint.address,
        "other": record.endpoint,
        "number": len(record.patterns),
        "days": KEPT_DAYS,
        "file": file_of(settings, record),
    }
    if record.age_seconds > KEPT_DAYS * 24 * 3600:
        done.problems[record.shown_name] = BATCH_GONE.format(**said)
        done.failed["not answered"] += len(record.patterns)
        close(settings, record)
    elif not endpoint.may_have_had(record):
        done.problems[record.name] = OTHER_ENDPOINT.format(**said)
    elif record.batch_id is None:
        done.problems[record.name] = NEVER_MADE.format(**said)
    else:
        done.problems[record.batch_id] = OTHER_KEY.format(**said)


def _keep_replies(endpoint: _Endpoint, record: BatchRecord, batch: Batch, cache: Cache, done: Collected) -> None:
    answered: set[str] = set()
    validate = objections_by_key(record.patterns)
    for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
        for line in _lines(endpoint, batch, file_id, done):
            key, body, is_ok = _reply_of(line)
            pattern = record.patterns.get(key)
            if pattern is None or key in answered:
                continue
            answered.add(key)
            if not is_ok:
                done.failed["server error"] += 1
                continue
            try:
                answer = read_completion(json.dumps(body).encode())
            except Unanswered as failure:
                done.failed[failure.reason] += 1
                done.tokens += failure.tokens or Tokens()
                continue
            tokens = answer.tokens or Tokens()
            done.tokens += tokens
            verdict = judge(answer.content, pattern, is_whole=answer.is_whole)
            if isinstance(verdict, Fault):
                done.rejected.update(verdict.guards)
                done.failed[verdict.reason] += not verdict.guards
                continue
            try:
                cache.keep(wording_of(verdict, pattern, key, record.configuration, tokens), validate)
            except NoPlaceLeft:
                done.failed["no place left"] += 1
                continue
            done.accepted += 1
    done.failed["not answered"] += len(record.patterns) - len(answered)
    done.failed = +done.failed  # without those that did not happen


def _lines(endpoint: _Endpoint, batch: Batch, file_id: str, done: Collected) -> Iterator[str]:
    """The lines of a file of a batch; none where the endpoint has it no more, as it has none after some weeks."""
    try:
        yield from endpoint.lines(file_id)
    except NotFoundError:
        done.problems[batch.id] = FILE_GONE.format(endpoint=endpoint.address, name=file_id)


def _reply_of(line: str) -> tuple[str, Any, bool]:
    """Key, body, and whether it is a reply, of a line of an output or error file."""
    try:
        said = json.loads(line)
        response = said.get("response") or {}
        return str(said["custom_id"]), response.get("body"), response.get("status_code") == 200
    except (ValueError, LookupError, TypeError, AttributeError):
        return "", None, False


def _affordable(settings: Settings, patterns: Mapping[str, Pattern], bought: Sequence[Pattern]) -> dict[str, Pattern]:
    """The first of these patterns, as many as the budget suffices for at worst, beside those that are bought."""
    if settings.model.budget_usd is None:
        return dict(patterns)
    price = price_of(settings)
    if price is None:
        raise ConfigurationError(UNKNOWN_PRICE.format(model=settings.model.name))

    def most(pattern: Pattern) -> Decimal:
        return price(most_tokens(messages(pattern), response_format(), settings)) * BATCH_SHARE

    left = Decimal(str(settings.model.budget_usd)) - sum(map(most, bought))
    chosen = {}
    for key, pattern in patterns.items():
        left -= most(pattern)
        if left < 0:
            break
        chosen[key] = pattern
    return chosen


def _parts(settings: Settings, patterns: Mapping[str, Pattern]) -> Iterator[dict[str, Pattern]]:
    """Patterns in parts that one batch takes."""
    part: dict[str, Pattern] = {}
    size = 0
    for key, pattern in patterns.items():
        size += len(_request(settings, key, pattern))
        if part and (len(part) == MOST_REQUESTS or size > MOST_BYTES):
            yield part
            part, size = {}, len(_request(settings, key, pattern))
        part[key] = pattern
    if part:
        yield part


def _request(settings: Settings, key: str, pattern: Pattern) -> bytes:
    """A line of the file of requests."""
    body = say_always(settings, response_format()) | {"messages": messages(pattern)}
    said = {"custom_id": key, "method": "POST", "url": COMPLETIONS, "body": body}
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


def _says_no(error: OpenAIError) -> bool:
    """Whether no batch was made, for sure: it was refused, or never asked for."""
    if isinstance(error, APIStatusError):
        return 400 <= error.status_code < 500 and error.status_code != HTTPStatus.REQUEST_TIMEOUT
    return was_never_sent(error)


@contextmanager
def _endpoint(settings: Settings) -> Iterator[_Endpoint]:
    """The endpoint, whose errors say what to do."""
    if settings.model.api_key is None:
        raise ConfigurationError(NO_KEY)
    key = settings.model.api_key.get_secret_value()
    with OpenAI(
        api_key=key,
        base_url=settings.model.base_url or OPENAI,
        max_retries=settings.model.retries,
        timeout=settings.model.deadline_seconds,
    ) as client:
        endpoint = _Endpoint(client, settings, key)
        try:
            yield endpoint
        except APIStatusError as error:
            found = explain(error, endpoint=endpoint.address, model=settings.model.name, key=key)
            raise (
                found
                if isinstance(found, ModelUnusable)
                else EndpointUnavailable(f"{endpoint.address}: {found}. Give the command again")
            ) from None
        except APIConnectionError as error:
            raise EndpointUnavailable(
                f"{endpoint.address}: {type(error.__cause__ or error).__name__}. Give the command again"
            ) from None
        except OpenAIError as error:
            raise EndpointUnavailable(f"{endpoint.address}: {type(error).__name__}. Give the command again") from None


class _Endpoint:
    """Files and batches of an account."""

    def __init__(self, client: OpenAI, settings: Settings, key: str) -> None:
        self._client = client
        self._settings = settings
        self._key = key
        self.address = shown(client.base_url)

    def without_key(self, text: str) -> str:
        return masked(text, self._key)

    def may_have_had(self, record: BatchRecord) -> bool:
        """Whether the batch of a record can have been made here."""
        return record.endpoint in ("", self.address)

    def upload(self, record: BatchRecord) -> str:
        """Bring the requests of a record there; returns the name of the file."""
        requests = b"".join(_request(self._settings, key, pattern) for key, pattern in record.patterns.items())
        return self._client.files.create(file=(f"{record.name}.jsonl", requests), purpose="batch").id

    def make(self, record: BatchRecord, file_id: str) -> str:
        """Have a batch made of requests that are there; its record is closed where that was refused."""
        try:
            # Once only: whether a lost answer stands for a batch is looked up by its label.
            batch = self._client.with_options(max_retries=0).batches.create(
                completion_window=WINDOW,
                endpoint=COMPLETIONS,
                input_file_id=file_id,
                metadata={LABEL: record.name},
            )
        except OpenAIError as error:
            if _says_no(error):
                close(self._settings, record)
            raise
        save(self._settings, record.with_id(batch.id))
        return batch.id

    def find(self, record: BatchRecord) -> Batch | None:
        """The batch of a record, by its id or its label; None where the endpoint has none."""
        if record.batch_id is not None:
            try:
                return self._client.batches.retrieve(record.batch_id)
            except NotFoundError:
                return None
        made_at = datetime.fromisoformat(record.made_at).timestamp() - CLOCKS_DIFFER_SECONDS
        for batch in self._client.batches.list(limit=100):  # newest first
            if batch.created_at < made_at:
                return None
            if (batch.metadata or {}).get(LABEL) == record.name:
                save(self._settings, record.with_id(batch.id))
                return batch
        return None

    def lines(self, file_id: str) -> Iterator[str]:
        with self._client.files.with_streaming_response.content(file_id) as response:
            yield from filter(None, response.iter_lines())
