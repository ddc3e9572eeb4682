"""Addresses of pages. Identifiers are in the query, never in the path: a unit may be called `../a/b`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

FLEET, MACHINE, REPORT, LINEAGE, QUALITY = "/", "/m", "/r", "/lineage", "/quality"
FEEDBACK = "/feedback"  # the one address that takes a form
TAKE_FLEET, TAKE_VALUES, TAKE_REPORT, TAKE_MACHINE = "/take/fleet", "/take/values", "/take/report", "/take/machine"
LONGEST = 1000  # characters of an identifier in an address


@dataclass(frozen=True)
class Addresses:
    """Addresses that keep the language of the page they stand on. `language` is None for the server's own."""

    language: str | None = None

    def page(self, path: str, **query: object) -> str:
        """Return an address. Empty and absent values are left out."""
        given = {name: value for name, value in query.items() if value not in (None, "")}
        if self.language:
            given["lang"] = self.language
        return f"{path}?{urlencode(given, errors='replace')}" if given else path

    def machine(self, client: str, unit: str) -> str | None:
        """Return the address of a machine. Returns None if its name is too long for one."""
        return self.page(MACHINE, client=client.lower(), unit=unit) if len(unit) <= LONGEST else None

    def report(self, sample: Mapping[str, Any]) -> str | None:
        """Return the address of the report of a row of `oil/questions/samples.py`."""
        return self.sample(
            REPORT, sample["client"], sample["sample_number"], sample["sample_occurrence"], sample["laboratory"]
        )

    def sample(
        self, path: str, client: str, number: str, occurrence: str | None, laboratory: str | None, **more: object
    ) -> str | None:
        """Return the address of a page about a sample. Returns None if its number is too long for one."""
        if len(number) > LONGEST:
            return None
        names = {"client": client.lower(), "sample": number, "occurrence": occurrence, "laboratory": laboratory}
        return self.page(path, **names, **more)
