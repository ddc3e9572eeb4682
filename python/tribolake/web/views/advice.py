"""What to do, in the language of the page. A run publishes it in its own language only.

A published text in another language is said again with the phrases of the seeds, from the published facts: status,
breaches, rules, steps and deadline. What only the published text has, such as a trend, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from tribolake.oil.questions.report import ShownReport
from tribolake.web.views.actions import finding_of, steps_of
from tribolake.web.views.parts import BANDS, Breach, deciding_breaches
from tribolake.web.views.values import number_of, text_of
from tribolake.web.words import LANGUAGES, Words, words_in

FIXED = ("fixed.normal", "fixed.marginal", "fixed.additives", "fixed.not_evaluated", "fixed.not_evaluated_breached")
OPENINGS = ("opening.plain", "opening.breaches_first", "opening.critical", "opening.rising", "opening.laboratory")
OF_MACHINES = ("first", "then", "normal", "not_evaluated", "stale", "nothing", "overdue", "not_recent")
NAMED_RULES = 2  # after the one that decides
NAMED_BREACHES = 6
NAMED_BREACHES_OF_MACHINE = 2
NAMED_COMPONENTS = 3  # after the first
SHORTEST_PIECE = 6  # letters that tell a language
Row = Mapping[str, Any]


def report_advice(found: ShownReport, words: Words) -> str:
    """Return what to do about a report."""
    report = found.report
    text = report["ai_recommendation"] or ""
    if _is_said_in(words.language, text, (*FIXED, *OPENINGS)):
        return text
    if not report["rule_ids"]:
        phrase = next((name for name in FIXED if _pieces_in(text, name)), "")
        breaches = _listed(_breaches(found.values, words), NAMED_BREACHES, words)
        return _filled(words, phrase, breaches=breaches) if phrase else text
    opening = _filled(
        words,
        OPENINGS[0],
        component=words.family(report["componentNameNormalized"]) or words.family("otro"),
        status=words.status(report["report_status"]),
        breaches=_listed(_breaches([row for row in found.values if row["decides"]], words), NAMED_BREACHES, words),
    )
    others = [finding_of([rule], words) for rule in report["rule_ids"][1 : 1 + NAMED_RULES]]
    also = _filled(words, "report.also", names="; ".join(filter(None, others))) if any(others) else ""
    return " ".join(filter(None, (opening, *_cause_and_action(report, "", words), also)))


def machine_advice(machine: Row, components: Sequence[Row], words: Words) -> str:
    """Return what to do about a machine. `components` are those of `component_status`, the most urgent first."""
    text = machine["machine_ai_recommendation"] or ""
    if _is_said_in(words.language, text, [f"machine.{name}" for name in OF_MACHINES]):
        return text
    alarms = [row for row in components if row["points"] and row["rule_ids"] and not row["is_stale"]]
    said = [_about_time(machine, words)]
    if alarms:
        said += [_about_first(alarms[0], words), _about_next(alarms[1:], words)]
    elif count := sum(row["status"] == "Normal" and not row["is_stale"] for row in components):
        said.append(_filled(words, "machine.normal", count=words.number(count)))
    else:
        said.append(_filled(words, "machine.nothing"))
    for phrase, found in (
        (
            "machine.not_evaluated",
            [row for row in components if row["status"] == "Sin evaluar" and not row["is_stale"]],
        ),
        ("machine.stale", [row for row in components if row["is_stale"]]),
    ):
        if found:
            said.append(_filled(words, phrase, components=", ".join(row["component"] for row in found)))
    return " ".join(filter(None, said))


def _about_time(machine: Row, words: Words) -> str:
    """Return that the samples are old, or that the deadline is over."""
    if machine["is_recent"] is False:
        date, days = words.day(machine["latest_sample_date"]), words.number(machine["days_behind_client"])
        return _filled(words, "machine.not_recent", date=date, days=days)
    return _filled(words, "machine.overdue", due=words.day(machine["deadline_on"])) if machine["days_overdue"] else ""


def _about_first(row: Row, words: Words) -> str:
    cause, deadline, action = _cause_and_action(row, words.day(row["deadline_on"]), words)
    first = _filled(
        words,
        "machine.first",
        component=row["component"],
        status=words.status(row["status"]),
        date=words.day(row["sample_date"]),
        breaches=_listed(deciding_breaches(row, words), NAMED_BREACHES_OF_MACHINE, words),
        cause=cause,
        deadline=deadline,
        action=action,
    )
    return " ".join(first.split())


def _about_next(rows: Sequence[Row], words: Words) -> str:
    items = [
        _filled(
            words,
            "machine.item",
            component=row["component"],
            status=words.status(row["status"]),
            name=finding_of(row["rule_ids"], words),
        )
        for row in rows[:NAMED_COMPONENTS]
    ]
    more = len(rows) - len(items)
    ending = f" {_filled(words, 'machine.more', count=words.number(more))}" if more > 0 else ""
    return _filled(words, "machine.then", components="; ".join(items) + ending) if items else ""


def _cause_and_action(row: Row, due: str, words: Words) -> tuple[str, str, str]:
    """Return the cause, the deadline and the steps of the rule that decides. `due` is the last day, if it is known."""
    rule, urgency = row["rule_ids"][0], row["urgency"]
    deadline = _filled(words, f"due.{urgency}", due=due) if due else ""
    steps = "; ".join(words.of_field(step, "") for step in steps_of(row["ai_recommendation"], rule))
    action = f"{steps[:1].upper()}{steps[1:]}." if steps else ""
    return words.of_field(f"{rule}.cause", ""), deadline or _filled(words, f"deadline.{urgency}"), action


def _breaches(values: Sequence[Row], words: Words) -> list[Breach]:
    """Return the breaches among the values of a report, the worst band first."""
    found = sorted((row for row in values if row["status"] in BANDS), key=lambda row: list(BANDS).index(row["status"]))
    return [_breach(row, number_of(row["value"]), words) for row in found]


def _breach(row: Row, value: float | None, words: Words) -> Breach:
    limit, band = row["limit"], row["status"]
    return Breach(
        words.essay(row["essay"]),
        text_of(row["value"], words),
        words.number(limit),
        words.unit(row["unit"]) if value is not None else "",
        words(f"band.{band}"),
        BANDS[band],
        words("breach.low") if None not in (value, limit) and value < limit else "",
    )


def _listed(breaches: Sequence[Breach], most: int, words: Words) -> str:
    return ", ".join(_said(breach, words) for breach in breaches[:most])


def _said(breach: Breach, words: Words) -> str:
    phrase = ("breach.limit_low" if breach.low else "breach.limit") if breach.limit else "breach.code"
    value = f"{breach.value} {breach.unit}".strip()
    return _filled(words, phrase, essay=breach.essay, value=value, limit=breach.limit, band=breach.band)


def _filled(words: Words, phrase: str, **values: str) -> str:
    return words.of_field(phrase, "").format(**values)


def _is_said_in(language: str, text: str, phrases: Sequence[str]) -> bool:
    """Return whether a published text has phrases of a language, and no more of another. Unknown ones are of each."""
    found = {
        one: sum(len(piece) for name in phrases for piece in _pieces(name, one) if piece in text) for one in LANGUAGES
    }
    return found[language] == max(found.values())


def _pieces_in(text: str, phrase: str) -> bool:
    return any(text.startswith(_pieces(phrase, language)[:1]) for language in LANGUAGES)


@cache
def _pieces(phrase: str, language: str) -> tuple[str, ...]:
    """Return what a phrase says between its places for values."""
    pieces = re.split(r"\{\w+\}", words_in(language).of_field(phrase, ""))
    return tuple(piece.strip() for piece in pieces if len(piece.strip()) >= SHORTEST_PIECE)
