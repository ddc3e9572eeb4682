"""Long lists of cases: CI tries some of them, drawn by the commit, and `make test-slow` tries all."""

from __future__ import annotations

import math
import random
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest

from tribolake.settings import PROJECT_DIR

SHARE_IN_CI = 0.1


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
