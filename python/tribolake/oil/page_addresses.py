"""Addresses of the pages about machines and reports. Pages and messages build them here.

Identifiers are in the query, never in the path: a unit may be called `../a/b`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

MACHINE, REPORT = "/m", "/r"
LONGEST = 1000  # characters of an identifier in an address


def page_address(path: str, query: Mapping[str, object]) -> str:
    """Return an address. Empty and absent values are left out."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given, errors='replace')}" if given else path


def machine_query(client: str, unit: str) -> dict[str, object] | None:
    """Return what names a machine in an address. Returns None if its name is too long for one."""
    return {"client": client.lower(), "unit": unit} if len(unit) <= LONGEST else None


def sample_query(client: str, number: str, occurrence: object, laboratory: str | None) -> dict[str, object] | None:
    """Return what names a sample in an address. Returns None if its number is too long for one."""
    if len(number) > LONGEST:
        return None
    return {"client": client.lower(), "sample": number, "occurrence": occurrence, "laboratory": laboratory}


def page_of_trouble(about: Mapping[str, Any]) -> str | None:
    """Return the address of the report that a trouble is about, or else of its machine.

    Args:
        about: client, unit, sample_number, sample_occurrence and laboratory, of which all but the first may be null.
    """
    sample = about["sample_number"] and sample_query(
        about["client"], about["sample_number"], about["sample_occurrence"], about["laboratory"]
    )
    if sample:
        return page_address(REPORT, sample)
    machine = about["unit"] and machine_query(about["client"], about["unit"])
    return page_address(MACHINE, machine) if machine else None
