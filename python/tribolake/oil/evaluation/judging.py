"""Judge one text by its row: find everything that is wrong with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tribolake.oil.evaluation.change_advice import advises_change
from tribolake.oil.evaluation.claims import calms, is_error, promises
from tribolake.oil.evaluation.clauses import normal
from tribolake.oil.evaluation.essay_names import essays_of_group
from tribolake.oil.evaluation.grounding import grounding_of
from tribolake.oil.evaluation.language import is_another_language
from tribolake.oil.evaluation.reports import Report

MOST_WORDS = 150
HURRIED = frozenset({"U0", "U1"})
DIGITS = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Judged:
    """The findings of a row. `problems` are (field of `Scores`, reason)."""

    sample: str
    is_in_alarm: bool
    has_text: bool
    is_only_additives: bool = False
    is_hurried: bool = False
    numbers: int = 0
    paired: int = 0
    critical: int = 0
    words: int = 0
    fingerprint: bytes = b""
    masked_fingerprint: bytes = b""
    problems: tuple[tuple[str, str], ...] = ()
    shown: str = ""

    def count(self, score: str) -> int:
        return sum(name == score for name, _ in self.problems)


def judge(report: Report, language: str) -> Judged:
    """Judge the text of a row in the language that it should have."""
    text = (report.text or "").strip()
    if not text:
        missing = (("missing", "a report in alarm has no text"),) if report.is_in_alarm else ()
        return Judged(report.sample, report.is_in_alarm, has_text=False, problems=missing)
    grounding = grounding_of(text, report)
    critical = [breach.essay for breach in report.breaches if breach.band.lower().startswith("cr")]
    unnamed = [essay for essay in critical if essay not in grounding.named]
    words = len(text.split())
    problems = [
        *(("ungrounded", f"no ground in the report: {shown}") for shown in grounding.ungrounded),
        *(("mispaired", f"a number of another essay: {shown}") for shown in grounding.mispaired),
        *(("critical_unnamed", f"critical, and not named: {essay}") for essay in unnamed),
        *_of_text(report, text, language, words),
    ]
    return Judged(
        report.sample,
        report.is_in_alarm,
        has_text=True,
        is_only_additives=is_only_additives(report),
        is_hurried=report.urgency in HURRIED,
        numbers=grounding.numbers,
        paired=grounding.paired,
        critical=len(critical),
        words=words,
        fingerprint=_fingerprint(text),
        masked_fingerprint=_fingerprint(DIGITS.sub("0", normal(text))),
        problems=tuple(problems),
        shown=text[:300] if problems else "",
    )


def is_only_additives(report: Report) -> bool:
    return bool(report.breaches) and {breach.essay for breach in report.breaches} <= essays_of_group("Aditivo")


def _of_text(report: Report, text: str, language: str, words: int) -> Iterator[tuple[str, str]]:
    if is_only_additives(report) and (advised := advises_change(text)):
        yield "additive_rule_broken", f"only additives are out of limits, and the text advises: {advised}"
    if (error := is_error(text)) is not None:
        yield "errors", f"no advice: {error}"
    if words > MOST_WORDS:
        yield "too_long", f"{words} words"
    if is_another_language(text, language):
        yield "other_language", f"not in {language}"
    if (promised := promises(text)) is not None:
        yield "promises", f"promises: {promised}"
    if report.urgency in HURRIED and (calming := calms(text)):
        yield "calming", f"urgency {report.urgency}, and the text says: {calming}"


def _fingerprint(text: str) -> bytes:
    return hashlib.blake2b(" ".join(text.split()).encode(errors="replace"), digest_size=12).digest()
