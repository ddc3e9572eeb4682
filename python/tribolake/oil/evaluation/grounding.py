"""Compare the numbers of a text with the facts of its row: some have no ground, some belong to another essay.

The package's documentation says what is grounded and what is exempt.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tribolake.oil.evaluation.clauses import blanked, clauses, folded, normal
from tribolake.oil.evaluation.essay_names import Mention, mentions, published_essays
from tribolake.oil.evaluation.pairing import paired
from tribolake.oil.evaluation.quantities import TIMES, Quantity, quantities
from tribolake.oil.evaluation.reports import Breach, Report

ROUNDED_BY = 0.05  # at most, as a share of the value
POINTS = 1.0  # tolerance of a percentage that follows from a breach
TEMPERATURES = frozenset({40.0, 100.0})
MOST_COUNTED = 60  # samples to take, essays out of limits
LEAST_DIGITS_OF_A_NAME = 5  # a model such as 330 may be a value too
IDENTIFIER = re.compile(
    r"(?<![\w.,])(?=[\w-]{0,40}[a-z])(?!\d+(?:[.,]\d+)?[a-zμ%/]+(?!\w|-\w))[\w]*\d[\w]*(?:[-_/]\w+)*"
)
ISO_CODE = re.compile(r"(?<![\d/])>?\d{1,2}/\d{1,2}(?:/\d{1,2})?(?![\d/])")
GRADE = re.compile(
    r"\biso[ -]?(?:4406|vg ?\d+|\d{4,5})(?::\d{4})?|\bsae ?\d+w?(?:-\d+)?|\b\d{1,2}w(?:-?\d{2})?\b|"
    r"\bastm ?[a-z]?-?\d+|\bvg ?\d+|\bapi [a-z]{2}-?\d"
)
LIST_NUMBER = re.compile(r"(?:^|[\n;.:)]\s{0,3})\(?\d{1,2}[).](?=\s)")
DATE = re.compile(r"(?<!\d)(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}))(?!\d)")
CHANGE_OF = re.compile(
    r"aument|increment|disminu|reduc|subi|baj|caid|cayo|super|exced|encima|debajo|mas que|menos que|mayor|menor|"
    r"respecto|increas|decreas|drop|fall|rose|risen|above|below|higher|lower|over|exceed|versus"
)
COUNTED = re.compile(
    r"\s(?:muestras?|analisis|samples?|turnos?|shifts?|servicios?|services?|ciclos?|cycles?|ensayos?|"
    r"parametros?|elementos?|essays?|parameters?|elements?|resultados?|results?|reglas?|niveles?|veces al|"
    r"mas(?! que| de)|more(?! than))\b"
)


@dataclass(frozen=True)
class Grounding:
    """The numbers of a text, compared with its row. A wrong number is given with the words around it."""

    numbers: int  # that claim something about a measurement
    ungrounded: tuple[str, ...]
    paired: int  # grounded numbers next to their own essay
    mispaired: tuple[str, ...]
    named: frozenset[str]  # essays


def grounding_of(text: str, report: Report) -> Grounding:
    """Compare every number of a text, in Spanish or English, with its row."""
    plain = normal(text)
    names = mentions(plain)
    simple = _without_identifiers(folded(plain), names, report)
    claimed = [
        number for number in quantities(simple) if not _is_exempt(number, simple) and not _is_hour(number, report)
    ]
    facts = _facts(report)
    stating, bad = [], []
    for number in claimed:
        if _states_any(number, facts):
            stating.append(number)
        elif not _follows(number, simple, names, report.breaches):
            bad.append(number)
    right, wrong = _pairs(simple, names, stating, facts)
    return Grounding(
        len(claimed),
        tuple(_shown(plain, number) for number in bad),
        right,
        tuple(_shown(plain, number) for number in wrong),
        frozenset().union(*(name.essays for name in names)),
    )


def _without_identifiers(simple: str, names: Sequence[Mention], report: Report) -> str:
    text = blanked(simple, (found.span() for pattern in (GRADE, ISO_CODE) for found in pattern.finditer(simple)))
    text = blanked(text, ((name.start, name.end) for name in names))
    for name in report.names:
        if any(map(str.isdigit, name)) and not (name.isdigit() and len(name) < LEAST_DIGITS_OF_A_NAME):
            spelled = re.escape(folded(normal(name))).replace("_", "[_-]")
            text = blanked(text, (found.span() for found in re.finditer(rf"(?<!\w){spelled}(?!\w)", text)))
    text = blanked(text, (found.span() for found in DATE.finditer(text) if _is_date_of(found, report.dates)))
    for pattern in (LIST_NUMBER, IDENTIFIER):
        text = blanked(text, (found.span() for found in pattern.finditer(text)))
    return text


def _is_date_of(found: re.Match[str], dates: Sequence[date] | None) -> bool:
    year, month, day = (found[1], found[2], found[3]) if found[1] else (found[6], found[5], found[4])
    return dates is None or (int(year), int(month), int(day)) in {(day.year, day.month, day.day) for day in dates}


def _is_exempt(number: Quantity, text: str) -> bool:
    return (
        number.unit in TIMES
        or number.unit == "µm"
        or (number.unit == "°C" and bool(number.values & TEMPERATURES))
        or (min(number.values) <= MOST_COUNTED and bool(COUNTED.match(text, number.end)))
    )


def _is_hour(number: Quantity, report: Report) -> bool:
    return not number.unit and any(_matches(number, hours) for hours in report.hours)


def _follows(number: Quantity, text: str, names: Sequence[Mention], breaches: Sequence[Breach]) -> bool:
    """Return whether a number is a ratio or a percentage that follows from a breach."""
    if number.unit == "times":
        return any(_is_about(number, ratio, 0.1 * ratio) for ratio in _ratios(breaches))
    if number.unit == "%":
        shares = (share for ratio in _ratios(breaches) for share in (100 * ratio, abs(100 * ratio - 100)))
        return any(_is_about(number, share, POINTS) for share in shares) or _is_change(number, text, names)
    return False


def _is_change(number: Quantity, text: str, names: Sequence[Mention]) -> bool:
    """Return whether a percentage is one of change: the last named essay is not measured in per cent."""
    start, end = next((first, last) for first, last in clauses(text) if first <= number.start <= last)
    before = [name for name in names if start <= name.start < number.start]
    in_percent = before and any(published_essays()[essay]["unit"] == "%" for essay in before[-1].essays)
    return not in_percent and bool(CHANGE_OF.search(text, start, end))


def _facts(report: Report) -> dict[str, list[float]]:
    """Return the numbers of the row by essay, the ones that texts repeat most first."""
    facts: dict[str, list[float]] = defaultdict(list)
    for breach in report.breaches:
        facts[breach.essay] += [n for n in (breach.value, breach.limit, *breach.further) if n is not None]
    for measured in (report.measured, report.previous):
        for essay, value in measured.items():
            facts[essay].append(value)
    for essay, bounds in report.bounds.items():
        facts[essay] += bounds
    return facts


def _states_any(number: Quantity, facts: Mapping[str, list[float]]) -> bool:
    return any(_states(number, essay, known) for essay, known in facts.items())


def _states(number: Quantity, essay: str, facts: Sequence[float]) -> bool:
    """Return whether a number is a fact of an essay. A percentage is one of an essay in per cent only."""
    is_in_percent = number.unit == "%" and published_essays().get(essay, {}).get("unit") != "%"
    return not is_in_percent and number.unit != "times" and any(_matches(number, fact) for fact in facts)


def _ratios(breaches: Sequence[Breach]) -> list[float]:
    return [breach.value / breach.limit for breach in breaches if breach.value is not None and breach.limit]


def _matches(number: Quantity, fact: float) -> bool:
    if not math.isfinite(fact):
        return False
    return any(
        abs(value - abs(fact)) <= min(0.5 * 10**-decimals, ROUNDED_BY * abs(fact)) + 1e-9
        for value, decimals in number.readings
    )


def _is_about(number: Quantity, wanted: float, by: float) -> bool:
    return any(abs(value - wanted) <= by for value in number.values)


def _pairs(
    text: str, names: Sequence[Mention], stating: Sequence[Quantity], facts: Mapping[str, list[float]]
) -> tuple[int, list[Quantity]]:
    """Return how many numbers are next to their own essay, and the numbers next to another."""
    right, wrong = 0, []
    for group in paired(text, names, [(number.start, number.end) for number in stating]):
        members = [stating[i] for i in group.references]
        fits = [
            [
                any(_states(number, essay, facts.get(essay, ())) for essay in essays)
                for number, essays in zip(members, reading, strict=True)
            ]
            for reading in group.readings
        ]
        best = max(fits, key=sum)
        right += sum(best)
        wrong += [number for number, is_right in zip(members, best, strict=True) if not is_right]
    return right, wrong


def _shown(text: str, number: Quantity) -> str:
    return " ".join(text[max(0, number.start - 30) : number.end + 12].split())
