"""The unit of a published value."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from tribolake.oil.seeds import read_seed


def unit_of(essay: str, value: float | None, delivered: str | None) -> str | None:
    """Return the unit of a value: that of its essay, or the delivered one if the value was not converted.

    Args:
        essay: its name.
        value: as published.
        delivered: the result as delivered, where its unit is not the essay's own: `84 UFM`.
    """
    number, _, unit = (delivered or "").partition(" ")
    if unit and value is not None and number.replace(",", ".") == f"{value:.15g}":
        return unit
    return _units().get(essay)


@cache
def _units() -> Mapping[str, str]:
    return {row["essay"]: row["unit"] for row in read_seed("essays")}
