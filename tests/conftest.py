"""What tests share: empty lakes, and the real files where they are at hand."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from dbt_common.tests import enable_test_caching
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from typer.testing import CliRunner

from tests.support.drawn import leave_to_other_commits
from tribolake.cli.app import app
from tribolake.oil.product import OIL
from tribolake.run.dbt import parse_ahead
from tribolake.run.garbage import no_garbage_collection
from tribolake.settings import PROJECT_DIR, Settings, load_settings

pytest_plugins = [
    "tests.support.s3_fixtures",
    "tests.support.published_lakes",
    "tests.support.project_copy",
    "tests.support.aurora_fixtures",
]
# No test pays with the key of whoever runs it, or writes into their database.
for _name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "AURORA_HOST", "TRIBOLAKE_AURORA_URL"):
    os.environ.pop(_name, None)
# Compiled code is kept, whatever the environment says: tests start hundreds of processes, and each would compile it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
REAL_DATA = PROJECT_DIR.parent / "shared" / "data"


# dbt parses a template once in a process instead of once in a run, as its own tests do.
enable_test_caching()

# A loaded machine is slow, not wrong.
hypothesis_settings.register_profile("tribolake", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("tribolake")


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    leave_to_other_commits(items)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Modules and tests stay to the end, so that no search for garbage has to look at them."""
    with no_garbage_collection():
        found = yield
    gc.freeze()
    return found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty lake of its own."""
    return load_settings(lake=tmp_path / "lake")


@pytest.fixture(scope="session")
def parsed_project(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The project is parsed once for all runs in this process, as the watcher does it."""
    settings = load_settings(lake=tmp_path_factory.mktemp("parsed"))
    settings.state.mkdir()
    parse_ahead(OIL, settings)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real laboratory files and of what the production code makes of them."""
    if not REAL_DATA.exists():
        pytest.skip("the real files are not beside this checkout")
    return REAL_DATA


@pytest.fixture
def tribolake() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command, as a user starts it."""

    def call(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tribolake", *words],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env=os.environ | environment,
        )

    return call


@pytest.fixture
def tribolake_here(parsed_project: None) -> Callable[..., Result]:
    """The command in this process, for runs: a process of its own takes seconds to import dbt."""
    return lambda *words: CliRunner().invoke(app, words)


def read_manifest(lake: Path, client: str) -> dict:
    return json.loads((lake / "oil-analysis" / "gold" / client / "_manifest.json").read_text(encoding="utf-8"))
