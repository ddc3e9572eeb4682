"""The walkthroughs of CONTRIBUTING.md, carried out as a reader would carry them out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.project_copy import copy_parsed
from tribolake.settings import PROJECT_DIR

GUIDE = PROJECT_DIR / "CONTRIBUTING.md"
WALKTHROUGH = re.compile(r"^## Walkthrough: (.+?)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(\w+)(?: (append|write) ([\w./-]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A block of a walkthrough: text for a file, or commands with what they answer."""

    action: str  # append, write or console
    file: str
    text: str


def walkthroughs() -> dict[str, list[Step]]:
    return {title: list(steps_of(text)) for title, text in WALKTHROUGH.findall(GUIDE.read_text(encoding="utf-8"))}


def steps_of(text: str) -> Iterator[Step]:
    for language, action, file, block in BLOCK.findall(text):
        if action:
            yield Step(action, file, block)
        elif language == "console":
            yield Step("console", "", block)


def commands_of(block: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the answer that the guide shows."""
    for command, answer in re.findall(r"^\$ ([^\n]*)\n((?:(?!^\$ ).*\n?)*)", block, re.MULTILINE):
        yield command, answer.strip()


def matches(shown: str, said: str) -> bool:
    """Whether a command said what the guide shows; `…` in the guide stands for any text."""
    pattern = ".*".join(re.escape(" ".join(part.split())) for part in shown.split("…"))
    return re.search(pattern, " ".join(said.split()), re.DOTALL) is not None


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what is under version control, with an environment of its own."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    tracked = subprocess.run(listed, cwd=PROJECT_DIR, capture_output=True, text=True, check=True)
    for name in tracked.stdout.splitlines():
        source, target = PROJECT_DIR / name, tmp_path / "checkout" / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    copy_parsed(tmp_path / "checkout")
    return tmp_path / "checkout"


def run_command(command: str, checkout: Path) -> str:
    """Run a shell command with the copy's code in front of the installed one. Returns stdout and stderr."""
    scripts = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(checkout / "python"),
        "COLUMNS": "120",
    }
    done = subprocess.run(
        ["bash", "-c", command], cwd=checkout, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode in (0, 4), f"{command}\n{said[-3000:]}"
    return said


@pytest.mark.slow
@pytest.mark.parametrize("title", walkthroughs())
def test_walkthrough_gives_what_the_guide_shows(title: str, checkout: Path) -> None:
    for step in walkthroughs()[title]:
        file = checkout / step.file
        if step.action == "write":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step.text, encoding="utf-8")
        elif step.action == "append":
            with file.open("a", encoding="utf-8") as end:
                end.write(step.text)
        else:
            for command, shown in commands_of(step.text):
                said = run_command(command, checkout)
                assert matches(shown, said), f"$ {command}\nthe guide shows:\n{shown}\nit said:\n{said[-3000:]}"


def test_guide_has_the_four_walkthroughs() -> None:
    assert [title.partition(" ")[2] for title in walkthroughs()] == ["laboratory", "rule", "model", "command"]
    assert all(step.text for steps in walkthroughs().values() for step in steps)
