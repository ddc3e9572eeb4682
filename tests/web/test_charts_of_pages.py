"""Test that the charts of a page draw what gold has, up to the day of the page."""

from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup, Tag
from tests.support.page_reader import Pages, text_of

from tribolake.oil.questions.published import rows
from tribolake.oil.seeds import read_seed
from tribolake.settings import Settings
from tribolake.web.words import words_in

pytestmark = pytest.mark.slow
SPANISH = words_in("es")
SERIES = """
    select * from classified_reports where unitId = 'T_01' and componentName = 'motor'
    order by sampleTimestamp, sourceRow desc
"""


def charts_of(page: BeautifulSoup) -> dict[str, Tag]:
    return {text_of(chart.figcaption.b): chart for chart in page.select("figure.chart")}


def drawn(chart: Tag) -> int:
    """How many values a chart draws."""
    paths = {" ".join(path["class"]): path["d"] for path in chart.select("path.dots, path.hollow")}
    signs = [sign for sign in chart.select("path.sign.censored") if not sign.title]
    return paths["dots"].count("h0") + sum(sign["d"].count("z") for sign in signs)


@pytest.fixture(scope="module")
def reports(page_lake: Settings) -> list[dict]:
    return rows(page_lake, SERIES, ["cda"])


def with_all_charts(pages: Pages, page: BeautifulSoup) -> BeautifulSoup:
    """The page that a link leads to, with the less urgent charts too. The others stay as they are."""
    (link,) = page.select('a[href$="#others"]')
    whole = pages.read(link["href"])
    first = [text_of(chart) for chart in page.select("figure.chart")]
    assert [text_of(chart) for chart in whole.select("figure.chart")][: len(first)] == first
    assert whole.select("details #others figure.chart")
    return whole


def check(page: BeautifulSoup, reports: list[dict]) -> None:
    """Check every chart of a page against the reports that it is about."""
    last, charts = reports[-1], charts_of(page)
    essays = [row["essay"] for row in read_seed("essays") if row["has_column"] == "true" and row["kind"] == "numeric"]
    measured = [essay for essay in essays if last[essay] is not None]
    assert set(charts) == {SPANISH.essay(essay) for essay in measured}
    for essay in measured:
        chart = charts[SPANISH.essay(essay)]
        bands = [json.loads(row["essay_status"] or "{}").get(essay) for row in reports]
        broken = sum(
            band in ("Marginal", "Condenatorio", "Critico") and essay in json.loads(row["censored_essays"] or "{}")
            for row, band in zip(reports, bands, strict=True)
        )
        assert drawn(chart) + broken == sum(row[essay] is not None for row in reports), essay
        text = json.loads(last["censored_essays"] or "{}").get(essay, last[essay])
        assert SPANISH.number(text) in text_of(chart.select_one(".latest"))
        limits = {breach["essay"]: breach for breach in json.loads(last["breached_essays"] or "[]")}
        assert bool(chart.select_one(".latest.critical, .latest.condemning, .latest.marginal")) == (essay in limits)


def test_machine_page_draws_every_value_of_its_component(pages: Pages, reports: list[dict]):
    assert len(reports) > 5
    check(with_all_charts(pages, pages.read("/m", client="cda", unit="T-01", component="motor")), reports)


def test_report_page_draws_what_was_known_then(pages: Pages, reports: list[dict]):
    place = len(reports) // 2
    then = reports[place]
    page = pages.read("/r", client="cda", sample=then["sampleNumber"], laboratory=then["laboratory"])
    check(with_all_charts(pages, page), reports[: place + 1])


def test_essays_in_alarm_come_first_and_decide_first(pages: Pages):
    machine = pages.read("/m", client="cda", unit="T-01", component="motor", charts="all")
    shown = [bool(chart.select_one(".latest[class~=critical], .latest[class~=condemning], .latest[class~=marginal]"))
             for chart in machine.select("figure.chart")]  # fmt: skip
    assert shown == sorted(shown, reverse=True)
    assert not any(chart.select_one(".latest.critical") for chart in machine.select("details figure.chart"))


def test_machine_page_leads_to_the_series_of_each_component(pages: Pages):
    links = pages.read("/m", client="cda", unit="T-01").select("#series nav a")
    assert len(links) > 3
    for link in links[1:3]:
        page = pages.read(link["href"])
        assert text_of(page.select_one("#series h2 bdi")) == text_of(link.bdi)
        assert page.select_one("#series nav a[aria-current]").text == link.text
    unknown = pages.read("/m", client="cda", unit="T-01", component="no such component")
    assert text_of(unknown.select_one("#series h2 bdi")) == text_of(links[0].bdi)


def test_charts_need_no_script_and_no_style_of_their_own(pages: Pages):
    page = pages.read("/m", client="cda", unit="T-01")
    assert not page.select("main script, style, [style]")
    for chart in page.select("figure.chart > svg"):
        assert chart["role"] == "img"
        assert chart["aria-label"] == text_of(chart.title)
        assert text_of(chart.desc)
