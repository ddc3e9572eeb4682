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


def group_of_essay(essay: str) -> str:
    """Return the group of an essay, such as `Desgaste`. One of another release has none."""
    return _essays().get(essay, {}).get("essay_group", "")


def symbol_of(essay: str) -> str:
    """Return the symbol of an essay, such as `Fe`."""
    return _essays().get(essay, {}).get("symbol", "") or essay


@cache
def _essays() -> dict[str, dict[str, str]]:
    return {row["essay"]: row for row in read_seed("essays")}


@cache
def _places() -> dict[str, int]:
    return {essay: place for place, essay in enumerate(_essays())}
