"""Addresses of pages, in a language. Identifiers are in the query, never in the path: a unit may be called `../a/b`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tribolake.oil.limits.choice import LimitGroup
from tribolake.oil.page_addresses import LONGEST, MACHINE, REPORT, machine_query, page_address, sample_query

__all__ = [
    "FEEDBACK", "FLEET", "LIMIT", "LIMITS", "LINEAGE", "LOGIN", "LOGIN_BACK", "LOGOUT", "LONGEST", "MACHINE",
    "MARKET", "MARKET_VALUE", "QUALITY", "REPORT", "TAKE_CHANGES", "TAKE_FLEET", "TAKE_LIMITS", "TAKE_MACHINE",
    "TAKE_MARKET", "TAKE_MARKET_SERIES", "TAKE_MARKET_VALUE", "TAKE_MARKET_VALUES", "TAKE_QUALITY", "TAKE_REPORT",
    "TAKE_SEED", "TAKE_SERIES", "TAKE_VALUES", "WHAT_IF", "Addresses", "group_query",
]  # fmt: skip

FLEET, LINEAGE, QUALITY = "/", "/lineage", "/quality"
LIMITS, LIMIT, WHAT_IF = "/limits", "/limit", "/what-if"
TAKE_SEED, TAKE_CHANGES = "/take/seed", "/take/what-if"
FEEDBACK = "/feedback"  # takes a form
MARKET, MARKET_VALUE = "/market", "/market/value"
LOGIN, LOGIN_BACK, LOGOUT = "/login", "/login/back", "/logout"  # where an issuer says who reads
TAKE_FLEET, TAKE_LIMITS, TAKE_VALUES = "/take/fleet", "/take/limits", "/take/values"
TAKE_SERIES, TAKE_QUALITY = "/take/series", "/take/quality"
TAKE_MARKET, TAKE_MARKET_VALUES = "/take/market", "/take/market/values"
TAKE_MARKET_SERIES, TAKE_MARKET_VALUE = "/take/market/series", "/take/market/value"
TAKE_REPORT, TAKE_MACHINE = "/take/report", "/take/machine"


@dataclass(frozen=True)
class Addresses:
    """Addresses that keep the language of the page they stand on. `language` is None for the server's own."""

    language: str | None = None

    def page(self, path: str, **query: object) -> str:
        """Return an address. Empty and absent values are left out."""
        return page_address(path, query | ({"lang": self.language} if self.language else {}))

    def machine(self, client: str, unit: str) -> str | None:
        """Return the address of a machine. Returns None if its name is too long for one."""
        query = machine_query(client, unit)
        return self.page(MACHINE, **query) if query else None

    def series(self, client: str, unit: str, component: str, form: str) -> str | None:
        """Return the address of a component's values as a table. Returns None if a name is too long for one."""
        query = machine_query(client, unit)
        if query is None or len(component) > LONGEST:
            return None
        return self.page(TAKE_SERIES, **query, component=component, form=form)

    def report(self, sample: Mapping[str, Any]) -> str | None:
        """Return the address of the report of a row of `oil/questions/samples.py`."""
        return self.sample(
            REPORT, sample["client"], sample["sample_number"], sample["sample_occurrence"], sample["laboratory"]
        )

    def sample(
        self, path: str, client: str, number: str, occurrence: str | None, laboratory: str | None, **more: object
    ) -> str | None:
        """Return the address of a page about a sample. Returns None if its number is too long for one."""
        query = sample_query(client, number, occurrence, laboratory)
        return self.page(path, **query, **more) if query else None

    def limit(self, path: str, group: LimitGroup, **more: object) -> str | None:
        """Return the address of a page about a group's limits. Returns None if a name is too long for one."""
        query = group_query(group)
        if any(len(name) > LONGEST for name in query.values()):
            return None
        return self.page(path, **query, **more)


def group_query(group: LimitGroup) -> dict[str, str]:
    """Return the parameters of an address that name a group."""
    return {
        "client": group.client.lower(),
        "grain": group.grain,
        "machine": group.machine,
        "model": group.machine_model,
        "component": group.component,
        "essay": group.essay,
        "unit": group.unit,
    }
