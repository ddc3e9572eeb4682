"""What holds for the whole project: commands explain themselves, tables are described, files are portable."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from tribolake.cli.app import app
from tribolake.oil.product import OIL
from tribolake.oil.seeds import read_seed
from tribolake.run.dbt import build_command
from tribolake.settings import PROJECT_DIR


def commands_below(group: Any, above: str = "") -> dict[str, Any]:
    """The commands of a group, and of the groups in it, by all their words."""
    found = {}
    for word, command in group.commands.items():
        name = f"{above}{word}"
        found |= commands_below(command, f"{name} ") if hasattr(command, "commands") else {name: command}
    return found


COMMANDS = commands_below(get_command(app))
README = (PROJECT_DIR / "README.md").read_text(encoding="utf-8")


def committed_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT_DIR, capture_output=True, text=True, check=True
    ).stdout
    return [PROJECT_DIR / name for name in listed.split("\0") if name]


@cache
def properties(kind: str) -> list[dict[str, Any]]:
    """What the properties files say of models, unit tests and so on."""
    files = (PROJECT_DIR / "models").rglob("*.yml")
    # The loader in C takes a tenth of the time.
    read = (yaml.load(path.read_bytes(), yaml.CSafeLoader) for path in files)
    return [each for one in read for each in one.get(kind, [])]


@cache
def model_properties() -> dict[str, dict]:
    return {model["name"]: model for model in properties("models")}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_what_it_does_and_shows_examples(name):
    command = COMMANDS[name]
    assert command.help
    assert f"`tribolake {name}" in command.epilog
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"--{parameter.name} of {name} has no help"


@pytest.mark.parametrize(
    "name",
    ["demo", "run", "watch", "status", "arrivals list", "arrivals retry", "history", "limits diff", "synth", "docs"],
)
def test_every_command_of_the_contract_exists(name):
    assert name in COMMANDS


def test_every_model_has_a_properties_file():
    for model in [*(PROJECT_DIR / "models").rglob("*.sql"), *(PROJECT_DIR / "models").rglob("*.py")]:
        assert model.with_suffix(".yml").exists(), f"{model.name} has no .yml next to it"


@pytest.mark.parametrize("name", sorted(model_properties()))
def test_every_column_of_a_model_is_described(name):
    model = model_properties()[name]
    assert model["description"]
    assert all(column.get("description") for column in model["columns"])


def test_every_model_has_a_data_test_or_a_unit_test():
    tested = {unit_test["model"] for unit_test in properties("unit_tests")}
    for name, model in model_properties().items():
        of_columns = [column for column in model["columns"] if column.get("data_tests")]
        assert model.get("data_tests") or of_columns or name in tested, name


@pytest.mark.parametrize("name", [table.model for table in OIL.contract.tables])
def test_public_gold_has_an_enforced_contract(name):
    config = model_properties()[name]["config"]
    assert config["contract"]["enforced"] is True
    assert config["access"] == "public"


def test_essay_columns_of_gold_are_those_of_the_seed():
    columns = [column["name"] for column in model_properties()["classified_reports"]["columns"]]
    essays = [row["essay"] for row in read_seed("essays") if row["has_column"] == "true"]
    assert [name for name in columns if name in essays] == essays


def test_no_committed_file_names_a_package_registry():
    address = re.compile(r"(pypi|pythonhosted)\.(org|io)|--(extra-)?index-url\s+\S|registry\.npmjs", re.IGNORECASE)
    for path in committed_files():
        if path.suffix not in {".png", ".parquet", ".xls", ".xlsb"} and path != Path(__file__):
            assert not address.search(path.read_text(encoding="utf-8")), path


def test_every_locked_package_has_a_hash():
    for kind in ("", "-market", "-web", "-pdf", "-dev"):
        name = f"requirements{kind}.lock"
        entries = re.split(r"\n(?=\S)", (PROJECT_DIR / name).read_text(encoding="utf-8"))
        assert all("--hash=sha256:" in entry for entry in entries if entry.strip())


def test_readme_names_existing_make_targets():
    makefile = (PROJECT_DIR / "Makefile").read_text(encoding="utf-8")
    for target in set(map("".join, re.findall(r"`make ([a-z-]+)|\$ make ([a-z-]+)", README))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_a_run_builds_models_and_what_changed_with_the_project():
    everything = build_command(OIL, load_seeds=True, rebuild=True)
    kinds = ["--resource-type", "model", "--resource-type", "seed"]
    assert everything == ["build", *kinds, "--select", "fqn:tribolake.oil", "--full-refresh"]
    partial = build_command(OIL, load_seeds=False, rebuild=False)
    assert "seed" not in partial
    views = "config.materialized:view,access:protected"
    assert partial[partial.index("--exclude") :] == ["--exclude", views, "fqn:tribolake.oil.policy"]
