"""Count the findings of all texts of a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from tribolake.oil.evaluation.judging import Judged


@dataclass(frozen=True)
class Scores:
    """Counts, and shares from 0 to 1. A share of nothing is None.

    Less is better, except for `paired_numbers`, `numbers_grounded`, `critical_named` and `words_median`.
    """

    reports: int
    in_alarm: int  # reports of another status than Normal and Sin evaluar
    texts: int
    missing: float | None  # of the reports in alarm: no text
    ungrounded: float | None  # of the texts: a number without a ground
    numbers_grounded: float | None  # of the numbers that claim something
    mispaired: float | None  # of the texts: a number next to another essay than its own
    paired_numbers: float | None  # of the numbers next to an essay: next to their own
    only_additives: int  # texts of reports where only additives are out of limits
    additive_rule_broken: float | None  # of those: advises to change oil or a component
    critical_breaches: int
    critical_named: float | None  # of the critical breaches: named
    critical_unnamed: float | None  # of the texts: a critical breach not named
    too_long: float | None  # of the texts: more than 150 words
    words_median: int | None
    other_language: float | None
    identical: float | None  # of the texts: the same as an earlier one
    identical_but_numbers: float | None  # the same except for digits
    errors: float | None  # an error or a refusal instead of advice
    promises: float | None  # says that a failure is impossible, or that something is certain
    calming: float | None  # of the texts at urgency U0 or U1: tells the reader to wait

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def scores_of(judged: Iterable[Judged]) -> Scores:
    """Compute the scores of judged rows."""
    rows = list(judged)
    texts = [row for row in rows if row.has_text]
    alarms = [row for row in rows if row.is_in_alarm]
    additives = [row for row in texts if row.is_only_additives]
    hurried = [row for row in texts if row.is_hurried]
    numbers = sum(row.numbers for row in texts)
    paired = sum(row.paired for row in texts)
    critical = sum(row.critical for row in texts)
    ungrounded, mispaired, unnamed = (
        sum(row.count(score) for row in texts) for score in ("ungrounded", "mispaired", "critical_unnamed")
    )
    lengths = sorted(row.words for row in texts)
    return Scores(
        reports=len(rows),
        in_alarm=len(alarms),
        texts=len(texts),
        missing=_share_with("missing", alarms),
        ungrounded=_share_with("ungrounded", texts),
        numbers_grounded=_share(numbers - ungrounded, numbers),
        mispaired=_share_with("mispaired", texts),
        paired_numbers=_share(paired, paired + mispaired),
        only_additives=len(additives),
        additive_rule_broken=_share_with("additive_rule_broken", additives),
        critical_breaches=critical,
        critical_named=_share(critical - unnamed, critical),
        critical_unnamed=_share_with("critical_unnamed", texts),
        too_long=_share_with("too_long", texts),
        words_median=lengths[len(lengths) // 2] if lengths else None,
        other_language=_share_with("other_language", texts),
        identical=_share(len(texts) - len({row.fingerprint for row in texts}), len(texts)),
        identical_but_numbers=_share(len(texts) - len({row.masked_fingerprint for row in texts}), len(texts)),
        errors=_share_with("errors", texts),
        promises=_share_with("promises", texts),
        calming=_share_with("calming", hurried),
    )


def _share_with(score: str, rows: list[Judged]) -> float | None:
    return _share(sum(row.count(score) > 0 for row in rows), len(rows))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
