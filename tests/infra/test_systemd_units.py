"""Units and crontabs that docs/operations.md prints: they can be copied as they stand."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tribolake.settings import PROJECT_DIR

TEXT = (PROJECT_DIR / "docs" / "operations.md").read_text(encoding="utf-8")
UNITS = dict(re.findall(r"`/etc/systemd/system/([\w.-]+)`:\n\n```ini\n(.*?)```", TEXT, re.DOTALL))
(CRONTAB,) = re.findall(r"`/etc/cron.d/\w+`:\n\n```cron\n(.*?)```", TEXT, re.DOTALL)
INSTALLED = "/opt/tribolake/.venv/bin/tribolake"
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
FIELD = re.compile(r"(?:\*|\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)(?:/\d+)?")


def check_command(words: str) -> None:
    """Check that the options of a command exist: `--help` is looked at after them."""
    program, *arguments = shlex.split(words)
    assert program in (INSTALLED, INSTALLED.removeprefix("/opt/tribolake/"))
    ended = subprocess.run(
        [sys.executable, "-m", "tribolake", *arguments, "--help"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_documented_units_are_all_found():
    assert set(UNITS) == {
        "tribolake-watch.service",
        *(f"tribolake-{name}.{kind}" for name in ("run", "reprocess") for kind in ("service", "timer")),
    }
    assert TEXT.count("```ini") == len(UNITS)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_documented_units_pass_systemd(tmp_path: Path):
    # The account and the program of the documentation are not on this machine.
    for name, unit in UNITS.items():
        here = unit.replace(INSTALLED, sys.executable).replace("User=tribolake", "User=root")
        (tmp_path / name).write_text(here.replace("/opt/tribolake", "/"), encoding="utf-8")
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    about_them = [line for line in ended.stderr.splitlines() if str(tmp_path) in line or "tribolake-" in line]
    assert about_them == []
    for name, unit in UNITS.items():
        for moment in re.findall(r"^OnCalendar=(.*)$", unit, re.MULTILINE):
            subprocess.run(["systemd-analyze", "calendar", moment], capture_output=True, check=True)
        assert name.endswith(".timer") == ("OnCalendar=" in unit)


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_commands_of_documented_units_exist(name: str):
    (command,) = re.findall(r"^ExecStart=(.*)$", UNITS[name], re.MULTILINE)
    check_command(command)


@pytest.mark.parametrize("line", [line for line in CRONTAB.splitlines() if not line.startswith("MAILTO")])
def test_documented_crontab_can_be_read(line: str):
    *fields, user, command = line.split(maxsplit=6)
    for field, (least, most) in zip(fields, RANGES, strict=True):
        assert FIELD.fullmatch(field), field
        assert all(least <= int(number) <= most for number in re.findall(r"(?<!/)\b\d+", field)), field
    assert user == "tribolake"
    assert "%" not in command, "cron ends the line there"
    folder, _, rest = command.partition(" && ")
    assert folder == "cd /opt/tribolake"
    check_command(rest)


def test_weekly_command_is_the_same_everywhere():
    """A timer, the crontab and the stack's rule reprocess what readers see."""
    stack = (PROJECT_DIR / "infra" / "stack.yml").read_text(encoding="utf-8")
    rule = re.search(r"^  Reprocess:\n(.*?)^  \w", stack, re.MULTILINE | re.DOTALL)
    assert rule
    (said,) = re.findall(r"Input: >-\n\s+(\{.*\})\n", rule[1])
    (override,) = json.loads(said)["containerOverrides"]
    assert override["name"] == "tribolake"
    check_command(shlex.join([INSTALLED, *override["command"]]))
    assert re.search(r"ScheduleExpression: cron\(30 3 \? \* SUN \*\)", rule[1])
    assert "OnCalendar=Sun *-*-* 03:30:00" in UNITS["tribolake-reprocess.timer"]
    for line in (shlex.join(override["command"]), CRONTAB, UNITS["tribolake-reprocess.service"]):
        assert "reprocess --current --quiet" in line
