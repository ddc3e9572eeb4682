"""Phrases that a recommendation must not have: all is well, a failure is impossible, or an error instead of advice.

The phrases are rows of `claims.csv`: patterns of folded text in Spanish and English. `where` says how a phrase counts:
as whole words (`always`), as whole words `unless negated`, as in `no puede esperar`, or `anywhere`. No pattern repeats
without a bound, so that a hostile text does not keep it busy.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache, lru_cache

from tribolake.oil.evaluation.clauses import folded, normal, read_list

UNLESS_NEGATED = "unless negated"
FORMS = {"always": r"(?<!\w)(?:{})(?!\w)", UNLESS_NEGATED: r"(?<!\w)(?:{})(?!\w)", "anywhere": "{}"}
NEGATED_BEFORE = re.compile(
    r"(?:\b(?:no|not|nothing|none|nada|ningun[ao]?|nunca|never|cannot|tampoco|evite|avoid|without|sin|ni|nor|antes|before)\b|n't)"
    r"(?:\s\w{1,6}){0,2}\s$"
)
# `impida que el equipo continúe operando`, `para decidir si puede continuar en operación`
STOPPED_BEFORE = re.compile(
    r"\b(?:impid\w+|impedir|suspend\w*|detenga|detener|interrump\w+|prevent|stop)"
    r"(?:\s(?:que|el|la|su|equipo|motor|maquina|the|unit|machine|from)){0,4}\s$|"
    r"\b(?:decid\w+|determin\w+|evalu\w+) (?:si|whether|if)(?:\s\w{1,9}){0,3}\s$"
)
SEEN_BEFORE = 100  # characters that are searched for a negation


def calms(text: str) -> str | None:
    """Return the words that tell the reader to wait or to go on as before, or None."""
    return _found(text, "calm")


def promises(text: str) -> str | None:
    """Return the words that say that a failure is impossible, or that anything is certain, or None."""
    return _found(text, "promise")


def is_error(text: str) -> str | None:
    """Return the words of an error or a refusal, or None."""
    return _found(text, "error")


@lru_cache(maxsize=65_536)
def _found(text: str, claim: str) -> str | None:
    plain = " ".join(folded(normal(text)).replace("’", "'").split())
    for where, pattern in _patterns()[claim].items():
        for match in pattern.finditer(plain):
            before = plain[max(0, match.start() - SEEN_BEFORE) : match.start()]
            is_negated = NEGATED_BEFORE.search(before) or STOPPED_BEFORE.search(before)
            if where != UNLESS_NEGATED or not is_negated:
                return match.group()
    return None


@cache
def _patterns() -> dict[str, dict[str, re.Pattern[str]]]:
    """Return the patterns of each claim by `where`."""
    phrases: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in read_list("claims"):
        phrases[row["claim"]][row["where"]].append(row["phrase"])
    return {
        claim: {where: re.compile(FORMS[where].format("|".join(listed))) for where, listed in places.items()}
        for claim, places in phrases.items()
    }
