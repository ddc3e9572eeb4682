"""Make the pictures of the README from the sample files: `make pictures`. Their day is always the same."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser
from tests.support.chromium import chromium

from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import PROJECT_DIR, Settings, load_settings
from tribolake.web.app import make_app
from tribolake.web.serving import listen

FOLDER = PROJECT_DIR / "docs" / "pictures"
DAY = datetime(2026, 2, 1, 12, tzinfo=UTC)  # the day after the last sample
SIZE = {"width": 1180, "height": 600}
MOST_BYTES = 150_000


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Serve the pages of a lake as they are on DAY."""
    listening = listen("127.0.0.1", 0, has_access=False)
    app = make_app(settings, lambda line: None, lambda: DAY)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def take_pictures(browser: Browser, address: str, folder: Path) -> list[Path]:
    """Take the pictures. Returns their files.

    Raises:
        ValueError: a picture is larger than a README should load.
    """
    page = browser.new_page(viewport=SIZE, color_scheme="light")
    page.goto(f"{address}/")
    fleet = folder / "fleet.png"
    page.screenshot(path=fleet)
    page.locator("th.unit > a").first.click()
    page.evaluate("document.getElementById('series').scrollIntoView()")
    machine = folder / "machine.png"
    page.screenshot(path=machine)
    page.close()
    for file in (fleet, machine):
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"{file.name} has {file.stat().st_size:,} bytes, more than {MOST_BYTES:,}")
    return [fleet, machine]


def main() -> None:
    """Make the sample files, run on them, and take the pictures."""
    with tempfile.TemporaryDirectory(prefix="tribolake-pictures-") as folder:
        settings = load_settings(lake=Path(folder) / "lake")
        write_sample_lake(settings.lake)
        run(OIL, settings)
        FOLDER.mkdir(exist_ok=True)
        with served(settings) as address, chromium() as browser:
            for file in take_pictures(browser, address, FOLDER):
                print(file.relative_to(PROJECT_DIR))  # noqa: T201 - a script


if __name__ == "__main__":
    main()
