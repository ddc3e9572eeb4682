"""Test whether reports agree with their laboratory, and that alarm quality counts the same."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from tests.support.page_reader import Pages, text_of

from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.shelf import read_feedback
from tribolake.oil.questions.published import rows
from tribolake.oil.questions.quality import measure_quality
from tribolake.oil.questions.verdicts import Agreement, agreement_of
from tribolake.settings import Settings
from tribolake.web.views.report import AGREEMENTS
from tribolake.web.words import words_in

ACTION, URGENT, MONITOR, OPEN = (
    "acción REQUERIDA", "Se requiere acción urgente", "Monitorear Compartimento", "Sin comentarios",
)  # fmt: skip


@pytest.mark.parametrize(
    ("status", "verdict", "said"),
    [
        ("Alerta", ACTION, "both_alarm"),
        ("Anormal", URGENT, "both_alarm"),
        ("Normal", MONITOR, "both_calm"),
        ("Alerta", MONITOR, "stricter"),
        ("Normal", ACTION, "laboratory_stricter"),
        ("Sin evaluar", ACTION, "laboratory_stricter"),
        ("Sin evaluar", MONITOR, "not_evaluated"),
        ("Anormal", OPEN, "open"),
        ("Anormal", "cambiar aceite", "not_declared"),
        ("Normal", None, "silent"),
        ("Alerta", "", "silent"),
    ],
)
def test_agreement_is_of_status_and_verdict(status: str, verdict: str | None, said: Agreement):
    assert agreement_of({"laboratory": "finning", "labVerdict": verdict, "report_status": status}) == said


def test_verdicts_are_those_of_their_laboratory():
    assert agreement_of({"laboratory": "als", "labVerdict": ACTION, "report_status": "Alerta"}) == "not_declared"


@pytest.mark.slow
def test_alarm_quality_counts_what_reports_say(page_lake: Settings, pages: Pages):
    published = open_objects(page_lake)
    feedback = {one: read_feedback(published, one) for one in ("cda", "emin")}
    (whole,) = measure_quality(page_lake, published, feedback, datetime(2026, 3, 1, tzinfo=UTC)).of_part("all")
    reports = rows(page_lake, "select * from classified_reports where length(sampleNumber) < 1000 order by all")
    every = rows(page_lake, "select laboratory, labVerdict, report_status from classified_reports")
    count = Counter(map(agreement_of, every))
    assert whole["alarms_with_action"] == count["both_alarm"] > 0
    assert whole["alarms_with_verdict"] == count["both_alarm"] + count["stricter"] > 0
    assert whole["actions"] == count["both_alarm"] + count["laboratory_stricter"] > 0
    shown = {agreement_of(report): report for report in reports}
    assert len(shown) >= 4
    for kind, report in shown.items():
        about = {"client": report["client"].lower(), "sample": report["sampleNumber"]}
        about |= {"occurrence": report["sampleOccurrence"], "laboratory": report["laboratory"]}
        for language in ("es", "en"):
            page = pages.read("/r", **about, lang=language)
            assert text_of(page.select_one(".verdict")) == words_in(language)(AGREEMENTS[kind])
        assert words_in("es")(AGREEMENTS[kind]) in pages.ask("/take/report", **about).text
