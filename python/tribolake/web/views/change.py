"""What would change the status of a report: the least that lowers it, and what is nearest to raising it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tribolake.oil.limits.status_change import Condition, Outcome, StatusChange
from tribolake.oil.limits.variants import ABSENT
from tribolake.oil.questions.verdicts import IN_ALARM
from tribolake.web.views.parts import Status, coded, status_of
from tribolake.web.views.values import text_of
from tribolake.web.words import Words

SIGNS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥"}
HIGHEST = "Anormal"


@dataclass(frozen=True)
class Needed:
    """A result that another status needs, and what it is now."""

    text: str
    now: str


@dataclass(frozen=True)
class Way:
    """Results that give another status. `title` says what this is the least or the nearest of."""

    title: str
    needed: tuple[Needed, ...]
    status: Status


@dataclass(frozen=True)
class ChangePart:
    """What a page says. Without an answer `href` asks for one, and `says` tells why there is none."""

    href: str | None = None
    says: str = ""
    lowers: tuple[Way, ...] = ()
    raises: tuple[Way, ...] = ()
    none: tuple[str, ...] = ()

    @property
    def is_answer(self) -> bool:
        return bool(self.lowers or self.raises or self.none)


def change_part(
    found: StatusChange, report: Mapping[str, Any], values: Sequence[Mapping[str, Any]], words: Words
) -> ChangePart:
    """Return what would change the status of a report.

    Args:
        found: the answer of the models.
        report: as it is published.
        values: its results, as :class:`ShownReport` has them.
        words: the language.
    """
    status = report["report_status"]
    if found.status != status:
        return ChangePart(says=words("change.judged_otherwise"))
    shown = {row["essay"]: row for row in values}

    def way(title: str, outcome: Outcome) -> Way:
        needed = (_needed(one, shown[one.essay], words) for one in outcome.conditions)
        return Way(title, tuple(needed), status_of(outcome.status, words))

    least = words("change.lowers_all" if found.lowers and found.lowers.is_all else "change.lowers")
    none = []
    if found.lowers is None and status in IN_ALARM:
        none.append(words("change.no_lower"))
    if not found.raises and status != HIGHEST:
        none.append(words("change.no_raise"))
    return ChangePart(
        lowers=(way(least, found.lowers),) if found.lowers else (),
        raises=tuple(way(words("change.raises"), one) for one in found.raises),
        none=tuple(none),
    )


def _needed(condition: Condition, row: Mapping[str, Any], words: Words) -> Needed:
    essay, now = words.essay(condition.essay), text_of(row["value"], words)
    if condition.code is not None:
        code = words("change.absent") if condition.code == ABSENT else coded(condition.code, words)
        return Needed(words("change.code", essay=essay, code=code), now)
    text = f"{essay} {SIGNS[condition.sign]} {words.number(condition.bound)} {words.unit(row['unit'])}"
    return Needed(text.strip(), now)
