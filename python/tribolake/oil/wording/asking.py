"""Ask the model for many patterns at once, within the budget, and keep each accepted reply at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from tribolake.errors import TribolakeError
from tribolake.oil.wording.budget import Budget, Reservation
from tribolake.oil.wording.model import Answer, Model, most_tokens
from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.price import Price, Tokens
from tribolake.oil.wording.prompt import LONGEST_COMPLAINT_BYTES, Message, configuration_of, messages
from tribolake.oil.wording.reasons import NOT_ASKED, OF_THE_ENDPOINT, ModelUnusable, NotACompletion, Unanswered
from tribolake.oil.wording.reply import Fault, Reply, judge, response_format
from tribolake.oil.wording.result import Enrichment, Waiting
from tribolake.oil.wording.segments import Wordings
from tribolake.oil.wording.wording import Wording, cache_key
from tribolake.product import Progress
from tribolake.settings import Settings

COMPLAINT_TOKENS = LONGEST_COMPLAINT_BYTES + 512  # with the words around it
KEEPING_THREADS = 16
# The endpoint is down after so many calls in a row without an answer, for each caller.
FAILURES_PER_CALLER = 2
FEWEST_FAILURES = 4
PROGRESS_SECONDS = 10.0
BUDGET_SPENT = "the budget of {limit} USD does not suffice for more: a later run asks for the patterns that wait"
LIMIT_IGNORED = (
    "an answer of {endpoint} had {output} output tokens and cost more than the most that was put aside for it: the "
    "endpoint ignores the output limit (max_completion_tokens, here {limit}), so a budget cannot be kept there. Unset "
    "TRIBOLAKE_AI_BUDGET_USD and limit the spending at the endpoint, or set another OPENAI_BASE_URL or OPENAI_MODEL"
)
NO_ANSWER = "{endpoint} did not answer {number} calls in a row ({last}): a later run tries again"
CANNOT_SERVE = {
    "no completion": "{endpoint} answers without chat completions ({said}): correct OPENAI_BASE_URL, mostly …/v1",
    "unreadable": "{model} at {endpoint} gave no JSON object with the requested fields: set another OPENAI_MODEL",
    "truncated": "the replies of {model} at {endpoint} are cut off: raise TRIBOLAKE_AI_MAX_OUTPUT_TOKENS (now {limit})",
    "rejected": "{model} at {endpoint} did not keep to the choices {number} times in a row: set another OPENAI_MODEL",
}
NOT_KEPT = "wordings cannot be kept ({error}): the replies of the model would be paid for again"


async def ask_for_all(
    settings: Settings,
    patterns: Sequence[Pattern],
    cache: Wordings,
    price: Price | None,
    result: Enrichment,
    progress: Progress,
) -> None:
    """Ask for patterns in their order. Wordings, waiting patterns and counts are added to the result.

    The settings have a key. The price may be None without a budget only.
    """
    limit = None if settings.model.budget_usd is None else Decimal(str(settings.model.budget_usd))
    budget = Budget(limit, price)
    async with Model(settings) as model:
        await _Asking(settings, model, cache, budget, result, progress).all_of(patterns)
        endpoint = model.endpoint
    result.cost_usd = budget.spent
    result.stopped = result.stopped or _none_answered(result, endpoint)
    if result.stopped is None and any(waits.reason == "budget" for waits in result.waiting.values()):
        result.stopped, result.budget_spent = BUDGET_SPENT.format(limit=limit), True


def _none_answered(result: Enrichment, endpoint: str) -> str | None:
    """Return a message if all calls failed because of the endpoint, but were too few to stop earlier."""
    failures = [waits for waits in result.waiting.values() if waits.reason not in NOT_ASKED]
    if result.accepted or not failures or any(waits.reason not in OF_THE_ENDPOINT for waits in failures):
        return None
    last = Unanswered(failures[-1].reason, failures[-1].detail)
    return NO_ANSWER.format(endpoint=endpoint, number=len(failures), last=last)


@dataclass
class _Asking:
    """Callers that share a queue of patterns, a budget and a result."""

    settings: Settings
    model: Model
    cache: Wordings
    budget: Budget
    result: Enrichment
    progress: Progress
    callers: int = 1
    failures: int = 0  # of the endpoint, since its last answer
    refused: int = 0  # patterns whose replies cannot be used
    reported_at: float = field(default_factory=time.perf_counter)

    async def all_of(self, patterns: Sequence[Pattern]) -> None:
        queue = iter(patterns)
        size = min(self.settings.model.concurrency, KEEPING_THREADS)
        with ThreadPoolExecutor(size, thread_name_prefix="keep") as self.threads:
            # One caller asks until a reply shows that the endpoint can serve, and keeps the limit of output that a
            # budget relies on. With more callers, all their calls would be paid for before that is known.
            await self._each_of(self._until_it_serves(queue), len(patterns))
            self.callers = min(self.settings.model.concurrency, len(patterns))
            async with asyncio.TaskGroup() as callers:
                for _ in range(self.callers):
                    callers.create_task(self._each_of(queue, len(patterns)))

    def _until_it_serves(self, queue: Iterator[Pattern]) -> Iterator[Pattern]:
        for pattern in queue:
            yield pattern
            if self.result.accepted and (self.result.tokens != Tokens() or not self.budget.is_limited):
                return

    async def _each_of(self, queue: Iterator[Pattern], number: int) -> None:
        """Ask for one pattern of the queue after the other, as one caller."""
        for pattern in queue:
            waits = Waiting("stopped") if self.result.stopped else await self._ask_within_budget(pattern)
            if waits:
                self.result.waiting[pattern.text] = waits
            if time.perf_counter() - self.reported_at > PROGRESS_SECONDS:
                self.reported_at = time.perf_counter()
                self.progress(f"{self.result.accepted} of {number} wordings")

    async def _ask_within_budget(self, pattern: Pattern) -> Waiting | None:
        """Ask for one pattern. Returns None when it has its wording."""
        first = messages(pattern, self.settings.language)
        most = self._most(first, pattern)
        reservation = await self.budget.reserve([most, most + Tokens(COMPLAINT_TOKENS)])
        if reservation is None:
            return Waiting("budget")
        try:
            # Asking may have stopped while this caller waited for its share of the budget.
            return Waiting("stopped") if self.result.stopped else await self._ask(pattern, first, reservation)
        except Unanswered as failure:
            self.result.failed += 1
            if isinstance(failure, NotACompletion):
                self._stop_unless_it_serves("no completion", failure.detail)
            self._count_failure(failure)
            return Waiting(failure.reason, failure.detail)
        except ModelUnusable as error:
            self.result.failed += 1
            self.result.stopped = str(error)
            return Waiting("stopped")
        finally:
            await reservation.settle()

    async def _ask(self, pattern: Pattern, asked: Sequence[Message], reservation: Reservation) -> Waiting | None:
        self.result.asked += 1
        answer = await self._call(asked, pattern, reservation)
        tokens = answer.tokens or Tokens()
        verdict = judge(answer.content, pattern.choices, is_whole=answer.is_whole)
        if isinstance(verdict, Fault):
            if self.result.stopped:
                return Waiting("stopped")
            self.result.retried += 1
            again = messages(pattern, self.settings.language, verdict.complaint)
            answer = await self._call(again, pattern, reservation)
            tokens += answer.tokens or Tokens()
            verdict = judge(answer.content, pattern.choices, is_whole=answer.is_whole)
        if isinstance(verdict, Fault):
            self.result.rejected.update(verdict.fields)
            self.result.failed += not verdict.fields
            self.refused += 1
            if verdict.reason != "rejected" or self.refused >= FEWEST_FAILURES:
                self._stop_unless_it_serves(verdict.reason)
            return Waiting(verdict.reason, verdict.detail)
        # Nothing is awaited between the verdict and this call, so a reply that was paid for is not lost.
        await self._keep(self._wording_of(verdict, pattern, tokens))
        return None

    async def _call(self, asked: Sequence[Message], pattern: Pattern, reservation: Reservation) -> Answer:
        most = self._most(asked, pattern)
        try:
            answer = await self.model.ask(asked, response_format(pattern.choices), lambda: reservation.lose(most))
        except Unanswered as failure:
            if failure.tokens:
                self._spend(failure.tokens, most, reservation)
            raise
        self.failures = 0
        self._spend(answer.tokens, most, reservation)
        return answer

    def _spend(self, tokens: Tokens | None, most: Tokens, reservation: Reservation) -> None:
        """Count an answer. Without a count of tokens, it cost as much as it can have cost."""
        self.result.tokens += tokens or Tokens()
        reservation.spend(tokens or most)
        if tokens and self.budget.is_short(most, tokens):
            self.result.stopped = self.result.stopped or LIMIT_IGNORED.format(
                endpoint=self.model.endpoint, output=tokens.output, limit=most.output
            )

    def _most(self, asked: Sequence[Message], pattern: Pattern) -> Tokens:
        return most_tokens(asked, response_format(pattern.choices), self.settings)

    def _wording_of(self, reply: Reply, pattern: Pattern, tokens: Tokens) -> Wording:
        """Return an accepted reply as it is kept. Tokens are those of all calls for it."""
        configuration, now = configuration_of(self.settings), datetime.now(UTC).isoformat(timespec="seconds")
        key = cache_key(pattern.text, configuration)
        return Wording(key, configuration, pattern.text, reply.as_json(), now, tokens.input, tokens.output)

    async def _keep(self, wording: Wording) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self.threads, self.cache.keep, wording)
        except (TribolakeError, OSError, ValueError) as error:
            self.result.stopped = self.result.stopped or NOT_KEPT.format(error=error)
        self.result.wordings[wording.pattern] = wording
        self.result.accepted += 1

    def _stop_unless_it_serves(self, why: str, said: str = "") -> None:
        """Stop if no reply could be used so far: the others would be paid for too."""
        if not self.result.accepted:
            self.result.stopped = self.result.stopped or CANNOT_SERVE[why].format(
                endpoint=self.model.endpoint,
                model=self.model.name,
                said=said,
                limit=self.settings.model.max_output_tokens,
                number=self.refused,
            )

    def _count_failure(self, failure: Unanswered) -> None:
        """Stop when calls in a row failed because of the endpoint."""
        self.failures += failure.reason in OF_THE_ENDPOINT
        if self.failures >= max(FEWEST_FAILURES, FAILURES_PER_CALLER * self.callers):
            self.result.stopped = self.result.stopped or NO_ANSWER.format(
                endpoint=self.model.endpoint, number=self.failures, last=failure
            )
