"""Test that feedback is counted where limits are compared."""

from __future__ import annotations

from datetime import UTC, datetime

from tribolake.oil.feedback.entry import new_entry, standing
from tribolake.oil.limits.diff import LimitsDiff, with_feedback

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAMPLE = {"laboratory": "als", "sample_number": "1", "sample_occurrence": ""}


def test_changed_samples_have_what_was_said_of_them():
    report = {"client": "cda", "laboratory": "als", "sampleNumber": "1", "sampleOccurrence": ""}
    report |= {"unitId": "T_09", "componentName": "motor"}
    confirmed = new_entry(report, "confirmed", "A", NOW, finding="bearing")
    false_alarm = new_entry(report, "false_alarm", "B", NOW)
    back = new_entry(report, "withdrawn", "B", NOW, withdraws=false_alarm.entry_id)
    others = [SAMPLE | {"sample_occurrence": "x"}, SAMPLE | {"laboratory": "finning"}]
    told = with_feedback([SAMPLE, *others], standing((confirmed, confirmed, false_alarm, back)))
    assert [sample["feedback"] for sample in told] == [["confirmed"], [], []]
    both = with_feedback([SAMPLE], (confirmed, false_alarm, new_entry(report, "seen", "C", NOW)))
    diff = LimitsDiff("CDA", "a", "b", [], both)
    assert (diff.said("confirmed"), diff.said("false_alarm")) == (1, 1)
