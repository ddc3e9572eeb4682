"""Test laws of view models: order, places, addresses, meters, and what a page prints."""

from __future__ import annotations

import json
from datetime import date
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from tests.oil.test_fleet import machines

from tribolake.oil.fleet import in_order
from tribolake.oil.questions.report import ShownReport
from tribolake.oil.questions.workbook import workbook_of
from tribolake.texts import UNSEEN
from tribolake.web.addresses import LONGEST, Addresses
from tribolake.web.rendering import ENVIRONMENT
from tribolake.web.views.actions import action_of
from tribolake.web.views.choice import FleetChoice
from tribolake.web.views.fleet import Fleet, fleet_page
from tribolake.web.views.meter import LOWER, UPPER, WIDTH, meter_of
from tribolake.web.views.parts import HEIGHTS, SLUGS, deadline_of, deciding_breaches, strip_of
from tribolake.web.views.tables import OF_REPORT, OF_SOURCE, value_table
from tribolake.web.words import words_in

TODAY = date(2026, 2, 1)
SPANISH, ENGLISH = words_in("es"), words_in("en")
# What the pages read of a machine besides what its place depends on.
MORE = {
    "overall_status": "Normal", "worst_status": "Alerta", "first_component": None, "deadline_on": None,
    "machine_ai_recommendation": "", "latest_sample_date": "2026-01-01", "days_behind_client": 3,
}  # fmt: skip
NO_LIMITS = dict.fromkeys((*UPPER, *LOWER))


def page_of(fleet: list[dict[str, Any]], choice: FleetChoice) -> Any:
    return fleet_page(Fleet(fleet), choice, SPANISH, Addresses(), TODAY)


@given(st.lists(machines().map(lambda machine: MORE | machine), max_size=30), st.sampled_from(["", "cda", "emin"]))
def test_page_keeps_the_order_and_silent_machines_apart(fleet: list[dict[str, Any]], client: str):
    page = page_of(fleet, FleetChoice(client=client, shown=1000))
    recent = [machine for machine in in_order(fleet) if machine["is_recent"]]
    placed = [
        (str(place), machine["client"], machine["unit_id"])
        for place, machine in enumerate(recent, start=1)
        if client in ("", machine["client"].lower())
    ]
    assert [(row.place, row.client, row.unit) for row in page.rows] == placed
    silent = [machine for machine in fleet if not machine["is_recent"] and client in ("", machine["client"].lower())]
    assert len(page.silent) == len(silent)
    urgencies = [machine["urgency"] or "U9" for machine in recent]
    assert urgencies == sorted(urgencies)


@given(st.lists(machines().map(lambda machine: MORE | machine), min_size=1, max_size=40), st.integers(1, 30))
def test_page_shows_so_many_machines_and_leads_to_the_rest(fleet: list[dict[str, Any]], shown: int):
    page = page_of(fleet, FleetChoice(shown=shown))
    recent = sum(machine["is_recent"] for machine in fleet)
    assert len(page.rows) == min(shown, recent)
    assert (page.more is not None) == (recent > shown)


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from([None, "en"]))
def test_address_names_exactly_what_it_was_made_of(client: str, unit: str, language: str | None):
    address = Addresses(language).machine(client, unit)
    assert address is not None
    assert urlsplit(address).path == "/m"
    found = parse_qs(urlsplit(address).query)
    assert found.get("unit", [""]) == [unit.encode(errors="replace").decode()]
    assert found.get("client", [""]) == [client.lower().encode(errors="replace").decode()]


def test_name_that_no_address_can_hold_has_none():
    assert Addresses().machine("cda", "x" * (LONGEST + 1)) is None
    assert Addresses().sample("/r", "cda", "x" * (LONGEST + 1), None, None) is None


@given(
    st.floats(-1e6, 1e6),
    st.lists(st.floats(-1e5, 1e5), min_size=6, max_size=6).map(sorted),
    st.sampled_from(["upper", "lower", "both"]),
)
def test_meter_stays_in_its_scale_and_its_zones_do_not_overlap(value: float, limits: list[float], kind: str):
    known = NO_LIMITS | (dict(zip(LOWER, limits[:3], strict=True)) if kind != "upper" else {})
    known |= dict(zip(UPPER, limits[3:], strict=True)) if kind != "lower" else {}
    meter = meter_of(value, value, known)
    assert meter is not None
    assert 0 <= meter.now == meter.before <= WIDTH
    zones = sorted(meter.zones, key=lambda zone: (zone.x, zone.width))
    assert all(zone.x >= 0 and zone.width >= 0 and zone.x + zone.width <= WIDTH + 0.11 for zone in zones)
    assert all(before.x + before.width <= after.x + 0.11 for before, after in pairwise(zones))


def test_meter_puts_a_value_into_the_zone_of_its_band():
    limits = NO_LIMITS | dict(zip(UPPER, (10.0, 20.0, 30.0), strict=True))
    for value, slug in ((12.0, "marginal"), (22.0, "condemning"), (33.0, "critical")):
        meter = meter_of(value, None, limits)
        assert meter is not None
        assert [zone.slug for zone in meter.zones if zone.x <= meter.now <= zone.x + zone.width] == [slug]
    assert meter_of(None, None, limits) is None
    assert meter_of(5.0, None, NO_LIMITS) is None


def test_limits_of_few_samples_keep_their_bands():
    """A group with few samples has no critical limit."""
    meter = meter_of(22.0, None, NO_LIMITS | {"threshold_normal": 10.0, "threshold_alert": 20.0})
    assert meter is not None
    assert [zone.slug for zone in meter.zones] == ["marginal", "condemning"]
    meter = meter_of(22.0, None, NO_LIMITS | {"threshold_critic": 20.0})
    assert meter is not None
    assert [zone.slug for zone in meter.zones] == ["critical"]


def test_zero_as_every_limit_still_has_a_scale():
    assert meter_of(0.0, None, NO_LIMITS | dict.fromkeys(UPPER, 0.0)) is not None


def test_strip_says_by_height_what_it_says_by_colour():
    strip = strip_of(list(SLUGS), "label")
    assert [bar.slug for bar in strip.bars] == list(SLUGS.values())
    assert HEIGHTS["abnormal"] > HEIGHTS["alert"] > HEIGHTS["normal"]
    assert all(bar.y + bar.height == strip.height for bar in strip.bars)


def test_only_breaches_that_decide_are_shown_with_value_limit_and_unit():
    breaches = [
        {"essay": "Calcio", "value": 1801.0, "threshold": "Critico", "limit": 1800.0, "points": 5},
        {"essay": "Silicio", "value": 6.0, "threshold": "Marginal", "limit": 6.0, "points": 1},
        {"essay": "Hollín", "value": 84.0, "threshold": "Condenatorio", "limit": 76.01, "points": 3},
        {"essay": "Viscosidad 100°C", "value": 10.69, "threshold": "Marginal", "limit": 11.04, "points": 1},
        {"essay": "Agua", "value": None, "threshold": "Critico", "limit": None, "points": 5},
    ]
    report = {
        "policy": "default", "breached_essays": json.dumps(breaches), "coded_essays": '{"Agua": "P"}',
        "delivered_essays": '{"Hollín": "84 UFM"}',
    }  # fmt: skip
    breached = deciding_breaches(report, SPANISH)
    found = [(one.essay, one.value, one.limit, one.unit, one.band) for one in breached]
    assert [one.essay for one in breached if one.low] == ["Viscosidad 100°C"]
    assert found == [
        ("Agua", "presente", "", "", "crítico"),
        ("Hollín", "84", "76,01", "UFM", "condenatorio"),
        ("Silicio", "6", "6", "ppm", "marginal"),
        ("Viscosidad 100°C", "10,69", "11,04", "cSt", "marginal"),
    ]


def test_action_has_the_steps_that_the_published_text_names():
    text = "Plazo: 72 horas. Drenar o deshidratar el aceite; revisar sellos y respiraderos; remuestrear."
    assert "respiraderos" in action_of(text, ["K25b"], SPANISH)
    assert "breathers" in action_of(text, ["K25b"], ENGLISH)
    assert action_of("Texto de otra versión.", ["K25b"], SPANISH) == "Texto de otra versión."
    assert action_of(None, None, SPANISH) == ""


def test_deadline_says_until_when_or_since_when():
    assert deadline_of(None, None, None, SPANISH) is None
    open_one = deadline_of("U1", "2026-02-03", None, SPANISH)
    over = deadline_of("U1", "2026-01-03", 29, SPANISH)
    assert open_one is not None
    assert over is not None
    assert (open_one.label, open_one.until, open_one.is_overdue) == ("72 horas", "hasta el 3 feb 2026", False)
    assert (over.until, over.is_overdue) == ("vencido el 3 ene 2026", True)


@given(st.text(st.characters(), max_size=200) | st.sampled_from(["\u202eT_01", "\x1b[31m", "a\x00b", "<b>&\"'"]))
def test_template_prints_no_unseen_character_and_no_markup(text: str):
    printed = ENVIRONMENT.from_string('<a title="{{ text }}">{{ text }}</a>').render(text=text)
    inside = printed.removeprefix('<a title="').removesuffix("</a>").replace('">', "", 1)
    assert not UNSEEN.findall(printed)
    assert not set("<>\"'") & set(inside)


def test_endless_text_is_cut():
    assert len(ENVIRONMENT.from_string("{{ text }}").render(text="x" * 1_000_000)) <= 4000


@given(st.sampled_from(["nan", "INF", "1_0", "1e999", "٣", " 7", "<0,05", "1.2.3", ""]) | st.floats(-1e15, 1e15))
def test_only_results_that_are_numbers_are_numbers_in_a_table(value: str | float):
    """A laboratory writes codes of its own, and a workbook refuses numbers that are not finite."""
    result = {"value": value if isinstance(value, str) else f"{value:.15g}", "before": None}
    sheet = value_table(ShownReport(dict.fromkeys((*OF_REPORT, *OF_SOURCE)), [result], None, "silent"))
    assert sheet.rows[0]["value"] == (value if isinstance(value, str) else float(result["value"]))
    assert workbook_of([sheet])
