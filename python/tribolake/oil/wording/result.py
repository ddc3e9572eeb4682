"""Input and result of an enrichment: wordings, patterns that wait and why, calls and cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.price import Tokens
from tribolake.oil.wording.reasons import Reason
from tribolake.oil.wording.wording import Wording


@dataclass(frozen=True)
class Pending:
    """A pattern without a wording, and how many reports share it."""

    pattern: Pattern
    reports: int
    is_due: bool = True  # otherwise it failed before, and is only looked up in the cache


@dataclass(frozen=True)
class Waiting:
    """Why a pattern has no wording yet. The detail has no secret, and no word of a laboratory."""

    reason: Reason
    detail: str = ""


@dataclass
class Enrichment:
    """The result of an enrichment. Counts are of patterns, tokens and USD are of all calls."""

    model: str
    patterns: int = 0
    reports: int = 0  # that the patterns stand for
    cached: int = 0  # had a wording in the cache
    postponed: int = 0  # failed before, and a later run tries again
    asked: int = 0
    accepted: int = 0
    retried: int = 0  # asked a second time, with what was wrong with the first reply
    failed: int = 0  # asked without a reply that can be judged
    rejected: Counter[str] = field(default_factory=Counter)  # second replies, by wrong field
    tokens: Tokens = field(default_factory=Tokens)
    # None without a price. A call whose reply was lost counts with its highest possible cost.
    cost_usd: Decimal | None = None
    seconds: float = 0.0
    stopped: str | None = None  # why asking ended early, or had no result, and what to do
    budget_spent: bool = False  # asking ended early because of the budget, as wanted
    wordings: dict[str, Wording] = field(default_factory=dict)  # by pattern
    waiting: dict[str, Waiting] = field(default_factory=dict)  # by pattern

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of the run report."""
        return {
            "model": self.model,
            "patterns": self.patterns,
            "reports": self.reports,
            "cached": self.cached,
            "postponed": self.postponed,
            "asked": self.asked,
            "accepted": self.accepted,
            "retried": self.retried,
            "failed": self.failed,
            "rejected": dict(sorted(self.rejected.items())),
            "waiting": dict(sorted(Counter(waits.reason for waits in self.waiting.values()).items())),
            "input_tokens": self.tokens.input,
            "output_tokens": self.tokens.output,
            "cached_tokens": self.tokens.cached,
            "cost_usd": None if self.cost_usd is None else float(self.cost_usd),
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "budget_spent": self.budget_spent,
        }
