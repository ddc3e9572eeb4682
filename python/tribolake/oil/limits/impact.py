"""What other limits would do to alarms: how many, which of them are confirmed, which are missed, what changes.

One function counts for `limits diff`, `limits check` and the pages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tribolake.oil.feedback.alerts import key_of_sample
from tribolake.oil.feedback.entry import Entry
from tribolake.oil.limits.trial import Judged
from tribolake.oil.questions.verdicts import IN_ALARM

OUTCOMES = ("confirmed", "false_alarm")  # feedback that says whether an alarm was right
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Alarms:
    """Reports in alarm. The laboratory confirms an alarm if it asks for action, people if they found something.

    `missed` are reports that one of both confirms, and that are not in alarm.
    """

    alarms: int
    confirmed: int
    confirmed_by_laboratory: int
    confirmed_by_finding: int
    said_false: int
    missed: int
    missed_by_laboratory: int
    missed_findings: int


@dataclass(frozen=True)
class Impact:
    """Alarms before and after, and the reports whose status would change, the newest first.

    `lost` are alarms with a confirmed finding that would be none. Rows have `feedback`, and those of `Judged`.
    """

    reports: int
    before: Alarms
    after: Alarms
    changed: list[dict[str, Any]]
    lost: list[dict[str, Any]]

    def lost_first(self) -> list[tuple[dict[str, Any], bool]]:
        """Return the changed reports, each with whether its alarm would be lost: those that would, then the newest."""
        lost = {key_of_sample(row) for row in self.lost}
        marked = [(row, key_of_sample(row) in lost) for row in self.changed]
        return sorted(marked, key=lambda one: not one[1])

    def said(self, kind: str) -> int:
        """Return the number of changed reports of which somebody said this."""
        return sum(kind in row["feedback"] for row in self.changed)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def impact_of(judged: Judged, entries: Sequence[Entry]) -> Impact:
    """Count what a judgement would do. `entries` are those of feedback that stand."""
    said = _said(entries)
    rows = [row | {"feedback": sorted(said.get(key_of_sample(row), ()))} for row in judged.rows]
    changed = [row for row in rows if row["status_before"] != row["status_after"]]
    lost = [
        row
        for row in changed
        if "confirmed" in row["feedback"] and row["status_before"] in IN_ALARM and row["status_after"] not in IN_ALARM
    ]
    findings = {key for key, kinds in said.items() if "confirmed" in kinds}
    before, after = (_alarms(rows, f"status_{side}", findings) for side in ("before", "after"))
    return Impact(judged.reports, before, after, changed, lost)


def _said(entries: Sequence[Entry]) -> Mapping[Key, set[str]]:
    kinds: dict[Key, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.kind in OUTCOMES:
            kinds[entry.sample].add(entry.kind)
    return kinds


def _alarms(rows: Sequence[dict[str, Any]], status: str, findings: Collection[Key]) -> Alarms:
    alarms = [row for row in rows if row[status] in IN_ALARM]
    by_laboratory = {key_of_sample(row) for row in rows if row["wants_action"]}
    in_alarm = {key_of_sample(row) for row in alarms}
    confirmed = by_laboratory | set(findings)
    return Alarms(
        len(alarms),
        len(in_alarm & confirmed),
        len(in_alarm & by_laboratory),
        len(in_alarm & set(findings)),
        sum("false_alarm" in row["feedback"] for row in alarms),
        len(confirmed - in_alarm),
        len(by_laboratory - in_alarm),
        len(set(findings) - in_alarm),
    )
