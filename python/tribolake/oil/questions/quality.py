"""Say how good the alarms and the data of a lake are, from published files and feedback alone.

Agreement with a laboratory is not prediction of failure: its verdict is another reading of the same sample. Only what
was found on the machine tells more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from tribolake.lake.objects import Objects
from tribolake.oil.contract import COMPONENTS, REJECTED, RESULTS
from tribolake.oil.feedback.entry import Entry, standing
from tribolake.oil.feedback.shelf import Feedback
from tribolake.oil.published_fleet import read_fleet
from tribolake.oil.questions.published import rows
from tribolake.oil.questions.quality_queries import (
    ALARMS,
    EXAMPLES,
    LIMITS,
    NOT_USED,
    OVERDUE,
    SAMPLING,
    SITES,
    UNMAPPED,
)
from tribolake.oil.questions.verdicts import verdicts_as_sql
from tribolake.settings import Settings
from tribolake.sql import literal
from tribolake.trace.manifests import published_runs

SHOWN_RUNS = 5
# Kinds of feedback that say what an alarm was worth, and whether it was right.
OUTCOMES = {"confirmed": True, "false_alarm": False, "nothing_found": False}


@dataclass(frozen=True)
class Quality:
    """How good alarms and data are. Shares are from 0 to 1, and None of nothing.

    `alarms` has a row for all reports, and one for each component, month and rule: `part` says which. `precision` is
    the share of alarms with a verdict for which the laboratory asks for action, `recall` the share of what it asks
    action for that is in alarm. `precision_found` and `recall_found` are the same for findings of engineers.
    """

    alarms: list[dict[str, Any]]
    limits: list[dict[str, Any]]  # those that decided most false alarms
    sampling: list[dict[str, Any]]
    overdue: list[dict[str, Any]]
    sites: list[dict[str, Any]]
    not_used: list[dict[str, Any]]
    examples: list[dict[str, Any]]
    unmapped: list[dict[str, Any]]
    published: list[dict[str, Any]]
    runs: dict[str, list[str]]  # the last ones that published a client

    def of_part(self, part: str) -> list[dict[str, Any]]:
        return [row for row in self.alarms if row["part"] == part]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_quality(settings: Settings, published: Objects, feedback: Mapping[str, Feedback], now: datetime) -> Quality:
    """Measure the alarms and the data of clients.

    Args:
        settings: the lake.
        published: its objects, pinned.
        feedback: of each client that is measured, by the name of its folder.
        now: the age of publications counts to it.

    Raises:
        ConfigurationError: nothing is published.
        PublishedEarlier: an earlier release published a client, without what is measured.
    """
    clients = sorted(feedback)
    values = {"verdicts": verdicts_as_sql(), "findings": _findings(feedback)}

    def ask(sql: str) -> list[dict[str, Any]]:
        needs = (RESULTS.name, COMPONENTS.name, REJECTED.name)
        return rows(settings, sql, clients, published, needs=needs, is_kept=True)

    fleet = read_fleet(published, clients, now)
    return Quality(
        alarms=ask(ALARMS.format(**values)),
        limits=ask(LIMITS.format(**values)),
        sampling=ask(SAMPLING),
        overdue=ask(OVERDUE),
        sites=ask(SITES),
        not_used=ask(NOT_USED),
        examples=ask(EXAMPLES),
        unmapped=ask(UNMAPPED),
        published=fleet.published,
        runs={one["client"]: _runs_until(published, one["client"], one["run_id"]) for one in fleet.published},
    )


def _runs_until(published: Objects, client: str, run_id: str) -> list[str]:
    """Return the last runs that published a client, up to the one that is read. Later ones may have published since."""
    return [run for run in published_runs(published, client) if run <= run_id][:SHOWN_RUNS]


def _findings(feedback: Mapping[str, Feedback]) -> str:
    """Return as SQL what engineers last said of each report: whether its alarm was right."""
    said: dict[tuple[str, ...], Entry] = {}
    for client, of_client in feedback.items():
        for entry in standing(of_client.entries):
            if entry.kind in OUTCOMES:
                said[client, *entry.sample] = entry
    listed = (f"({', '.join(map(literal, key))}, {OUTCOMES[said[key].kind]})" for key in sorted(said))
    return f"values {', '.join(listed)}" if said else "select '', '', '', '', false where false"
