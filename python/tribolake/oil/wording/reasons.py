"""Reasons why a pattern has no wording, as a closed set that operators can count."""

from __future__ import annotations

from typing import Literal

from tribolake.errors import TribolakeError
from tribolake.oil.wording.price import Tokens

Reason = Literal[
    "rejected",  # two replies were not made of the pattern's choices
    "unreadable",  # two replies were not JSON objects with the requested fields
    "truncated",  # two replies were cut off
    "refused",  # the model, or a filter before it, does not answer
    "bad request",  # the endpoint does not understand what it is asked
    "busy",  # the endpoint had no time within the deadline
    "server error",
    "unreachable",
    "deadline",
    "budget",  # not asked: the rest of the budget does not suffice
    "stopped",  # not asked: asking stopped earlier
]
# Nothing was paid for the pattern.
NOT_ASKED: frozenset[Reason] = frozenset({"budget", "stopped"})
# The endpoint fails, not the pattern: after several such failures asking stops.
OF_THE_ENDPOINT: frozenset[Reason] = frozenset({"bad request", "busy", "server error", "unreachable", "deadline"})


class Unanswered(Exception):
    """The model gave no reply to one pattern. Other patterns may get one."""

    def __init__(self, reason: Reason, detail: str, tokens: Tokens | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.tokens = tokens  # of a call that was answered, and is billed


class NotACompletion(Unanswered):
    """The endpoint answered something else than a chat completion. The answer may be billed."""

    def __init__(self, detail: str) -> None:
        super().__init__("server error", detail)


class ModelUnusable(TribolakeError):
    """No call will be answered until a person acts. The message says what to do."""
