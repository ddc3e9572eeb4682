"""The model is asked for many patterns at once, within the budget, and each reply that it may give is kept at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

from tribolake.errors import TribolakeError
from tribolake.oil.wording.budget import Budget, Reservation
from tribolake.oil.wording.model import Answer, Model, most_tokens
from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.price import Price, Tokens
from tribolake.oil.wording.prompt import LONGEST_COMPLAINT_BYTES, Message, messages
from tribolake.oil.wording.reasons import NOT_ASKED, OF_THE_ENDPOINT, ModelUnusable, Unanswered
from tribolake.oil.wording.reply import Fault, Reply, judge, response_format
from tribolake.oil.wording.result import Enrichment, Waiting
from tribolake.oil.wording.segments import Wordings
from tribolake.oil.wording.wording import Configuration, Wording
from tribolake.product import Progress
from tribolake.settings import Settings

COMPLAINT_TOKENS = LONGEST_COMPLAINT_BYTES + 512  # with the words around it
KEEPING_THREADS = 16
# So many calls per caller, one after the other and none in between answered, say that the endpoint is down.
FAILURES_PER_CALLER = 2
FEWEST_FAILURES = 4
PROGRESS_SECONDS = 10.0
BUDGET_SPENT = "the budget of {limit} USD does not suffice for more: what waits is asked for by a later run"
LIMIT_IGNORED = (
    "an answer of {endpoint} had {output} output tokens and cost more than the most that was put aside for it: the "
    "endpoint ignores the output limit (max_completion_tokens, here {limit}), so a budget cannot be kept there. Unset "
    "TRIBOLAKE_AI_BUDGET_USD and limit the spending at the endpoint, or set another OPENAI_BASE_URL or OPENAI_MODEL"
)
NO_ANSWER = "{endpoint} did not answer {number} calls in a row ({last}): a later run tries again"
NOT_KEPT = "wordings cannot be kept ({error}): what the model says would be paid for again"


async def ask_for_all(
    settings: Settings,
    configuration: Configuration,
    patterns: Sequence[Pattern],
    keys: Mapping[str, str],
    cache: Wordings,
    price: Price | None,
    result: Enrichment,
    progress: Progress,
) -> None:
    """Ask for patterns in their order; what comes of it is added to the result.

    Args:
        settings: with a key.
        configuration: of the wordings.
        patterns: to ask for.
        keys: cache keys, by pattern.
        cache: every accepted reply is kept there before anything else is waited for.
        price: of the model; None only where there is no budget.
        result: waiting, wordings and counts are added to it.
        progress: told how far it is.
    """
    limit = None if settings.model.budget_usd is None else Decimal(str(settings.model.budget_usd))
    budget = Budget(limit, price)
    async with Model(settings) as model:
        await _Asking(settings, model, configuration, keys, cache, budget, result, progress).all_of(patterns)
        endpoint = model.endpoint
    result.cost_usd = budget.spent
    result.stopped = result.stopped or _none_answered(result, endpoint)
    if result.stopped is None and any(waits.reason == "budget" for waits in result.waiting.values()):
        result.stopped, result.budget_spent = BUDGET_SPENT.format(limit=limit), True


def _none_answered(result: Enrichment, endpoint: str) -> str | None:
    """What to say where all calls failed for the endpoint's sake, though they were too few to stop before the end."""
    failures = [waits for waits in result.waiting.values() if waits.reason not in NOT_ASKED]
    if result.accepted or not failures or any(waits.reason not in OF_THE_ENDPOINT for waits in failures):
        return None
    last = Unanswered(failures[-1].reason, failures[-1].detail)
    return NO_ANSWER.format(endpoint=endpoint, number=len(failures), last=last)


class _Asking:
    """Callers that share a queue of patterns, a budget and a result."""

    def __init__(
        self,
        settings: Settings,
        model: Model,
        configuration: Configuration,
        keys: Mapping[str, str],
        cache: Wordings,
        budget: Budget,
        result: Enrichment,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._model = model
        self._configuration = configuration
        self._keys = keys
        self._cache = cache
        self._budget = budget
        self._result = result
        self._concurrency = settings.model.concurrency
        self._callers = 1
        self._progress = progress
        self._told_at = time.perf_counter()
        self._failures = 0  # of the endpoint, since it answered last
        self._threads = ThreadPoolExecutor(min(self._concurrency, KEEPING_THREADS), thread_name_prefix="keep")

    async def all_of(self, patterns: Sequence[Pattern]) -> None:
        queue = iter(patterns)
        with self._threads:
            if self._budget.is_limited:
                # One alone until an answer shows whether the endpoint keeps to the limit of output, on which the budget
                # relies. Otherwise as many as are under way would be paid for before that is known.
                await self._each_of(self._until_one_is_counted(queue), len(patterns))
            self._callers = min(self._concurrency, len(patterns))
            async with asyncio.TaskGroup() as callers:
                for _ in range(self._callers):
                    callers.create_task(self._each_of(queue, len(patterns)))

    def _until_one_is_counted(self, queue: Iterator[Pattern]) -> Iterator[Pattern]:
        for pattern in queue:
            yield pattern
            if self._result.tokens != Tokens():
                return

    async def _each_of(self, queue: Iterator[Pattern], number: int) -> None:
        """One caller: takes the next pattern when it is done with one."""
        for pattern in queue:
            waits = Waiting("stopped") if self._result.stopped else await self._ask_within_budget(pattern)
            if waits:
                self._result.waiting[pattern.text] = waits
            if time.perf_counter() - self._told_at > PROGRESS_SECONDS:
                self._told_at = time.perf_counter()
                self._progress(f"{self._result.accepted} of {number} wordings")

    async def _ask_within_budget(self, pattern: Pattern) -> Waiting | None:
        """Ask for one pattern; None when it has its wording."""
        first = messages(pattern, self._settings.language)
        most = self._most(first, pattern)
        reservation = await self._budget.reserve([most, most + Tokens(COMPLAINT_TOKENS)])
        if reservation is None:
            return Waiting("budget")
        try:
            # It may have waited for its share of the budget.
            return Waiting("stopped") if self._result.stopped else await self._ask(pattern, first, reservation)
        except Unanswered as failure:
            self._result.failed += 1
            self._count_failure(failure)
            return Waiting(failure.reason, failure.detail)
        except ModelUnusable as error:
            self._result.failed += 1
            self._result.stopped = str(error)
            return Waiting("stopped")
        finally:
            await reservation.settle()

    async def _ask(self, pattern: Pattern, asked: Sequence[Message], reservation: Reservation) -> Waiting | None:
        self._result.asked += 1
        answer = await self._call(asked, pattern, reservation)
        tokens = answer.tokens or Tokens()
        verdict = judge(answer.content, pattern.choices, is_whole=answer.is_whole)
        if isinstance(verdict, Fault):
            if self._result.stopped:
                return Waiting("stopped")
            self._result.retried += 1
            again = messages(pattern, self._settings.language, verdict.complaint)
            answer = await self._call(again, pattern, reservation)
            tokens += answer.tokens or Tokens()
            verdict = judge(answer.content, pattern.choices, is_whole=answer.is_whole)
        if isinstance(verdict, Fault):
            self._result.rejected.update(verdict.fields)
            self._result.failed += not verdict.fields
            return Waiting(verdict.reason, verdict.detail)
        # Nothing is awaited between the verdict and this: what was paid for is on its way to the disk.
        await self._keep(self._wording_of(verdict, pattern, tokens))
        return None

    async def _call(self, asked: Sequence[Message], pattern: Pattern, reservation: Reservation) -> Answer:
        most = self._most(asked, pattern)
        try:
            answer = await self._model.ask(asked, response_format(pattern.choices), lambda: reservation.lose(most))
        except Unanswered as failure:
            if failure.tokens:
                self._spend(failure.tokens, most, reservation)
            raise
        self._failures = 0
        self._spend(answer.tokens, most, reservation)
        return answer

    def _spend(self, tokens: Tokens | None, most: Tokens, reservation: Reservation) -> None:
        """Count an answer; one whose tokens nobody counted cost the most that it can have cost."""
        self._result.tokens += tokens or Tokens()
        reservation.spend(tokens or most)
        if tokens and self._budget.is_short(most, tokens):
            self._result.stopped = self._result.stopped or LIMIT_IGNORED.format(
                endpoint=self._model.endpoint, output=tokens.output, limit=most.output
            )

    def _most(self, asked: Sequence[Message], pattern: Pattern) -> Tokens:
        return most_tokens(asked, response_format(pattern.choices), self._settings)

    def _wording_of(self, reply: Reply, pattern: Pattern, tokens: Tokens) -> Wording:
        """An accepted reply as it is kept; tokens are those of all calls that led to it."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        key = self._keys[pattern.text]
        return Wording(key, self._configuration, pattern.text, reply.as_json(), now, tokens.input, tokens.output)

    async def _keep(self, wording: Wording) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._cache.keep, wording)
        except (TribolakeError, OSError, ValueError) as error:
            self._result.stopped = self._result.stopped or NOT_KEPT.format(error=error)
        self._result.wordings[wording.pattern] = wording
        self._result.accepted += 1

    def _count_failure(self, failure: Unanswered) -> None:
        """Stop where call after call fails for no fault of its own."""
        self._failures += failure.reason in OF_THE_ENDPOINT
        if self._failures >= max(FEWEST_FAILURES, FAILURES_PER_CALLER * self._callers):
            self._result.stopped = self._result.stopped or NO_ANSWER.format(
                endpoint=self._model.endpoint, number=self._failures, last=failure
            )
