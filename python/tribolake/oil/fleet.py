"""Put the machines of a fleet in the order in which to look at them, and choose among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.oil.questions.verdicts import IN_ALARM
from tribolake.oil.seeds import read_seed

Machine = Mapping[str, Any]
WITHOUT_URGENCY = "~"  # sorts behind U0 to U3


@dataclass(frozen=True)
class Choice:
    """Which machines are asked for. None and False ask for all.

    `urgency` is a word of the seed `urgencies`, such as `72h`. `family` is a kind of machine or a model.
    """

    urgency: str | None = None
    site: str | None = None
    family: str | None = None
    overdue: bool = False

    def includes(self, machine: Machine) -> bool:
        return (
            (self.urgency is None or machine["urgency"] == urgency_of(self.urgency))
            and (self.site is None or _same(self.site, machine["site"]))
            and (self.family is None or _same(self.family, machine["machine_name"], machine["machine_model"]))
            and (not self.overdue or bool(machine["days_overdue"]))
        )


def in_order(machines: Iterable[Machine]) -> list[dict[str, Any]]:
    """Return the machines, the one to look at first first.

    Those with a recent sample come first, then the strictest deadline, then the highest score. Publications of earlier
    releases have no deadlines.
    """
    return sorted(map(dict, machines), key=_place)


def score_that_orders(machine: Machine) -> float:
    """Return the score that orders machines of one deadline: points weighted by how critical a component is.

    Earlier releases published the sum of points only.
    """
    weighted = machine["weighted_machine_score"]
    return float(machine["machine_score"] if weighted is None else weighted)


def worse_component(machine: Machine) -> str | None:
    """Return the status of a machine's worst component in alarm. Returns None if the machine's own is as bad."""
    worst, overall = machine["worst_status"], machine["overall_status"]
    return worst if worst in IN_ALARM and overall not in (worst, "Anormal") else None


def with_deadline(machine: Machine, today: date) -> dict[str, Any]:
    """Return a machine with `days_overdue`, and with its days as text.

    `days_overdue` says for how many days its deadline is over. It is null before, and if the deadline has no day.
    """
    due, sampled = machine["deadline_on"], machine["first_sample_date"]
    late = (today - due).days if due else 0
    days = {"deadline_on": due and due.isoformat(), "first_sample_date": sampled and sampled.isoformat()}
    return {**machine, **days, "days_overdue": late if late > 0 else None}


def urgency_of(word: str) -> str:
    """Return the urgency that a word stands for.

    Raises:
        ConfigurationError: no row of the seed `urgencies` has the word.
    """
    words = {row["word"]: row["urgency"] for row in _urgencies()}
    if word not in words:
        raise ConfigurationError(f"urgency {word[:40]!r} is unknown: choose one of {', '.join(words)}")
    return words[word]


def word_of(urgency: str | None) -> str:
    """Return how commands call an urgency. Returns an empty text without one."""
    return next((row["word"] for row in _urgencies() if row["urgency"] == urgency), "")


def _place(machine: Machine) -> tuple[bool, str, float, float, float, str, str]:
    return (
        machine["is_recent"] is False,
        machine["urgency"] or WITHOUT_URGENCY,
        -(machine["weighted_machine_score"] or 0),
        -(machine["machine_score"] or 0),
        -(machine["priority_score"] or 0),
        machine["client"],
        machine["unit_id"],
    )


def _same(asked: str, *names: str | None) -> bool:
    return any(name is not None and asked.strip().casefold() == name.casefold() for name in names)


@cache
def _urgencies() -> tuple[dict[str, str], ...]:
    return tuple(read_seed("urgencies"))
