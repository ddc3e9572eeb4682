"""Test the open alert of a component: opened by a sample, acknowledged by feedback, closed by a later sample."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tribolake.oil.feedback.alerts import HEIGHTS, open_alert
from tribolake.oil.feedback.entry import Entry, new_entry

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATUSES = [*HEIGHTS, "Sin evaluar"]


def samples_of(*statuses: str) -> list[dict[str, Any]]:
    return [
        {"laboratory": "als", "sample_number": f"S-{place}", "sample_occurrence": "", "status": status}
        for place, status in enumerate(statuses)
    ]


def seen(place: int, by: str = "A. Rojas") -> Entry:
    report = {"client": "cda", "laboratory": "als", "sampleNumber": f"S-{place}", "sampleOccurrence": ""}
    return new_entry(report | {"unitId": "T_09", "componentName": "motor"}, "seen", by, NOW)


def test_component_in_alarm_has_one_alert_until_a_normal_sample():
    alert = open_alert(samples_of("Anormal", "Normal", "Alerta", "Anormal"), [])
    assert alert is not None
    assert (alert.opened_by["sample_number"], alert.latest["sample_number"]) == ("S-2", "S-3")
    assert not alert.is_acknowledged
    assert open_alert(samples_of("Anormal", "Normal"), [seen(0)]) is None
    assert open_alert([], []) is None


def test_sample_that_was_not_judged_opens_and_closes_nothing():
    alert = open_alert(samples_of("Alerta", "Sin evaluar"), [seen(0)])
    assert alert is not None
    assert alert.is_acknowledged
    assert open_alert(samples_of("Normal", "Sin evaluar"), []) is None


def test_acknowledged_alert_stays_so_until_it_becomes_worse():
    same = open_alert(samples_of("Anormal", "Alerta"), [seen(0)])
    worse = open_alert(samples_of("Alerta", "Anormal"), [seen(0)])
    again = open_alert(samples_of("Alerta", "Anormal"), [seen(0), seen(1, "B. Soto")])
    assert same is not None and same.is_acknowledged
    assert worse is not None and not worse.is_acknowledged
    assert again is not None and again.is_acknowledged
    assert again.people == ("A. Rojas", "B. Soto")


def test_entry_about_an_earlier_alert_is_not_of_this_one():
    alert = open_alert(samples_of("Anormal", "Normal", "Anormal"), [seen(0)])
    assert alert is not None
    assert (alert.entries, alert.is_acknowledged) == ((), False)


@given(statuses=st.lists(st.sampled_from(STATUSES), max_size=12), told=st.sets(st.integers(0, 11)))
def test_feedback_opens_and_closes_no_alert(statuses: list[str], told: set[int]):
    samples = samples_of(*statuses)
    entries = [seen(place) for place in sorted(told)]
    without, with_entries = open_alert(samples, []), open_alert(samples, entries)
    judged = [status for status in statuses if status in HEIGHTS]
    assert (without is None) == (not judged or judged[-1] == "Normal")
    assert (with_entries is None) == (without is None)
    if without and with_entries:
        assert (with_entries.opened_by, with_entries.latest) == (without.opened_by, without.latest)
        assert not without.is_acknowledged
