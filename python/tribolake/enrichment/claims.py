"""What no recommendation may claim: that all is well, that a failure is impossible or proven, that there was a trend.

Each function gives the words that claim it, or None. They read Spanish and English, whatever the language of the text:
a model that slips into the other one must not slip through. The phrases are rows of `claims.csv`: patterns of folded
text, that count always or `unless negated`, as in `no puede esperar`.
"""

from __future__ import annotations

import csv
import re
from functools import cache, lru_cache
from pathlib import Path

from tribolake.enrichment.sentences import folded, normal, without_slots

PHRASES = Path(__file__).with_name("claims.csv")
ALWAYS, UNLESS_NEGATED = "always", "unless negated"
NEGATED_BEFORE = re.compile(
    r"(?:\b(?:no|not|nothing|none|nada|ningun[ao]?|nunca|never|cannot|tampoco|evite|avoid|without|sin|ni|nor|antes|before)\b|n't)"
    r"(?:\s\w{1,6}){0,2}\s$"
)
CONDITION_BEFORE = re.compile(r"\b(?:si|cuando|hasta que|mientras|if|whether|when|until|once)\b[^.;]{0,80}$")
SEEN_BEFORE = 100  # characters in which a negation or a condition is looked for


def calms(text: str) -> str | None:
    """Words that tell the reader to wait or to go on as before."""
    return _found(text, "calm")


def promises(text: str) -> str | None:
    """Words that say that a failure is impossible, or that anything is certain."""
    return _found(text, "promise")


def claims_proof(text: str) -> str | None:
    """Words that take one sample for a proof; `si otra muestra confirma el desgaste` does not."""
    return _found(text, "proof", unless_after=CONDITION_BEFORE)


def claims_trend(text: str) -> str | None:
    """Words that compare with earlier samples."""
    return _found(text, "trend")


def sets_deadline(text: str, urgency: str) -> str | None:
    """Words that set a deadline, or that press more than an urgency does."""
    at_once = _found(text, "at once") if urgency != "U0" else None
    soon = _found(text, "soon") if urgency not in {"U0", "U1"} else None
    return at_once or soon or _found(text, "deadline")


def says_multiple(text: str) -> str | None:
    """A quantity in words that has no unit: `el doble`."""
    return _found(text, "multiple")


def says_above(text: str) -> str | None:
    return _found(text, "above")


def says_below(text: str) -> str | None:
    return _found(text, "below")


@lru_cache(maxsize=65_536)
def _found(text: str, claim: str, unless_after: re.Pattern[str] | None = None) -> str | None:
    plain = " ".join(folded(normal(without_slots(text))).replace("’", "'").split())
    always, unless_negated = _patterns()[claim]
    if always and (match := always.search(plain)):
        return match.group()
    for match in unless_negated.finditer(plain) if unless_negated else ():
        before = plain[max(0, match.start() - SEEN_BEFORE) : match.start()]
        if not (NEGATED_BEFORE.search(before) or (unless_after and unless_after.search(before))):
            return match.group()
    return None


@cache
def _patterns() -> dict[str, tuple[re.Pattern[str] | None, re.Pattern[str] | None]]:
    """Per claim: what counts always, and what counts unless it is negated."""
    with PHRASES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def any_of(claim: str, where: str) -> re.Pattern[str] | None:
        phrases = [row["phrase"] for row in rows if (row["claim"], row["where"]) == (claim, where)]
        return re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)") if phrases else None

    return {claim: (any_of(claim, ALWAYS), any_of(claim, UNLESS_NEGATED)) for claim in {row["claim"] for row in rows}}
