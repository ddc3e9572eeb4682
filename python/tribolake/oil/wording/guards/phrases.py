"""Phrases that are looked for in a text: how both are made comparable, and whether the rules say the same."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tribolake.oil.wording.guards.sentences import folded, normal


def comparable(text: str) -> str:
    """A text without accents, case and doubled blanks."""
    return " ".join(folded(normal(text)).replace("’", "'").split())


def stands_in(phrase: str, text: str) -> bool:
    """Whether a text has a phrase, as whole words; both are comparable."""
    return bool(phrase) and re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None


def first_not_in(allowed: str, phrases: Iterable[str]) -> str | None:
    """The first phrase that a text does not have: what the rules say may be said again, what follows it may not."""
    known = comparable(allowed)
    return next((phrase for phrase in phrases if not stands_in(comparable(phrase), known)), None)
