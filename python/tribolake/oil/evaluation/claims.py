"""What no recommendation may claim: that all is well, or that a failure is impossible.

The phrases are rows of `claims.csv`, patterns of folded text in Spanish and English. They count always or `unless
negated`, as in `no puede esperar`. No pattern repeats without a bound: a hostile text must not keep it busy.
"""

from __future__ import annotations

import csv
import re
from functools import cache, lru_cache
from pathlib import Path

from tribolake.oil.evaluation.clauses import folded, normal

PHRASES = Path(__file__).with_name("claims.csv")
ALWAYS, UNLESS_NEGATED = "always", "unless negated"
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
SEEN_BEFORE = 100  # characters in which a negation is looked for


def calms(text: str) -> str | None:
    """Return the words that tell the reader to wait or to go on as before, or None."""
    return _found(text, "calm")


def promises(text: str) -> str | None:
    """Return the words that say that a failure is impossible, or that anything is certain, or None."""
    return _found(text, "promise")


@lru_cache(maxsize=65_536)
def _found(text: str, claim: str) -> str | None:
    plain = " ".join(folded(normal(text)).replace("’", "'").split())
    always, unless_negated = _patterns()[claim]
    if found := always.search(plain):
        return found.group()
    for match in unless_negated.finditer(plain):
        before = plain[max(0, match.start() - SEEN_BEFORE) : match.start()]
        if not (NEGATED_BEFORE.search(before) or STOPPED_BEFORE.search(before)):
            return match.group()
    return None


@cache
def _patterns() -> dict[str, tuple[re.Pattern[str], re.Pattern[str]]]:
    """What counts always, and what counts unless it is negated, by claim."""
    with PHRASES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def any_of(claim: str, where: str) -> re.Pattern[str]:
        phrases = [row["phrase"] for row in rows if (row["claim"], row["where"]) == (claim, where)]
        return re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)")

    return {claim: (any_of(claim, ALWAYS), any_of(claim, UNLESS_NEGATED)) for claim in {row["claim"] for row in rows}}
