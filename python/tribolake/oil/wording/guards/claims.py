"""What no recommendation may claim: that all is well, that a failure is impossible or proven, that there was a trend.

`demand` and `disposal` are no claims by themselves: `demanded_changes` says of what they are.

Each function gives the words that claim it, or None, and passes over words that `allowed`, the rules' own texts, says
too. They read Spanish and English, whatever the language of the text: a model that slips into the other one must not
slip through. The phrases are rows of `claims.csv`: patterns of comparable text, that count always or `unless negated`,
as in `no puede esperar`. No pattern repeats without a bound: a hostile text must not keep it busy.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from tribolake.oil.wording.guards.phrases import comparable, first_not_in
from tribolake.oil.wording.guards.sentences import without_slots

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
CONDITION_BEFORE = re.compile(r"\b(?:si|cuando|hasta que|mientras|if|whether|when|until|once)\b[^.;]{0,80}$")
SEEN_BEFORE = 100  # characters in which a negation or a condition is looked for


def calms(text: str, allowed: str = "") -> str | None:
    """Words that tell the reader to wait or to go on as before."""
    return _found(text, "calm", allowed)


def promises(text: str, allowed: str = "") -> str | None:
    """Words that say that a failure is impossible, or that anything is certain."""
    return _found(text, "promise", allowed)


def claims_proof(text: str, allowed: str = "") -> str | None:
    """Words that take one sample for a proof; `si otra muestra confirma el desgaste` does not."""
    return _found(text, "proof", allowed, unless_after=CONDITION_BEFORE)


def claims_trend(text: str, allowed: str = "") -> str | None:
    """Words that compare with earlier samples."""
    return _found(text, "trend", allowed)


def sets_deadline(text: str, urgency: str, allowed: str = "") -> str | None:
    """Words that set a deadline, or that press more than an urgency does."""
    at_once = _found(text, "at once", allowed) if urgency != "U0" else None
    soon = _found(text, "soon", allowed) if urgency not in {"U0", "U1"} else None
    return at_once or soon or _found(text, "deadline", allowed)


def demands(plain: str, claim: str) -> Iterator[re.Match[str]]:
    """Where a comparable text demands something, of `demand` or `disposal`."""
    yield from _matches(plain, claim)


def says_multiple(text: str, allowed: str = "") -> str | None:
    """A quantity in words that has no unit: `el doble`."""
    return _found(text, "multiple", allowed)


def says_above(text: str, allowed: str = "") -> str | None:
    return _found(text, "above", allowed)


def says_below(text: str, allowed: str = "") -> str | None:
    return _found(text, "below", allowed)


def says_fine(text: str, allowed: str = "") -> str | None:
    """Words that call what was measured harmless: `normal`, `dentro de su límite`."""
    return _found(text, "fine", allowed)


@lru_cache(maxsize=65_536)
def _found(text: str, claim: str, allowed: str, unless_after: re.Pattern[str] | None = None) -> str | None:
    found = _matches(comparable(without_slots(text)), claim, unless_after)
    return first_not_in(allowed, (match.group() for match in found))


def _matches(plain: str, claim: str, unless_after: re.Pattern[str] | None = None) -> Iterator[re.Match[str]]:
    always, unless_negated = _patterns()[claim]
    if always:
        yield from always.finditer(plain)
    for match in unless_negated.finditer(plain) if unless_negated else ():
        before = plain[max(0, match.start() - SEEN_BEFORE) : match.start()]
        spoken_of = (NEGATED_BEFORE, STOPPED_BEFORE, *([unless_after] if unless_after else ()))
        if not any(pattern.search(before) for pattern in spoken_of):
            yield match


@cache
def _patterns() -> dict[str, tuple[re.Pattern[str] | None, re.Pattern[str] | None]]:
    """Per claim: what counts always, and what counts unless it is negated."""
    with PHRASES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def any_of(claim: str, where: str) -> re.Pattern[str] | None:
        phrases = [row["phrase"] for row in rows if (row["claim"], row["where"]) == (claim, where)]
        return re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)") if phrases else None

    return {claim: (any_of(claim, ALWAYS), any_of(claim, UNLESS_NEGATED)) for claim in {row["claim"] for row in rows}}
