"""A real browser: Debian's Chromium, driven by Playwright, and axe-core to judge whether everybody can use a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files

from playwright.sync_api import Browser, Page, sync_playwright
from tests.support.servers.apt import install_packages

# Root needs it. The pages come from this machine.
OPTIONS = ["--no-sandbox", "--disable-dev-shm-usage"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium without a window.

    Raises:
        ProgramsMissing: it is missing and was not installed.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_program(), args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


def _program() -> str:
    install_packages(["chromium"], ["chromium", "fonts-dejavu-core"])
    found = shutil.which("chromium")
    assert found
    return found


@cache
def axe_source() -> str:
    """The script of axe-core. A package of the development lock has it."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core finds on a page. It comes through the debugger: the policy of the page lets no script in."""
    debugger = page.context.new_cdp_session(page)
    debugger.send("Runtime.evaluate", {"expression": axe})
    answer = debugger.send(
        "Runtime.evaluate",
        {
            "expression": "axe.run().then(found => found.violations.map(one => one.id + ': ' + one.nodes[0].html))",
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    debugger.detach()
    return list(answer["result"]["value"])
