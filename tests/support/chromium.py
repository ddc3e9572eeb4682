"""A real browser: Debian's Chromium, driven by Playwright, and axe-core to judge whether everybody can use a page."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from tests.support.servers.apt import MAY_INSTALL, install_packages

AXE = "axe-core@4.14.1"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"  # of axe.min.js
# Root needs it. The pages come from this machine.
OPTIONS = ["--no-sandbox", "--disable-dev-shm-usage"]


class AxeIsNotAtHand(Exception):
    """axe-core is not on this machine, and npm cannot fetch it."""


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


def axe_source(folder: Path) -> str:
    """Fetch axe-core by npm, and check that it is the one that is meant.

    Raises:
        AxeIsNotAtHand: npm is missing, may not be used, or does not answer.
    """
    npm = shutil.which("npm")
    if os.environ.get(MAY_INSTALL) != "1" or not npm:
        raise AxeIsNotAtHand(f"axe-core needs npm and {MAY_INSTALL}=1")
    words = [npm, "pack", AXE, "--silent", "--pack-destination", str(folder)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    if ended.returncode:
        raise AxeIsNotAtHand(f"`npm pack {AXE}` failed: {ended.stderr.strip()[-300:]}")
    (archive,) = folder.glob("axe-core-*.tgz")
    with tarfile.open(archive) as packed:
        member = packed.extractfile("package/axe.min.js")
        assert member is not None
        content = member.read()
    assert hashlib.sha256(content).hexdigest() == AXE_SHA256
    return content.decode()


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
