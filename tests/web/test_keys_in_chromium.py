"""Test the work by keyboard alone in a real browser, what keys leave alone, and the same work without a script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page
from tests.support.chromium import violations
from tests.web.test_pages_in_chromium import WIDER, address, addresses, axe, browser  # noqa: F401 - fixtures

pytestmark = pytest.mark.slow
FOCUSED = "document.activeElement.getAttribute('href')"
MARKED = "main .chosen mark"


@contextmanager
def page_at(browser: Browser, url: str, **options: object) -> Iterator[Page]:  # noqa: F811
    """A page without a pointer, whose errors fail the test."""
    with browser.new_context(**options) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text))
        page.goto(url)
        yield page
        assert errors == []


def row_links(page: Page) -> list[str | None]:
    rows = page.locator("table.fleet tbody tr").all()
    chosen = (row.locator(".component a").or_(row.locator("th.unit > a")) for row in rows)
    return [links.last.get_attribute("href") for links in chosen]


def test_first_breach_of_the_worst_component_is_two_presses_away(browser: Browser, address: str):  # noqa: F811
    with page_at(browser, f"{address}/") as page:
        first = page.locator("table.fleet .component a").first.get_attribute("href")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}{first}")
        breach = page.locator("table.values tbody th").first.inner_text()
        page.keyboard.press("Enter")
        page.wait_for_url("**/lineage?**")
        assert breach.split("\n")[0] in page.locator("h1").inner_text()
        assert page.locator(MARKED).first.is_visible()


def test_rows_are_walked_and_opened_by_keys(browser: Browser, address: str):  # noqa: F811
    with page_at(browser, f"{address}/?client=cda") as page:
        links = row_links(page)
        assert len(links) > 20
        for key, row in (("j", 0), ("k", 0), ("j", 1), ("j", 2), ("k", 1)):
            page.keyboard.press(key)
            assert page.evaluate(FOCUSED) == links[row], (key, row)
        row_top = "document.activeElement.closest('tr').getBoundingClientRect().top"
        for _ in range(15):
            page.keyboard.press("j")
        assert page.evaluate(FOCUSED) == links[16]
        assert 0 <= page.evaluate(row_top) < page.evaluate("innerHeight")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}{links[16]}")


def test_search_is_a_key_away_from_every_page(browser: Browser, address: str):  # noqa: F811
    with page_at(browser, f"{address}/") as page:
        page.keyboard.press("/")
        page.keyboard.type("t-01 jk?/")
        assert page.evaluate("document.activeElement.value") == "t-01 jk?/"
        assert not page.locator("dialog").is_visible()
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement === document.body")
        page.keyboard.press("/")
        page.keyboard.type("t-01")  # what was typed before was selected
        page.keyboard.press("Enter")
        page.wait_for_url("**/?q=t-01")
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "q=" not in url)
        page.keyboard.press("/")
        page.wait_for_url("**/#search")
        assert page.evaluate("document.activeElement.id") == "search"


def test_help_says_the_keys_and_turns_them_off(
    browser: Browser,  # noqa: F811
    address: str,  # noqa: F811
    axe: str,  # noqa: F811
):
    with page_at(browser, f"{address}/?lang=en", viewport={"width": 390, "height": 844}) as page:
        page.keyboard.press("?")
        assert page.locator("dialog").is_visible()
        assert page.evaluate(WIDER) == 0
        assert page.locator("dialog dt").all_inner_texts()[:4] == ["/", "j", "k", "Enter"]
        assert violations(page, axe) == []
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.closest('dialog') !== null")
        page.locator("#keys-active").press("Space")
        page.keyboard.press("Escape")
        assert not page.locator("dialog").is_visible()
        page.reload()
        before = page.evaluate("document.activeElement.tagName")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.tagName") == before == "BODY"
        page.locator("#keys-open").press("Enter")
        assert not page.locator("#keys-active").is_checked()


def test_next_and_earlier_reports_have_keys(browser: Browser, address: str):  # noqa: F811
    with page_at(browser, f"{address}/r?client=cda&sample=W-2026-01-20") as page:
        page.keyboard.press("n")
        page.keyboard.press("Control+p")
        assert "W-2026-01-20" in page.url
        page.keyboard.press("p")
        page.wait_for_url("**W-2026-01-10**")
        page.keyboard.press("n")
        page.wait_for_url("**W-2026-01-20**")


def test_all_of_it_works_without_a_script_at_200_per_cent(browser: Browser, address: str):  # noqa: F811
    """A screen of 1440 px at 200 per cent has 720."""
    options = {
        "java_script_enabled": False, "viewport": {"width": 720, "height": 450}, "device_scale_factor": 2,
    }  # fmt: skip
    with page_at(browser, f"{address}/", **options) as page:
        assert not page.locator("#keys-open").is_visible()
        assert not page.locator("dialog").is_visible()
        page.locator("#search").fill("t-01")
        page.locator("#search").press("Enter")
        page.wait_for_url("**/?q=t-01")
        page.locator("th.unit > a").first.click()
        page.locator("table.components th a").first.click()
        page.locator("table.values a.value").first.click()
        assert page.locator(MARKED).first.is_visible()


def test_no_page_is_wider_than_the_screen_at_200_per_cent(
    browser: Browser,  # noqa: F811
    address: str,  # noqa: F811
    addresses: dict[str, str],  # noqa: F811
):
    wider = {}
    for name, where in addresses.items():
        with page_at(browser, f"{address}{where}", viewport={"width": 720, "height": 450}) as page:
            wider[name] = page.evaluate(WIDER)
    assert {name: pixels for name, pixels in wider.items() if pixels} == {}
