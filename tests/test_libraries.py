"""Libraries that are imported when they are first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tribolake.libraries import NotInstalled, library

LATE = ("boto3", "botocore.config", "botocore.exceptions", "exchange_calendars", "talib", "alembic", "apprise")


def test_library_is_imported_at_its_first_use(monkeypatch):
    late = library("colorsys")
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    assert "colorsys" not in sys.modules
    assert late.rgb_to_hls(0, 0, 0) == (0, 0, 0) and "colorsys" in sys.modules


def test_library_of_an_extra_that_is_missing_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "talib", None)
    with pytest.raises(NotInstalled, match=r"^talib is not installed: install requirements-market.lock, or `pip"):
        library("talib", "market").SMA  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        library("talib").SMA  # noqa: B018


def test_rooms_of_runs_import_no_late_library():
    """Importing them takes longer than a run without new files."""
    program = (
        "import sys, tribolake.run.home, tribolake.trace.origin, tribolake.market.retrieval, tribolake.market.sinks;"
        f"print([name for name in {LATE} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
