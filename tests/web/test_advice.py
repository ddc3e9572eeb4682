"""Test that advice is in the language of the page, whatever the language of the run that published it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tribolake.oil.questions.report import ShownReport
from tribolake.oil.seeds import read_seed
from tribolake.web.views.advice import machine_advice, report_advice
from tribolake.web.words import words_in

SPANISH, ENGLISH = words_in("es"), words_in("en")
RULES = [row["rule_id"] for row in read_seed("expert_rules")]
VALUES = [
    dict(zip(("essay", "value", "unit", "status", "limit", "decides"), row, strict=True))
    for row in (
        ("Cobre", "3", "ppm", "Marginal", 3.0, True),
        ("Viscosidad 100°C", "10.69", "cSt", "Critico", 11.04, True),
        ("Zinc", "900", "ppm", "Critico", 800.0, False),
        ("Agua", "P", None, "Critico", None, True),
        ("Hierro", "8", "ppm", "Normal", None, True),
    )
]


def report(text: str | None, rule_ids: list[str] | None) -> ShownReport:
    row = {
        "ai_recommendation": text,
        "rule_ids": rule_ids,
        "urgency": "U1",
        "componentNameNormalized": "motor",
        "report_status": "Anormal",
    }
    return ShownReport(row, VALUES, None)


def spoken(rule: str) -> str:
    """A published text of a rule in Spanish, with all of its steps."""
    names = [f"{rule}.step{step}" for step in range(1, 9)]
    steps = "; ".join(filter(None, (SPANISH.of_field(name, "") for name in names)))
    return f"Motor en estado Anormal. En su límite o fuera de él: x. {SPANISH.of_field(f'{rule}.cause', '')} {steps}."


@pytest.mark.parametrize("rule", RULES)
def test_report_of_any_rule_is_said_in_both_languages(rule: str):
    published = spoken(rule)
    assert report_advice(report(published, [rule]), SPANISH) == published
    said = report_advice(report(published, [rule, "K05"]), ENGLISH)
    assert said.startswith("Engine in status Abnormal. At or past their limits: Viscosity at 100 °C 10.69 cSt (minimum")
    assert ENGLISH.of_field(f"{rule}.cause", "") in said
    first = ENGLISH.of_field(f"{rule}.step1", "")
    assert first[1:] in said
    assert ENGLISH.of_field("K05.name", "") in said
    assert "Zinc" not in said, "it does not decide"
    assert "Motor" not in said and "límite" not in said


@pytest.mark.parametrize("phrase", ["fixed.normal", "fixed.additives", "fixed.not_evaluated"])
def test_text_without_an_alarm_is_said_in_both_languages(phrase: str):
    published = SPANISH.of_field(phrase, "").format(breaches="Cobre 3 ppm")
    assert report_advice(report(published, None), SPANISH) == published
    said = report_advice(report(published, None), ENGLISH)
    assert said.startswith(ENGLISH.of_field(phrase, "").partition("{")[0])
    back = report_advice(report(said, None), SPANISH)
    assert back.startswith(SPANISH.of_field(phrase, "").partition("{")[0])


@pytest.mark.parametrize("text", ["", None, "Texto de otra versión.", "{component} {0}"])
def test_text_of_another_release_stays(text: str | None):
    assert report_advice(report(text, None), ENGLISH) == (text or "")


def component(name: str, **more: Any) -> dict[str, Any]:
    row = {
        "component": name, "status": "Anormal", "points": 5, "rule_ids": ["K05"], "is_stale": False, "urgency": "U1",
        "deadline_on": date(2026, 1, 4), "sample_date": date(2026, 1, 1), "policy": "default",
        "breached_essays": '[{"essay": "Cobre", "value": 30, "limit": 20, "threshold": "Critico", "points": 5}]',
        "coded_essays": None, "delivered_essays": None, "ai_recommendation": spoken("K05"),
    }  # fmt: skip
    return row | more


def machine(text: str) -> dict[str, Any]:
    return {
        "machine_ai_recommendation": text, "is_recent": True, "days_overdue": 3, "deadline_on": "2026-01-04",
        "latest_sample_date": "2026-01-01", "days_behind_client": 0,
    }  # fmt: skip


def test_machine_is_said_in_both_languages():
    published = "Plazo vencido el 2026-01-04. Mirar primero: Motor (Anormal, muestra 2026-01-01): Cobre 30 ppm."
    components = [component("motor"), *(component(f"rueda {n}") for n in range(5)), component("eje", is_stale=True)]
    assert machine_advice(machine(published), components, SPANISH) == published
    said = machine_advice(machine(published), components, ENGLISH)
    assert said.startswith("Overdue: the deadline was 4 Jan 2026. Look first at: motor (Abnormal, sample 1 Jan 2026)")
    assert "Copper 30 ppm (limit 20, critical)" in said
    assert "until 4 Jan 2026" in said
    assert "rueda 2 (Abnormal: " in said and "rueda 3" not in said and "and 2 more" in said
    assert "Sample out of date, take a new one: eje." in said


def test_machine_without_an_alarm_is_said_in_both_languages():
    published = "Ningún componente con muestra vigente está en alarma (2 en estado Normal)."
    quiet = {"status": "Normal", "points": 0, "rule_ids": [], "urgency": None}
    components = [component("motor", **quiet), component("eje", **quiet)]
    said = machine_advice(machine(published) | {"days_overdue": None}, components, ENGLISH)
    assert said == "No component with a current sample is in alarm (2 in status Normal)."
