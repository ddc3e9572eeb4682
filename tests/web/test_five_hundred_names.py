"""Test that none of 500 hostile texts breaks out of a page, in an address or in the files of a lake."""

from __future__ import annotations

import random
from itertools import product

import pytest
from tests.support.drawn import drawn
from tests.support.hostile_samples import hostile_rows
from tests.support.lab_files import finning
from tests.support.page_reader import Pages, text_of
from tests.support.small_warehouse import publish, warehouse
from tests.web.test_hostile_pages import check

from tribolake.oil.product import OIL
from tribolake.oil.questions.published import rows
from tribolake.run.pipeline import run
from tribolake.settings import Settings
from tribolake.texts import one_line

pytestmark = pytest.mark.slow
LONGEST_SEARCH = 100
LAKES = 10  # each has a tenth of the names
PAYLOADS = (
    "<script>document.title='ran'</script>",
    "<img src=x onerror=\"document.title='ran'\">",
    "<svg/onload=document.title='ran'>",
    "javascript:document.title='ran'",
    "<a href='javascript:document.title=1'>x</a>",
    "<iframe srcdoc='<script>1</script>'>",
    "<style>*{display:none}</style>",
    "<base href='//evil.example/'>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<form action='//evil.example'><input name=q>",
    "<math><mi xlink:href='javascript:1'>",
    "<template><script>1</script>",
    "{{ self.__init__.__globals__ }}",
    "{% import os %}",
    "#{7*7}",
    '=HYPERLINK("//evil.example")',
    "../../../etc/passwd",
    "..\\..\\x",
    "\u202e<b>\u202c",
    "\u2028<script>\u2029",
    "\ufeff<b>",
    "\u0000",
    "\x1b]0;title\x07",
    "’ OR 1=1 --",
    "&#60;script&#62;",
)
WRAPPED = (
    "{}",
    '"{}',
    "'{}",
    "'>{}",
    '">{}<"',
    "</td>{}",
    "</title>{}",
    "</style>{}",
    "-->{}<!--",
    "]]>{}",
    "{}\n{}",
    " {} ",
    "x={}&y={}",
    "/{}/",
    "https://evil.example/{}",
    "`{}`",
    "${{{}}}",
    "%3C{}%3E",
    "\\{}",
    "{}{}{}",
)


def names() -> list[str]:
    tried = product(PAYLOADS, WRAPPED, WRAPPED)
    made = {outer.replace("{}", inner.replace("{}", payload)) for payload, inner, outer in tried}
    return random.Random(16).sample(sorted(name for name in made if len(name) <= LONGEST_SEARCH), 500)  # noqa: S311


def test_none_of_500_texts_breaks_out_of_the_search(settings: Settings):
    settings.lake.mkdir()
    publish(warehouse(1, rows=20), settings.lake, "run-1")
    pages = Pages(settings)
    for name in names():
        page = pages.read("/", q=name)
        check(page)
        assert page.select_one("#search")["value"].split() == one_line(name.strip()).split()
    assert pages.log == []


@pytest.mark.parametrize("number", drawn(range(LAKES)))
def test_names_in_files_stay_texts_on_each_page(settings: Settings, parsed_project: None, number: int):
    tried = names()[number::LAKES]
    bronze = settings.lake / "oil-analysis" / "bronze" / "cda"
    bronze.mkdir(parents=True)
    (bronze / "hostile.xlsx").write_bytes(finning(*hostile_rows(tried)))
    run(OIL, settings)
    pages = Pages(settings)
    check(pages.read("/", client="cda", show=1000))
    units = [row["unit_id"] for row in rows(settings, "select unit_id from machine_status_current", ["cda"])]
    assert len(units) > 2 * len(tried)
    for unit in units:
        machine = pages.read("/m", client="cda", unit=unit)
        check(machine)
        assert text_of(machine.h1) == " ".join(one_line(unit).split())
    reports = rows(settings, "select * from classified_reports order by all", ["cda"])
    assert len(reports) > 3 * len(tried)
    for report in reports:
        about = {"client": "cda", "sample": report["sampleNumber"], "occurrence": report["sampleOccurrence"]}
        page = pages.read("/r", laboratory=report["laboratory"], **about)
        check(page)
        assert text_of(page.select_one("h1 .component")) == " ".join(one_line(report["componentName"]).split())
        check(pages.read("/lineage", essay="Hierro", laboratory=report["laboratory"], **about))
    assert pages.log == []
