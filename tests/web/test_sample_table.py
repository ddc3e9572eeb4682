"""Test that the table of a machine's last samples has the published numbers, and leads to the reports."""

from __future__ import annotations

import pytest
from tests.support.page_reader import Pages, text_of

from tribolake.oil.questions.published import rows
from tribolake.settings import Settings
from tribolake.web.views.sample_table import SHOWN_SAMPLES
from tribolake.web.words import words_in

pytestmark = pytest.mark.slow
WORDS = words_in("es")
RESULTS = """
    select sampleNumber, sampleDate, essay, value, case when censoring is not null then text end as text, status
    from results
    where unitId = 'T_01' and componentName = 'motor' and rejection is null and value is not null
"""


def test_table_has_the_published_numbers_of_the_last_samples(page_lake: Settings, pages: Pages):
    page = pages.read("/m", client="cda", unit="T_01", component="motor")
    links = page.select("table.matrix thead a")
    results = rows(page_lake, RESULTS, ["cda"])
    days = sorted({row["sampleDate"] for row in results}, reverse=True)[:SHOWN_SAMPLES]
    assert [text_of(link) for link in links] == [WORDS.day(day) for day in days]
    wanted = {
        (WORDS.essay(row["essay"]), row["sampleDate"]): (WORDS.number(row["text"] or row["value"]), row["status"])
        for row in results
    }
    broken = 0
    lines = page.select("table.matrix tbody tr")
    for line in lines:
        unit = text_of(line.th.span.extract())
        for day, cell in zip(days, line.select("td"), strict=True):
            number, status = wanted[text_of(line.th), day]
            assert text_of(cell) == number, (text_of(line.th), unit, day)
            assert bool(cell.select(".band")) == (status in ("Marginal", "Condenatorio", "Critico"))
            broken += bool(cell.select(".band"))
    assert len(lines) > 10
    assert broken
    numbers = {text_of(pages.read(link["href"]).select_one(".facts dd")) for link in links[:3]}
    assert numbers == {row["sampleNumber"] for row in results if row["sampleDate"] in days[:3]}
