"""Whether a reply becomes a wording: it can be read, and no guard objects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from tribolake.oil.wording.guards.violations import violations
from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.price import Tokens
from tribolake.oil.wording.reasons import Reason
from tribolake.oil.wording.reply import Reply, ReplyUnreadable, read_reply
from tribolake.oil.wording.wording import Configuration, Wording

CUT_SHORT = "the reply ended before its end: be shorter"
TOO_SHORT = "TRIBOLAKE_AI_MAX_OUTPUT_TOKENS does not suffice"


@dataclass(frozen=True)
class Fault:
    """Why a reply is dropped: the guards that object, and what the model is told when it is asked again."""

    reason: Reason
    complaint: str
    guards: tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        """Without the reply's own words."""
        return TOO_SHORT if self.reason == "truncated" else ", ".join(self.guards)


def judge(content: str, pattern: Pattern, *, is_whole: bool = True) -> Reply | Fault:
    """Judge what a model replied.

    Args:
        content: of its message.
        pattern: that it was asked for.
        is_whole: whether it came to its end.
    """
    if not is_whole:
        return Fault("truncated", CUT_SHORT)
    try:
        reply = read_reply(content)
    except ReplyUnreadable as error:
        return Fault("unreadable", str(error))
    found = violations(reply, pattern)
    if not found:
        return reply
    complaint = "; ".join(violation.reason for violation in found)
    return Fault("rejected", complaint, tuple(dict.fromkeys(violation.guard for violation in found)))


def wording_of(reply: Reply, pattern: Pattern, key: str, configuration: Configuration, tokens: Tokens) -> Wording:
    """An accepted reply as it is kept; tokens are those of all calls that led to it."""
    return Wording(
        key,
        configuration,
        pattern.text,
        reply.observation,
        reply.cause,
        reply.action,
        datetime.now(UTC).isoformat(timespec="seconds"),
        tokens.input,
        tokens.output,
    )
