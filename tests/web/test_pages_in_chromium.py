"""Test the pages in a real browser: two widths, light and dark, both languages, and hostile names."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page
from tests.support.chromium import axe_source, chromium, violations
from tests.support.page_reader import Pages
from tests.support.servers.apt import MAY_INSTALL, ProgramsMissing

from tribolake.settings import Settings

pytestmark = pytest.mark.slow
SIZES = {1440: 900, 390: 844}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Screenshots stay here if the variable names a folder.
SCREENSHOTS = os.environ.get("TRIBOLAKE_TEST_SCREENSHOTS")


def skip_or_fail(missing: Exception) -> None:
    """Without the right to install, a missing program skips. With it, it fails."""
    if os.environ.get(MAY_INSTALL) == "1":
        pytest.fail(str(missing))
    pytest.skip(str(missing))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        with chromium() as found:
            yield found
    except ProgramsMissing as missing:
        skip_or_fail(missing)


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    return axe_source()


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Run the server of a lake as a user starts it, and yield its address."""
    words = [sys.executable, "-m", "tribolake", "serve", "--lake", str(settings.lake), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip().rstrip("/")
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def address(page_lake: Settings) -> Iterator[str]:
    """The server of the lake."""
    with served(page_lake) as found:
        yield found


@pytest.fixture(scope="module")
def addresses(pages: Pages) -> dict[str, str]:
    """Pages by name: some of sample machines, and some of hostile ones."""
    emin = pages.read("/", client="emin")
    machine = emin.select_one("th.unit > a")["href"]
    report = pages.read(machine).select_one("table.components th a")["href"]
    number = report.removeprefix("/r?")
    limit = next(
        link["href"] for link in pages.read("/limits", client="cda").select("table a") if "Hierro" in link["href"]
    )
    what_if = limit.replace("/limit?", "/what-if?")
    return {
        "fleet": "/",
        "fleet of hostile names": "/?client=cda&show=1000",
        "fleet in English": "/?lang=en",
        "filtered": "/?client=emin&status=normal",
        "searched and marked": "/?q=H-0&unseen=1&doubtful=1&lang=en",
        "no match": "/?client=nobody",
        "quality": "/quality",
        "quality in English": "/quality?lang=en&client=cda",
        "machine": machine,
        "machine of a hostile name": pages.read("/", client="cda", show=1000).select("th.unit > a")[3]["href"],
        "machine by hours of the oil": f"{machine}&axis=oil",
        "machine by its hours": f"{machine}&axis=machine&lang=en",
        "report": report,
        "report in English": f"{report}&lang=en",
        "report and what would change it": f"{report}&change=1",
        "report of a hostile machine": "/r?client=cda&sample=H-0",
        "report of a hostile machine and what would change it": "/r?client=cda&sample=H-0&change=1&lang=en",
        "report of a hostile component": "/r?client=cda&sample=C-1",
        "lineage": f"/lineage?{number}&essay=Hierro",
        "limits": "/limits",
        "limits in English": "/limits?client=cda&lang=en",
        "limit": limit,
        "what if": f"{what_if}&how=limit&marginal=0.5&condenatorio=0.7&critico=0.9&show=1000",
        "what if another policy": "/what-if?client=cda&how=policy&policy=reference&lang=en",
        "lineage of a hostile machine": "/lineage?client=cda&sample=H-0&essay=Hierro",
    }


def faults(page: Page, where: str, address: str, axe: str) -> list[str]:
    """What is wrong with a page: messages, requests to others, width, and what axe-core finds."""
    found: list[str] = []
    page.on("console", lambda message: found.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    page.on("dialog", lambda dialog: found.append(f"dialog: {dialog.message}"))
    page.on("request", lambda asked: None if asked.url.startswith(f"{address}/") else found.append(asked.url))
    answer = page.goto(f"{address}{where}")
    if answer is None or answer.status != 200:
        found.append(f"status {answer and answer.status}")
    wider = page.evaluate(WIDER)
    if wider:
        found.append(f"{wider} px wider than the screen")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    if page.evaluate(WIDER):
        found.append("wider than the screen with its details open")
    return found + violations(page, axe)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", SIZES)
def test_every_page_is_clean(
    browser: Browser,
    address: str,
    addresses: dict[str, str],
    axe: str,
    width: int,
    theme: Literal["light", "dark"],
):
    wrong = {}
    for name, where in addresses.items():
        with browser.new_context(viewport={"width": width, "height": SIZES[width]}, color_scheme=theme) as context:
            page = context.new_page()
            wrong[name] = faults(page, where, address, axe)
            if SCREENSHOTS:
                page.screenshot(path=Path(SCREENSHOTS) / f"{name}-{width}-{theme}.png", full_page=True)
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.parametrize("width", [640, 780, 905, 1000, 1190, 1280])
def test_columns_of_the_fleet_have_room_for_words(browser: Browser, address: str, width: int):
    """Screens between a phone and a laptop, a large zoom, and paper: no column has the width of a letter."""
    with browser.new_context(viewport={"width": width, "height": 900}) as context:
        page = context.new_page()
        page.goto(f"{address}/?client=emin")
        widths = page.locator("table.fleet td.finding").evaluate_all("cells => cells.map(cell => cell.clientWidth)")
        assert min(widths) >= 150, widths
        assert page.evaluate(WIDER) == 0


def test_worst_component_is_two_presses_from_its_file_without_script(browser: Browser, address: str):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{address}/")
        page.locator("table.fleet .component a").first.click()
        assert page.locator("h1 .component").count() == 1
        page.locator("table.values a.value").first.click()
        assert "SHA-256" in page.locator("main").inner_text()
        page.go_back()
        page.locator("#change a").click()
        assert page.locator("#change .ways .pill").count() > 0


def test_pages_are_walked_by_keyboard_alone(browser: Browser, address: str):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{address}/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        unit = page.locator("th.unit > a").first.get_attribute("href")
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.getAttribute('href')") == unit:
                break
        page.keyboard.press("Enter")
        page.wait_for_url("**/m?**")
        assert page.locator("h1").count() == 1


def test_printed_page_is_light_and_has_no_buttons(browser: Browser, address: str, addresses: dict[str, str]):
    with browser.new_context(color_scheme="dark") as context:
        page = context.new_page()
        page.emulate_media(media="print", color_scheme="dark")
        page.goto(f"{address}{addresses['report']}")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(24, 33, 44)"
        assert not page.locator(".button").first.is_visible()


def test_file_of_a_report_is_styled_and_asks_for_nothing(browser: Browser, pages: Pages, tmp_path: Path):
    """Its own policy allows its style and nothing else."""
    content = pages.ask("/take/report", client="cda", sample="H-0").content
    file = tmp_path / "report.html"
    file.write_bytes(content.replace(b"</main>", b"<script>document.title = 'ran'</script><img src='x.svg'></main>"))
    (tmp_path / "x.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    with browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark") as context:
        page = context.new_page()
        came: list[str] = []
        page.on("requestfinished", lambda request: came.append(request.url))
        page.goto(file.as_uri())
        assert came == [file.as_uri()]
        assert page.title() != "ran"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 27)"
        assert page.evaluate(WIDER) == 0


def test_answer_to_a_request_that_is_none_has_no_traceback(address: str):
    host, port = address.removeprefix("http://").split(":")
    for raw in (
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n",
        b"GET " + b"a" * 100_000,
    ):
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 400") or answer == b""
        assert b"Traceback" not in answer
