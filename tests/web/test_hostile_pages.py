"""Test that no name of a file leaves the text of a page, and that each machine and report can still be reached."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from tests.support.hostile_samples import HOSTILE
from tests.support.page_reader import Pages, text_of

from tribolake.oil.questions.published import rows
from tribolake.settings import Settings
from tribolake.texts import UNSEEN, one_line

pytestmark = pytest.mark.slow
# Every element and attribute that a template writes.
ELEMENTS = {
    "a", "b", "bdi", "body", "button", "circle", "code", "dd", "desc", "details", "dialog", "div", "dl", "dt",
    "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "head", "header", "html", "input", "kbd", "label",
    "li", "link", "main", "mark", "meta", "nav", "option", "p", "path", "rect", "script", "section", "select", "span",
    "summary", "svg", "table", "tbody", "td", "text", "th", "thead", "time", "title", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "action", "aria-current", "aria-hidden", "aria-label", "autocomplete", "charset", "checked", "class", "content",
    "cx", "cy", "d", "datetime", "defer", "download", "height", "hidden", "href", "hreflang", "id", "inputmode",
    "lang", "maxlength", "method", "name", "open", "placeholder", "r", "rel", "required", "role", "rx", "scope",
    "selected", "src", "tabindex", "title", "type", "value", "viewbox", "width", "x", "y",
}  # fmt: skip
FORMS = {"/", "/feedback", "/limits", "/what-if"}
LONG = 1000
JUDGED_AGAIN = ("H-0", "H-7", "C-1", "C-9")  # hostile units and components


def check(page: BeautifulSoup) -> None:
    """Check that a page has nothing but what the templates write, and shows no unseen character."""
    assert {element.name for element in page.find_all(True)} <= ELEMENTS
    assert {name for element in page.find_all(True) for name in element.attrs} <= ATTRIBUTES
    assert [(one["src"], one.get_text()) for one in page.find_all("script")] == [("/static/keys.js", "")]
    for element in page.find_all(href=True):
        assert element["href"].startswith(("/", "#")) and not element["href"].startswith("//"), element["href"]
    assert {form["action"].partition("?")[0] for form in page.select("form")} <= FORMS
    assert not UNSEEN.findall(page.get_text().replace("\n", ""))


def test_machines_of_any_name_are_reached_and_shown_as_text(page_lake: Settings, pages: Pages):
    page = pages.read("/", client="cda", show=1000)
    check(page)
    units = [row["unit_id"] for row in rows(page_lake, "select unit_id from machine_status_current", ["cda"])]
    hostile = [unit for unit in units if unit[:2].rstrip("0123456789") not in ("U", "M", "T_")]
    assert len(hostile) > len(HOSTILE) // 2
    hrefs = {link["href"] for link in page.select("a")}
    for unit in units:
        answer = pages.ask("/m", client="cda", unit=unit)
        if len(unit) > LONG:
            assert answer.status_code == 400
            continue
        machine = BeautifulSoup(answer.text, "html.parser")
        assert answer.status_code == 200, (unit, pages.log)
        check(machine)
        shown = text_of(machine.h1)
        assert shown == " ".join(one_line(unit).split()), unit
    assert any("evil.example" in href for href in hrefs)


def test_reports_of_any_name_are_reached_and_shown_as_text(page_lake: Settings, pages: Pages):
    reports = rows(
        page_lake,
        "select sampleNumber, sampleOccurrence, laboratory, componentName, labComment from classified_reports"
        " where sourceFile like '%hostile.xlsx' order by all",
        ["cda"],
    )
    assert len(reports) > 3 * len(HOSTILE)
    for report in reports:
        names = {
            "client": "cda",
            "sample": report["sampleNumber"],
            "occurrence": report["sampleOccurrence"],
            "laboratory": report["laboratory"],
        }
        if len(report["sampleNumber"]) > LONG:
            assert pages.ask("/r", **names).status_code == 400
            continue
        page = pages.read("/r", **names)
        check(page)
        check(pages.read("/lineage", essay=report["componentName"][:LONG], **names))
        if report["sampleNumber"] in JUDGED_AGAIN:
            judged = pages.read("/r", change=1, **names)
            check(judged)
            assert judged.select("#change .ways"), report["sampleNumber"]
        assert text_of(page.select_one("h1 .component")) == " ".join(one_line(report["componentName"]).split())


KNOWN = {"/": {}, "/m": {"client": "cda", "unit": "T_01"}, "/r": {"client": "cda", "sample": "H-1"}}
READ_BY = {"client": "/m", "unit": "/m", "sample": "/r", "occurrence": "/r", "laboratory": "/r", "essay": "/lineage"}


LIMIT = {
    "client": "cda", "grain": "model", "machine": "nothing", "model": "789c", "component": "motor", "essay": "Hierro",
    "unit": "ppm",
}  # fmt: skip
WHAT_IF = {**LIMIT, "how": "limit", "marginal": "1"}
NUMBERS = ("marginal", "condenatorio", "critico", "lower_marginal", "lower_condenatorio", "lower_critico")
STRANGE = ("nan", "inf", "-inf", "-1", "1e308", "1e-320", "0x10", "1_0", "9" * 400, "١", "1;drop table x", "' or 1=1")


@pytest.mark.parametrize("path", ["/limits", "/limit", "/what-if", "/take/seed", "/take/what-if"])
def test_no_parameter_breaks_the_pages_of_limits(pages: Pages, path: str):
    """No name of these is a group with limits, so nothing is judged."""
    known = WHAT_IF | {"form": "csv"} if path in ("/what-if", "/take/seed", "/take/what-if") else LIMIT
    for parameter in (*known, "version", "policy", "show"):
        for name in HOSTILE[::5]:
            answer = pages.ask(path, **known | {parameter: name})
            assert answer.status_code in (200, 400, 404), (parameter, name, pages.log)
            if answer.headers["content-type"].startswith("text/html"):
                check(BeautifulSoup(answer.text, "html.parser"))
    for parameter in NUMBERS:
        for number in STRANGE:
            answer = pages.ask(path, **known | {parameter: number})
            assert answer.status_code in (200, 400, 404), (parameter, number, pages.log)
    assert pages.log == []


@pytest.mark.parametrize(
    "parameter",
    ["client", "unit", "sample", "occurrence", "laboratory", "essay", "status", "lang", "q", "site", "family", "worse"],
)
def test_no_parameter_breaks_a_page(pages: Pages, parameter: str):
    path = READ_BY.get(parameter, "/")
    for name in HOSTILE:
        answer = pages.ask(path, **KNOWN.get(path, KNOWN["/r"]) | {parameter: name})
        assert answer.status_code in (200, 400, 404), (parameter, name, pages.log)
        check(BeautifulSoup(answer.text, "html.parser"))
