"""Test that pages take feedback, show it at once, escape it, and write nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from httpx import Response
from playwright.sync_api import Browser
from tests.support.chromium import axe_source, violations
from tests.support.page_reader import Pages, text_of
from tests.web.test_pages_in_chromium import WIDER, browser  # noqa: F401 - a fixture

from tribolake.oil.questions.published import rows
from tribolake.settings import Settings, load_settings
from tribolake.web.desk import Desk

pytestmark = pytest.mark.slow
OWN = {"origin": "http://127.0.0.1:8710"}
SAMPLE_UNIT = re.compile(r"T_\d+ ")
MARKUP = '"><script>alert(1)</script>\u202e{{ 7*7 }}'


@pytest.fixture
def settings(page_lake: Settings, tmp_path: Path) -> Settings:
    """A copy of the lake of all pages: these tests write into it."""
    shutil.copytree(page_lake.lake, tmp_path / "lake", symlinks=True)
    return load_settings(lake=tmp_path / "lake")


@pytest.fixture
def pages(settings: Settings) -> Pages:
    return Pages(settings)


def first_alarm(pages: Pages) -> str:
    """The address of the first report of the fleet whose names are not hostile."""
    rows_of_fleet = pages.read("/", client="cda", show=1000).select("table.fleet tbody tr")
    links = [row.select_one(".component a") for row in rows_of_fleet if SAMPLE_UNIT.match(text_of(row.th))]
    return next(link["href"] for link in links if link)


def send(pages: Pages, form: Tag, kind: str, **typed: str) -> Response:
    fields = {field["name"]: field.get("value", "") for field in form.select("input[name]")}
    for choice in form.select("select"):
        fields[choice["name"]] = choice.option["value"]
    assert form["method"] == "post"
    return pages.client.post(form["action"], data=fields | typed | {"kind": kind}, headers=OWN, follow_redirects=False)


def files_of(lake: Path) -> dict[str, int]:
    return {str(path.relative_to(lake)): path.stat().st_mtime_ns for path in lake.rglob("*") if path.is_file()}


def test_pressing_seen_is_shown_on_report_and_fleet_and_can_be_withdrawn(pages: Pages, settings: Settings):
    before = files_of(settings.lake)
    address = first_alarm(pages)
    part = pages.read(address).select_one("#feedback")
    assert "nadie la ha visto" in text_of(part)
    answer = send(pages, part.form, "seen", written_by="Ana Ñ.", note="mañana")
    assert (answer.status_code, answer.headers["location"].endswith("#feedback")) == (303, True)
    assert "HttpOnly" in answer.headers["set-cookie"] and "SameSite=strict" in answer.headers["set-cookie"]
    page = pages.read(answer.headers["location"])
    part = page.select_one("#feedback")
    assert "visto por Ana Ñ." in text_of(part)
    assert "mañana" in text_of(part.select_one(".entries li"))
    assert part.form.select_one("[name=written_by]")["value"] == "Ana Ñ."
    assert [text_of(one) for one in pages.read("/", client="cda", show=1000).select(".seenby")] == ["visto por Ana Ñ."]
    assert "seen by Ana Ñ." in text_of(pages.read("/", client="cda", show=1000, lang="en").select_one(".seenby"))
    answer = send(pages, part.select_one(".entries form"), "withdrawn")
    assert answer.status_code == 303
    part = pages.read(address).select_one("#feedback")
    assert "nadie la ha visto" in text_of(part)
    assert "retirado por Ana Ñ." in text_of(part.select_one(".withdrawn"))
    assert not pages.read("/").select(".seenby")
    added = files_of(settings.lake).keys() - before.keys()
    assert len(added) == 2
    assert all(name.startswith("oil-analysis/feedback/cda/") for name in added)
    assert {name: files_of(settings.lake)[name] for name in before} == before


def test_machine_page_takes_feedback_on_each_of_its_components(pages: Pages):
    unit = pages.read("/", client="emin").select_one("th.unit > a")["href"]
    part = pages.read(unit).select_one("#feedback")
    options = [option["value"] for option in part.select("select option")]
    assert len(options) == len(pages.read(unit).select("table.components tbody tr"))
    answer = send(pages, part.form, "due", about=options[-1], written_by="B", due_on="2026-12-01")
    number = parse_qs(options[-1])["sample_number"]
    assert parse_qs(urlsplit(answer.headers["location"]).query)["sample"] == number
    assert "hasta el 1 dic 2026" in text_of(pages.read(unit).select_one("#feedback .entries"))


def test_what_is_typed_is_shown_as_text(pages: Pages):
    address = first_alarm(pages)
    form = pages.read(address).select_one("#feedback form")
    answer = send(pages, form, "confirmed", written_by=MARKUP, finding=MARKUP, note=MARKUP, cost_usd="1200,5")
    assert answer.status_code == 303
    text = pages.ask(address).text
    assert "<script>" not in text
    assert "\u202e" not in text
    page = BeautifulSoup(text, "html.parser")
    assert "{{ 7*7 }}" in text_of(page.select_one("#feedback .entries"))
    assert "1.200,5 USD" in text_of(page.select_one("#feedback .entries"))
    assert "<script>" not in pages.ask("/", client="cda").text


def test_report_that_is_not_published_takes_nothing(pages: Pages, settings: Settings):
    form = pages.read(first_alarm(pages)).select_one("#feedback form")
    about = parse_qs(form.select_one("[name=about]")["value"], keep_blank_values=True)
    number = about["sample_number"][0]
    for wrong in ("client=emin", "client=..%2Fgold", "client=none", "client="):
        named = f"{wrong}&laboratory={about['laboratory'][0]}&sample_number={number}&sample_occurrence="
        assert send(pages, form, "seen", written_by="A", about=named).status_code == 404, wrong
    answer = send(pages, form, "withdrawn", written_by="A", withdraws="0" * 26)
    assert answer.status_code == 404
    assert not (settings.lake / "oil-analysis" / "feedback").exists()


def test_every_report_with_a_form_is_about_itself(pages: Pages, settings: Settings):
    """Hostile names too: what the form names is what is stored, and the way back leads to it."""
    reports = rows(
        settings,
        "select sampleNumber, sampleOccurrence, laboratory, unitId, componentName from classified_reports"
        " where sampleNumber like 'H-%' or sampleNumber like 'C-%' order by all",
        ["cda"],
    )
    stored = 0
    for report in reports[:12]:
        names = {"sample": report["sampleNumber"], "occurrence": report["sampleOccurrence"]}
        page = pages.read("/r", client="cda", laboratory=report["laboratory"], **names)
        answer = send(pages, page.select_one("#feedback form"), "seen", written_by="A")
        if len(report["unitId"]) > 1000 or len(report["componentName"]) > 1000:
            assert answer.status_code == 400
            continue
        assert answer.status_code == 303
        assert "visto" in text_of(pages.read(answer.headers["location"]).select_one("#feedback .entries")).lower()
        stored += 1
    assert stored > 3


def test_read_only_pages_show_entries_and_have_no_form(settings: Settings, pages: Pages):
    address = first_alarm(pages)
    send(pages, pages.read(address).select_one("#feedback form"), "seen", written_by="Ana")
    part = Pages(settings, desk=Desk(is_open=False)).read(address).select_one("#feedback")
    assert "visto por Ana" in text_of(part)
    assert not part.select("form, input, button")


def test_unreadable_objects_are_counted_on_the_page(settings: Settings, pages: Pages):
    bad = settings.lake / "oil-analysis" / "feedback" / "cda" / "2026-01-01" / "x.json"
    bad.parent.mkdir(parents=True)
    bad.write_text("{")
    assert "1 objeto de" in text_of(pages.read(first_alarm(pages)).select_one("#feedback"))


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    words = [sys.executable, "-m", "tribolake", "serve", "--lake", str(settings.lake), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip().rstrip("/")
        finally:
            server.terminate()


def test_feedback_is_given_in_a_browser_without_script(
    browser: Browser,  # noqa: F811
    address: str,
    pages: Pages,
):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{address}{first_alarm(pages)}")
        page.locator("#feedback [name=written_by]").first.fill("Ana")
        page.locator("#feedback button[value=seen]").click()
        page.wait_for_url("**#feedback")
        assert "visto por Ana" in page.locator("#feedback").inner_text()
        page.locator("#feedback form summary").first.click()
        page.locator("#feedback [name=finding]").fill("cojinete")
        page.locator("#feedback button[value=confirmed]").click()
        assert "Hallazgo confirmado" in page.locator("#feedback .entries").inner_text()
        reached = page.url
    for width in (390, 1440):
        with browser.new_context(viewport={"width": width, "height": 900}) as context:
            page = context.new_page()
            page.goto(reached)
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            assert page.evaluate(WIDER) == 0
            assert violations(page, axe_source()) == []
