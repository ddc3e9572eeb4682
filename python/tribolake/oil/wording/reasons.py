"""Why a pattern has no wording: a closed set, so that operators can count, and what stops an enrichment."""

from __future__ import annotations

from typing import Literal

from tribolake.errors import TribolakeError
from tribolake.oil.wording.price import Tokens

Reason = Literal[
    "rejected",  # two replies were not made of the pattern's choices
    "unreadable",  # two replies were not JSON objects with the fields that were asked for
    "truncated",  # two replies ended before their end
    "refused",  # the model, or a filter before it, does not answer
    "bad request",  # the endpoint does not understand what it is asked
    "busy",  # the endpoint had no time within the deadline
    "server error",
    "unreachable",
    "deadline",
    "budget",  # not asked: the rest of the budget does not suffice
    "stopped",  # not asked: the enrichment was stopped before
]
# The pattern itself was not asked for: trying again later costs nothing that was paid before.
NOT_ASKED: frozenset[Reason] = frozenset({"budget", "stopped"})
# Nothing is wrong with the pattern: when one after the other fails so, asking for more is in vain.
OF_THE_ENDPOINT: frozenset[Reason] = frozenset({"bad request", "busy", "server error", "unreachable", "deadline"})


class Unanswered(Exception):
    """The model gave no reply to one pattern; others may get one."""

    def __init__(self, reason: Reason, detail: str, tokens: Tokens | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.tokens = tokens  # of a call that was answered, and is billed


class ModelUnusable(TribolakeError):
    """No call will be answered until a person does something: the message says what."""
