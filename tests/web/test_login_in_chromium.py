"""Test the login in a real browser, under the policy of the pages and without a script."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.support.chromium import violations
from tests.support.oidc_login import access_of
from tests.support.oidc_provider import SECRET, Provider, oidc_provider
from tests.web.test_pages_in_chromium import WIDER, axe, browser  # noqa: F401 - fixtures

from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.shelf import read_feedback
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with oidc_provider() as running:
        yield running


@pytest.fixture(scope="module")
def lake(page_lake: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake of its own, for feedback is written."""
    copied = tmp_path_factory.mktemp("copied") / "lake"
    shutil.copytree(page_lake.lake, copied, symlinks=True)
    return load_settings(lake=copied)


@pytest.fixture(scope="module")
def served(lake: Settings, provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server, as a user starts it."""
    folder = tmp_path_factory.mktemp("login")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    access_of(folder, provider.issuer, f"http://127.0.0.1:{port}")
    words = ["serve", "--lake", str(lake.lake), "--port", str(port), "--access", str(folder / "access.toml")]
    with subprocess.Popen(
        [sys.executable, "-m", "tribolake", *words],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TRIBOLAKE_OIDC_SECRET": SECRET},
    ) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip().rstrip("/")
        finally:
            server.terminate()


@pytest.mark.parametrize("has_script", [True, False])
def test_user_logs_in_searches_after_the_session_and_logs_out(
    browser: Browser,  # noqa: F811
    served: str,
    provider: Provider,
    axe: str,  # noqa: F811
    has_script: bool,
):
    """A search whose session is over leads to the issuer too: no redirect of a form leaves the server."""
    provider.say()
    with browser.new_context(java_script_enabled=has_script, viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text))
        page.goto(f"{served}/m?client=cda&unit=T_01")
        page.wait_for_url("**/m?client=cda&unit=T_01")
        page.locator("h1").wait_for()
        assert "ana@mine.cl" in page.locator("header.top").inner_text()
        page.goto(f"{served}/")
        context.clear_cookies(name="tribolake_reader")
        page.locator("#search").fill("t-01")
        page.locator("#search").press("Enter")
        page.locator("th.unit > a").first.wait_for()
        assert page.url == f"{served}/?q=t-01"
        page.locator("form.session button").click()
        page.locator("text=Sesión terminada").wait_for()
        if has_script:
            assert violations(page, axe) == []
            assert page.evaluate(WIDER) == 0
        assert "tribolake_reader" not in {cookie["name"] for cookie in context.cookies()}
        assert [one for one in wrong if "401" not in one] == []


def test_feedback_is_signed_by_the_user_of_the_token(
    browser: Browser,  # noqa: F811
    served: str,
    provider: Provider,
    lake: Settings,
):
    provider.say(email="eva@mine.cl", groups=["reliability"])
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{served}/login?next=/m?client=cda%26unit=T_01")
        page.locator("table.components th a").first.click()
        assert page.locator("#feedback [name=written_by]").count() == 0
        page.locator("#feedback button[value=seen]").click()
        page.wait_for_url("**#feedback")
        assert "eva@mine.cl" in page.locator("#feedback").inner_text()
    written = read_feedback(open_objects(lake), "cda", {}).entries
    assert [entry.written_by for entry in written] == ["eva@mine.cl"]
