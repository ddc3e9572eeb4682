"""Test that machines come in the order in which to look at them, and that table and text name the same component."""

from __future__ import annotations

import shutil
import unicodedata
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.cli.fleet_tables import first_component, machine_status, score_that_orders
from tribolake.errors import ConfigurationError
from tribolake.oil.fleet import Choice, in_order, urgency_of, with_deadline
from tribolake.oil.product import OIL
from tribolake.oil.seeds import read_seed
from tribolake.oil.status import LakeStatus, lake_status
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

TODAY = date(2026, 2, 1)


@st.composite
def machines(draw: st.DrawFn) -> dict[str, Any]:
    urgency = draw(st.sampled_from(["U0", "U1", "U2", "U3", None]))
    score = draw(st.integers(1, 40)) if urgency else 0
    return {
        "client": draw(st.sampled_from(["CDA", "EMIN"])),
        "unit_id": draw(st.text("ABT_0123456789", min_size=1, max_size=4)),
        "is_recent": draw(st.sampled_from([True, True, True, False])),
        "urgency": urgency,
        "weighted_machine_score": draw(st.floats(0, 80)) if urgency else 0.0,
        "machine_score": score,
        "priority_score": draw(st.sampled_from([0, 1, 5, 10])),
        "site": None,
        "machine_name": "camion",
        "machine_model": draw(st.sampled_from(["789c", None])),
        "days_overdue": draw(st.one_of(st.none(), st.integers(1, 900))),
    }


@given(st.lists(machines(), max_size=30))
def test_machine_that_must_stop_comes_before_others(fleet: list[dict[str, Any]]):
    ordered = in_order(fleet)
    assert sorted(map(repr, ordered)) == sorted(map(repr, fleet))
    recent = [machine for machine in ordered if machine["is_recent"]]
    assert ordered[: len(recent)] == recent
    deadlines = [machine["urgency"] or "U9" for machine in recent]
    assert deadlines == sorted(deadlines)
    for before, after in pairwise(recent):
        if before["urgency"] == after["urgency"]:
            assert float(score_that_orders(before)) >= float(score_that_orders(after))


@given(st.lists(machines(), max_size=30))
def test_choice_leaves_out_only_what_is_not_asked_for(fleet: list[dict[str, Any]]):
    found = [machine for machine in fleet if Choice(urgency="72h", family="789C", overdue=True).includes(machine)]
    assert found == [
        machine
        for machine in fleet
        if machine["urgency"] == "U1" and machine["machine_model"] == "789c" and machine["days_overdue"]
    ]
    assert all(Choice().includes(machine) for machine in fleet)


def test_unknown_urgency_names_the_known_ones():
    with pytest.raises(ConfigurationError, match="choose one of now, 72h, service, sample"):
        urgency_of("soon")


@pytest.mark.parametrize(("days", "overdue"), [(3, None), (4, 1), (400, 397)])
def test_deadline_counts_from_the_day_of_the_sample(days: int, overdue: int | None):
    sampled = TODAY - timedelta(days=days)
    found = with_deadline({"first_sample_date": sampled, "deadline_on": sampled + timedelta(days=3)}, TODAY)
    assert found["days_overdue"] == overdue
    assert with_deadline({"first_sample_date": sampled, "deadline_on": None}, TODAY)["days_overdue"] is None


@pytest.mark.parametrize(
    ("overall", "worst", "shown"),
    [
        ("Normal", "Anormal", "Normal, with Anormal"),
        ("Alerta", "Anormal", "Alerta, with Anormal"),
        ("Normal", "Normal", "Normal"),
        ("Anormal", "Alerta", "Anormal"),
        ("Normal", None, "Normal"),
    ],
)
def test_status_says_that_a_component_is_worse(overall: str, worst: str | None, shown: str):
    assert machine_status({"overall_status": overall, "worst_status": worst}).plain == shown


def spoken_names(gold: Path) -> dict[tuple[str, str, str], str]:
    """Client, unit and component: how a text calls the component, by the seeds."""
    texts = {row["text_id"]: row["text"] for row in read_seed("texts_es")}
    found = {}
    rows = duckdb.execute(
        "select distinct client, unitId, componentName, componentNameNormalized from read_parquet($1)",
        [str(gold / "*" / "classified_reports.parquet")],
    ).fetchall()
    for client, unit, component, family in rows:
        plain = "".join(mark for mark in unicodedata.normalize("NFKD", component) if not unicodedata.combining(mark))
        words = plain.replace("-", " ").lower().split()
        positions = [texts[f"position.{word}"] for word in words if f"position.{word}" in texts]
        name = texts.get(f"component.{family}", texts["component.otro"])
        found[(client, unit, component)] = " ".join([name, *positions])
    return found


def disagreements(status: LakeStatus, gold: Path) -> list[str]:
    """Machines whose place, table and text do not say the same."""
    found = []
    names, status_texts = spoken_names(gold), {"Anormal", "Alerta"}
    if status.machines != in_order(status.machines):
        found.append("the order is not that of the deadlines")
    for machine in status.machines:
        text, component = machine["machine_ai_recommendation"], machine["first_component"]
        if component is None:
            agrees = "Mirar primero" not in text and machine["worst_status"] not in status_texts
            found += [] if agrees else [f"{machine['unit_id']}: no component, yet {text}"]
            continue
        name = names[(machine["client"], machine["unit_id"], component)]
        said = [f"Mirar primero: {name} (", f"muestra {machine['first_sample_date']})"]
        said += [f"hasta el {machine['deadline_on']}"] if machine["urgency"] == "U1" else []
        said += (
            [] if machine["is_recent"] else [f"Sin muestra reciente: la última es del {machine['latest_sample_date']}"]
        )
        found += [f"{machine['unit_id']}: no {words!r} in {text}" for words in said if words not in text]
        if first_component(machine) != component:
            found.append(f"{machine['unit_id']}: the table names another component")
        if machine["worst_status"] not in machine_status(machine).plain and machine["overall_status"] != "Anormal":
            found.append(f"{machine['unit_id']}: shown as {machine['overall_status']}")
        if "Plazo vencido" in text and not machine["days_overdue"]:
            found.append(f"{machine['unit_id']}: overdue in the text alone")
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("parsed_project")
def test_order_table_and_text_agree_on_sample_files(settings: Settings):
    write_sample_lake(settings.lake, finning_units=3, als_units=12, months=9)
    run(OIL, settings)
    status = lake_status(settings, None)
    assert len(status.machines) == 15
    assert disagreements(status, settings.lake / "oil-analysis" / "gold") == []


@pytest.fixture(scope="module")
def real_lake(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    lake = tmp_path_factory.mktemp("real")
    shutil.copytree(real_data / "bronze", lake / "oil-analysis" / "bronze")
    settings = load_settings(lake=lake)
    run(OIL, settings)
    return settings


@pytest.mark.slow
def test_order_table_and_text_agree_on_real_files(real_lake: Settings):
    status = lake_status(real_lake, None)
    assert len(status.machines) > 200
    assert disagreements(status, real_lake.lake / "oil-analysis" / "gold") == []
    assert sum(machine["urgency"] == "U1" for machine in status.machines) > 20
    without = [machine for machine in status.machines if not machine["is_recent"]]
    assert without == status.machines[-len(without) :]


@pytest.mark.slow
def test_axle_gives_one_alarm_a_truck_and_day_on_real_files(real_lake: Settings):
    """Before there were 398 alarms, 347 of them on days with two or three."""
    reports = real_lake.lake / "oil-analysis" / "gold" / "cda" / "classified_reports.parquet"
    in_alarm, alarms, days, most = duckdb.execute(
        """
        with days as (
            select unitId, sampleDate, count(*) as in_alarm, count(*) filter (where carries_alarm) as alarms
            from read_parquet($1)
            where componentNameNormalized in ('diferencial', 'mando final') and alarm_component is not null
            group by unitId, sampleDate
        )
        select sum(in_alarm), sum(alarms), count(*), max(alarms) from days
        """,
        [str(reports)],
    ).fetchone() or (0, 0, 0, 0)
    assert in_alarm > 1.5 * alarms
    assert (alarms, most) == (days, 1)


@pytest.mark.slow
def test_mislabelled_converter_is_a_finding(real_lake: Settings):
    """Its comment of 2021-12-14: the converter has a common sump with the hydraulic system, check the label."""
    reports = real_lake.lake / "oil-analysis" / "gold" / "cda" / "classified_reports.parquet"
    found = duckdb.execute(
        "select sump_difference->>'essay', sump_difference->>'high_component' from read_parquet($1)"
        " where unitId = 'T_14' and sampleDate = '2021-12-14' and componentName = 'convertidor'",
        [str(reports)],
    ).fetchall()
    assert found == [("Viscosidad 100°C", "convertidor")]
