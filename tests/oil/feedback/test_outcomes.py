"""Test what is counted where other limits are compared with published ones."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tribolake.oil.feedback.entry import Entry, new_entry, standing
from tribolake.oil.limits.impact import Alarms, impact_of
from tribolake.oil.limits.trial import Judged

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAMPLE = {
    "laboratory": "als", "sample_number": "1", "sample_occurrence": "", "sample_date": date(2026, 2, 1),
    "status_before": "Anormal", "status_after": "Normal", "wants_action": False,
}  # fmt: skip


def about(sample: dict, kind: str, **said: str) -> Entry:
    report = {"client": "cda", "unitId": "T_09", "componentName": "motor", "laboratory": sample["laboratory"]}
    report |= {"sampleNumber": sample["sample_number"], "sampleOccurrence": sample["sample_occurrence"]}
    return new_entry(report, kind, "A", NOW, **said)


def test_changed_samples_have_what_was_said_of_them():
    confirmed = about(SAMPLE, "confirmed", finding="bearing")
    false_alarm = about(SAMPLE, "false_alarm")
    back = about(SAMPLE, "withdrawn", withdraws=false_alarm.entry_id)
    others = [SAMPLE | {"sample_occurrence": "x"}, SAMPLE | {"laboratory": "finning"}]
    told = impact_of(Judged(3, [SAMPLE, *others]), standing((confirmed, confirmed, false_alarm, back)))
    assert [sample["feedback"] for sample in told.changed] == [["confirmed"], [], []]
    assert told.lost == told.changed[:1]
    both = impact_of(Judged(1, [SAMPLE]), (confirmed, false_alarm, about(SAMPLE, "seen")))
    assert (both.said("confirmed"), both.said("false_alarm")) == (1, 1)


def test_alarms_are_confirmed_by_laboratory_or_finding():
    kept = SAMPLE | {"sample_number": "2", "status_after": "Alerta", "wants_action": True}
    quiet = SAMPLE | {"sample_number": "3", "status_before": "Normal", "wants_action": True}
    risen = SAMPLE | {"sample_number": "4", "status_before": "Normal", "status_after": "Alerta"}
    left_out = SAMPLE | {"sample_number": "5", "status_after": None}
    entries = (about(kept, "confirmed", finding="bearing"), about(risen, "false_alarm"))
    found = impact_of(Judged(9, [SAMPLE, kept, quiet, risen, left_out]), entries)
    assert found.before == Alarms(3, 1, 1, 1, 0, 1, 1, 0)
    assert found.after == Alarms(2, 1, 1, 1, 1, 1, 1, 0)
    assert [row["sample_number"] for row in found.changed] == ["1", "2", "4", "5"]
    assert found.lost == [], "an alarm that is milder is still one"


def test_finding_that_no_alarm_has_is_missed():
    quiet = SAMPLE | {"status_before": "Normal", "status_after": "Normal"}
    found = impact_of(Judged(1, [quiet]), (about(quiet, "confirmed", finding="bearing"),))
    assert (found.before.missed, found.before.missed_findings, found.changed, found.lost) == (1, 1, [], [])
