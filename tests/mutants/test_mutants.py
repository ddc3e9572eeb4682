"""Break the code in many small ways, each of which a named test must notice.

`mutants.yml` lists them. A mutant replaces one text of a file in a copy of the project, where the test then runs: a
test of pytest, or the unit tests of a model. A text that is gone or not unique fails, so that the list stays true.

CI tries a tenth of the list, another one for each commit. `make test-slow SLOW=tests/mutants` tries all.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support.drawn import drawn
from tests.support.project_copy import copy_project, in_project
from tribolake.settings import PROJECT_DIR

LIST = Path(__file__).with_name("mutants.yml")
TESTS_FAILED = 1


@dataclass(frozen=True)
class Mutant:
    """`killed_by` is a test of pytest, or `unit tests of MODEL`."""

    name: str
    file: str
    text: str
    becomes: str
    killed_by: str


def mutants() -> list[Mutant]:
    return [Mutant(**entry) for entry in yaml.safe_load(LIST.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the project with an empty warehouse, in which unit tests of models can run."""
    project = copy_project(tmp_path_factory.mktemp("mutants") / "project")
    for name in ("pyproject.toml", "infra", "Dockerfile", ".gitignore"):
        source = PROJECT_DIR / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copyfile(source, project / name)
    built = in_project(project, "dbt.cli.main", "build", "--exclude-resource-type", "unit_test")
    assert built.returncode == 0, built.stdout[-3000:]
    yield project
    shutil.rmtree(project)


def mutated(text: str, mutant: Mutant) -> str:
    """Return the text with the mutant's change.

    Raises:
        AssertionError: the text to replace is not there exactly once.
    """
    times = text.count(mutant.text)
    assert times == 1, f"{mutant.file} has the text of mutant {mutant.name} {times} times: choose another text"
    return text.replace(mutant.text, mutant.becomes)


def is_killed(project: Path, mutant: Mutant) -> bool:
    """Run the test that has to notice the mutant."""
    model = mutant.killed_by.removeprefix("unit tests of ")
    if model != mutant.killed_by:
        ended = in_project(project, "dbt.cli.main", "test", "--select", f"{model},test_type:unit")
        assert "PASS=" in ended.stdout, ended.stdout[-2000:]
        assert "TOTAL=0" not in ended.stdout, f"{model} has no unit tests"
        return ended.returncode == TESTS_FAILED
    ended = in_project(project, "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", mutant.killed_by)
    assert ended.returncode in (0, TESTS_FAILED), ended.stdout[-3000:] + ended.stderr[-1000:]
    return ended.returncode == TESTS_FAILED


def test_each_mutant_changes_a_text_that_is_there_once():
    for mutant in mutants():
        assert mutated((PROJECT_DIR / mutant.file).read_text(encoding="utf-8"), mutant)
    names = [mutant.name for mutant in mutants()]
    assert len(names) == len(set(names))


def test_each_mutant_names_a_test_that_is_there():
    """CI tries a share of them, so a test that has another name now would be missed for long."""
    gone = []
    for mutant in mutants():
        place, _, name = mutant.killed_by.partition("::")
        test = PROJECT_DIR / place
        if name and not (test.exists() and f"def {name.partition('[')[0]}(" in test.read_text(encoding="utf-8")):
            gone.append(mutant.killed_by)
    assert gone == []


@pytest.mark.slow
@pytest.mark.parametrize("mutant", drawn(mutants(), name=lambda mutant: mutant.name))
def test_mutant_is_killed(copy: Path, mutant: Mutant):
    file = copy / mutant.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(mutated(whole, mutant), encoding="utf-8")
    try:
        assert is_killed(copy, mutant), f"{mutant.killed_by} does not notice {mutant.name}"
    finally:
        file.write_text(whole, encoding="utf-8")
