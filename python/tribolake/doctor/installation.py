"""Checks of the installation. Each returns a finding, and advice if there is a problem."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import apprise
import duckdb
from packaging.requirements import Requirement

from tribolake.lake.confined_duckdb import load_httpfs
from tribolake.run.target import target_dir
from tribolake.settings import PROJECT_DIR, Settings
from tribolake.settings.load import unknown_variables

SHOWN = 5


def _python(_: Settings) -> tuple[str, str]:
    return f"{platform.python_implementation()} {platform.python_version()}, tribolake {version('tribolake')}", ""


def _packages(_: Settings) -> tuple[str, str]:
    lock = PROJECT_DIR / "requirements.lock"
    locked = [Requirement(line.rstrip("\\ ")) for line in lock.read_text("utf-8").splitlines() if "==" in line]
    wanted = [each for each in locked if each.marker is None or each.marker.evaluate()]
    others = [found for each in wanted if (found := _other_version(each))]
    if not others:
        return f"{len(wanted)} packages match requirements.lock", ""
    shown = ", ".join(others[:SHOWN]) + (", …" if len(others) > SHOWN else "")
    return f"{len(others)} of {len(wanted)} differ: {shown}", f"pip install --require-hashes -r {lock}"


def _other_version(wanted: Requirement) -> str:
    """Describe an installed package that differs from the lock. Returns an empty text if it is the same."""
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        return f"{wanted.name} is missing"
    return "" if wanted.specifier.contains(found, prereleases=True) else f"{wanted.name} {found} ({wanted.specifier})"


def _variables(_: Settings) -> tuple[str, str]:
    unknown = unknown_variables()
    hints = [f"{name} is unknown" + (f": did you mean {near}?" if near else "") for name, near in unknown.items()]
    return f"{len(unknown)} unknown TRIBOLAKE_ variables", "; ".join(hints)


def _project(settings: Settings) -> tuple[str, str]:
    if not (PROJECT_DIR / "dbt_project.yml").exists():
        return f"no dbt project in {PROJECT_DIR}", "install the wheel again, or use a complete checkout"
    return f"{PROJECT_DIR}, parsed in {target_dir(settings)}", ""


def _httpfs(_: Settings) -> tuple[str, str]:
    with duckdb.connect() as connection:
        load_httpfs(connection)
    return f"DuckDB {duckdb.__version__} reads S3", ""


def _model(settings: Settings) -> tuple[str, str]:
    if not settings.asks_a_model:
        return "no key: the rules word the recommendations", ""
    return f"a key for {settings.model.name} is set", ""


def _notify(settings: Settings) -> tuple[str, str]:
    wrong = [str(n) for n, target in enumerate(settings.notify, start=1) if not apprise.Apprise().add(target)]
    # An address may hold a password, so only its position is shown.
    advice = f"address {', '.join(wrong)} of TRIBOLAKE_NOTIFY is not an address of apprise" if wrong else ""
    return f"{len(settings.notify)} addresses get messages", advice


INSTALLATION_CHECKS: dict[str, Callable[[Settings], tuple[str, str]]] = {
    "python": _python,
    "packages": _packages,
    "variables": _variables,
    "dbt project": _project,
    "httpfs": _httpfs,
    "model": _model,
    "notify": _notify,
}
