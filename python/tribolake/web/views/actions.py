"""What to do about a report: the steps of its rules that its published text names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tribolake.oil.seeds import read_seed
from tribolake.web.words import LANGUAGES, Words, words_in


def finding_of(rule_ids: Sequence[str] | None, words: Words) -> str:
    """Return the name of the first rule that a report matches. Returns an empty text without one."""
    return words.of_field(f"{rule_ids[0]}.name", "") if rule_ids else ""


def action_of(text: str | None, rule_ids: Sequence[str] | None, words: Words) -> str:
    """Return the steps of the first rule that a published text names, in the language of the page.

    A text has those steps of its rule that fit the machine. It may be in another language than the page. A text that
    names none of them is returned itself.
    """
    named = steps_of(text, rule_ids[0]) if rule_ids else []
    return "; ".join(words.of_field(step, "") for step in named) or text or ""


def steps_of(text: str | None, rule: str) -> list[str]:
    """Return the ids of the steps of a rule that a published text names, in whatever language."""
    said = (text or "").casefold()
    return [step for step in _steps(rule) if any(form.casefold() in said for form in _forms(step))]


def _forms(step: str) -> list[str]:
    return [text for language in LANGUAGES if (text := words_in(language).of_field(step, ""))]


@cache
def _steps(rule: str) -> tuple[str, ...]:
    rows = (row for row in read_seed("rule_steps") if row["rule_id"] == rule)
    return tuple(f"{rule}.step{row['step']}" for row in sorted(rows, key=lambda row: int(row["step"])))
