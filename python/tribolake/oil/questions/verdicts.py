"""What verdicts of laboratories mean, and whether they agree with a status."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from tribolake.oil.seeds import read_seed
from tribolake.sql import literal

IN_ALARM = ("Alerta", "Anormal")
ASKING = ("action", "urgent")
OPEN = "unknown"
Agreement = Literal[
    "both_alarm", "both_calm", "stricter", "laboratory_stricter", "not_evaluated", "open", "not_declared", "silent"
]


@cache
def meanings() -> Mapping[tuple[str, str], bool | None]:
    """Return whether each verdict asks for action, by laboratory and text in lower case. None leaves it open."""
    return {
        (row["laboratory"], row["text"].lower()): None if row["verdict"] == OPEN else row["verdict"] in ASKING
        for row in read_seed("lab_verdicts")
    }


@cache
def verdicts_as_sql() -> str:
    """Return laboratory, text in lower case, and whether it asks for action. One that leaves it open says nothing."""
    return "values " + ", ".join(
        f"({literal(laboratory)}, {literal(text)}, {asks})"
        for (laboratory, text), asks in meanings().items()
        if asks is not None
    )


def agreement_of(report: Mapping[str, Any]) -> Agreement:
    """Return whether a report agrees with its laboratory: who sees an alarm, and whose verdict says nothing.

    A report that could not be evaluated agrees with nothing. If the laboratory asks for action, it is the stricter one:
    alarm quality counts it as missed.
    """
    text = report["labVerdict"]
    if not text:
        return "silent"
    key = (report["laboratory"], text.lower())
    if key not in meanings():
        return "not_declared"
    asks = meanings()[key]
    if asks is None:
        return "open"
    if report["report_status"] in IN_ALARM:
        return "both_alarm" if asks else "stricter"
    if asks:
        return "laboratory_stricter"
    return "both_calm" if report["report_status"] == "Normal" else "not_evaluated"
