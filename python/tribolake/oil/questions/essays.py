"""The essays, and the order in which they are shown."""

from __future__ import annotations

from functools import cache

from tribolake.oil.seeds import read_seed


def is_essay(name: str) -> bool:
    """Return whether the seed has an essay of this name."""
    return name in _places()


def place_of(essay: str) -> tuple[int, str]:
    """Return the place of an essay in the order of the seed. An essay of another release comes last."""
    return _places().get(essay, len(_places())), essay


@cache
def _places() -> dict[str, int]:
    return {row["essay"]: place for place, row in enumerate(read_seed("essays"))}
