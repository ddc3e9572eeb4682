"""What speaks against a wording that comes from elsewhere: from a file, or from a place that others can write to."""

from __future__ import annotations

from functools import lru_cache

from tribolake.oil.wording.guards.violations import violations
from tribolake.oil.wording.pattern import Language, Pattern, Rule, expert_rules, read_pattern
from tribolake.oil.wording.reply import Reply
from tribolake.oil.wording.wording import Wording, cache_key


def objections(wording: Wording) -> tuple[str, ...]:
    """Why a wording of any pattern is not taken; none where it can be."""
    language = wording.configuration.language
    try:
        pattern = read_pattern(wording.pattern, language, _rules(language))
        return objections_to(wording, pattern)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return (f"its pattern cannot be read: {type(error).__name__} {error}",)


def objections_to(wording: Wording, pattern: Pattern) -> tuple[str, ...]:
    """Why it cannot be a wording of this pattern: its key is that of another one, or a guard objects."""
    if cache_key(pattern, wording.configuration) != wording.cache_key:
        return ("its key is another one: it words other rules than those of the seeds, or another pattern",)
    try:
        # The urgency is that of the rules: it is not kept.
        reply = Reply.model_validate(
            {
                "observation": wording.observation,
                "cause": wording.cause,
                "action": wording.action,
                "urgency": pattern.urgency,
            }
        )
        found = violations(reply, pattern)
    except ValueError as error:  # of what is longer than any reply, or a pattern without rules
        return (f"it cannot be a reply: {str(error).splitlines()[0]}",)
    return tuple(f"{violation.guard}: {violation.reason}" for violation in found)


@lru_cache
def _rules(language: Language) -> dict[str, Rule]:
    return expert_rules(language)
