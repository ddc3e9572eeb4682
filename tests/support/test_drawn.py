"""What is drawn is the same for a commit, at least one case, and never all of many."""

from __future__ import annotations

import pytest
from tests.support import drawn as module
from tests.support.drawn import draw, drawn


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (5, 1), (10, 1), (11, 2), (53, 6)])
def test_a_tenth_is_drawn_and_at_least_one(count: int, expected: int):
    cases = list(range(count))
    assert len(draw(cases)) == expected
    assert draw(cases) == draw(cases) == sorted(draw(cases))
    kept = [case for case in drawn(cases) if not case.marks]
    assert [case.values for case in kept] == [(case,) for case in draw(cases)]


def test_commits_together_try_every_case(monkeypatch: pytest.MonkeyPatch):
    tried = set()
    for commit in range(200):
        monkeypatch.setattr(module, "_commit", lambda commit=commit: f"{commit:040x}")
        tried |= set(draw(range(20)))
    assert tried == set(range(20))
