"""What CI draws by the commit: cases of long lists, and files of slow tests. `make test-slow` tries all."""

from __future__ import annotations

import math
import random
import subprocess
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tribolake.settings import PROJECT_DIR

SHARE_IN_CI = 0.1
# Files with slow tests in these folders make whole lakes. CI tries them in turn, and those of other folders always.
IN_TURN = ("e2e", "faults", "lake", "market", "oil/lab_draft", "oil/reading", "oil/wording", "publish", "run", "trace")
TESTS = PROJECT_DIR / "tests"


@cache
def _commit() -> str:
    """Return the commit that is tested. It is the same for each worker of a session."""
    return subprocess.run(
        ["git", "-C", str(PROJECT_DIR), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    ).stdout


def draw(cases: Sequence[Any], share: float = SHARE_IN_CI) -> list[Any]:
    """Return this commit's share of some cases, at least one, in their order."""
    chance = random.Random(_commit())  # noqa: S311 - a sample, not a secret
    return [cases[at] for at in sorted(chance.sample(range(len(cases)), math.ceil(len(cases) * share)))]


def drawn(cases: Sequence[Any], share: float = SHARE_IN_CI, *, name: Callable[[Any], str] = str) -> list[Any]:
    """Return the cases as parameters. Those that this commit's CI leaves out have the mark `thorough`.

    A tuple has the values of several parameters.
    """
    chosen = set(draw(range(len(cases)), share))
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            id=name(case),
            marks=() if at in chosen else pytest.mark.thorough,
        )
        for at, case in enumerate(cases)
    ]


def leave_to_other_commits(items: Iterable[pytest.Item], share: float = 0.35) -> None:
    """Mark slow tests as `thorough` but for those in this commit's share of the files in turn."""
    slow = [item for item in items if item.get_closest_marker("slow") and not item.get_closest_marker("thorough")]
    files = sorted({item.path for item in slow if _is_in_turn(item.path)})
    left = set(files) - set(draw(files, share)) if files else set()
    for item in slow:
        if item.path in left:
            item.add_marker(pytest.mark.thorough)


def _is_in_turn(file: Path) -> bool:
    return any(file.is_relative_to(TESTS / folder) for folder in IN_TURN)
