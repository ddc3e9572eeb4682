"""Which essay a name of a laboratory means on a sheet, by the seeds: as the macro `named_essays` finds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from tribolake.oil.seeds import read_seed
from tribolake.readers.layout import ANY_SHEET
from tribolake.readers.names import normal_form

OWN, OF_THE_FLUID, OF_ANY = 1, 2, 3  # how near a row of the seed is to a sheet
Row = Mapping[str, str]


@dataclass(frozen=True)
class EssayName:
    """A row of the seed `lab_essays` for a sheet. A smaller priority goes first."""

    name: str
    essay: str
    priority: int
    nearness: int


def named_essay(laboratory: str, sheet: str, name: str) -> EssayName | None:
    """Return the essay that a name means. Returns None if no seed has the name.

    Names are compared in their normal form. Of two that are one in it, the spelling of the seed goes first.
    """
    found = _names(laboratory, sheet).get(normal_form(name), ())
    return min(found, key=lambda one: (one.name != name, one.nearness, one.priority, one.name), default=None)


@cache
def _names(laboratory: str, sheet: str) -> Mapping[str, Sequence[EssayName]]:
    sheets = [row for row in read_seed("lab_sheets") if row["laboratory"] == laboratory]
    fluid_sheets = _sheets_of_the_fluid(sheet, sheets)
    rows = [row for row in read_seed("lab_essays") if row["laboratory"] == laboratory]
    near = [(row, _nearness(row["sheet"], sheet, fluid_sheets)) for row in rows]
    # A sheet without names of its own has those of the laboratory's other sheets of the same fluid.
    is_declared = any(nearness == OWN for _, nearness in near)
    names: dict[str, list[EssayName]] = {}
    for row, nearness in near:
        if nearness is not None and not (is_declared and nearness == OF_THE_FLUID):
            known = EssayName(row["name"], row["essay"], int(row["priority"]), nearness)
            names.setdefault(normal_form(row["name"]), []).append(known)
    return names


def _sheets_of_the_fluid(sheet: str, declared: Sequence[Row]) -> frozenset[str]:
    """Return the declared sheets of the fluid that a sheet is about."""
    form = normal_form(sheet)
    own = [row for row in declared if normal_form(row["sheet"]) == form]
    fluids = [row["fluid"] for row in own or declared if row["sheet"] == ANY_SHEET or own]
    fluid = next((one for one in fluids if one), None)
    return frozenset(row["sheet"] for row in declared if fluid and row["fluid"] == fluid)


def _nearness(named: str, sheet: str, of_the_fluid: frozenset[str]) -> int | None:
    if normal_form(named) == normal_form(sheet):
        return OWN
    if named in of_the_fluid:
        return OF_THE_FLUID
    return OF_ANY if named == ANY_SHEET else None
