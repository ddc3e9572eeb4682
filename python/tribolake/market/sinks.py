"""The places that get computed values: the lake always, Aurora if the settings name it. Neither knows of the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import duckdb

from tribolake.market.aurora.sink import AuroraSink
from tribolake.market.market_lake import MarketLake
from tribolake.market.outbox import AURORA, LAKE, Delivery, Receipt, bodies_of
from tribolake.settings import Settings


class Sink(Protocol):
    """A place that gets values. `open` and `store` are carried out in threads, `gather` in that of the warehouse."""

    name: str
    at_once: int  # calls of `store` at the same time

    def open(self) -> None:
        """Check that the place can be used."""

    def gather(self, warehouse: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]) -> Sequence[Any]:
        """Return what has to be stored of each delivery."""

    def store(self, delivery: Delivery, content: Any) -> Receipt:
        """Store it. The same again changes nothing. Returns when the place has confirmed it."""

    def abandon(self) -> None:
        """End a call that hangs, as far as that is possible."""

    def close(self) -> None:
        """Give back what `open` took."""


class LakeSink:
    """Processed objects in the lake, one per delivery."""

    name = LAKE
    at_once = 16

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lake: MarketLake | None = None

    def open(self) -> None:
        self._lake = MarketLake(self._settings)

    def gather(self, warehouse: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]) -> Sequence[bytes]:
        return bodies_of(warehouse, deliveries)

    def store(self, delivery: Delivery, content: bytes) -> Receipt:
        assert self._lake is not None  # noqa: S101 - it is open
        stored = self._lake.store_body(content)
        return Receipt(stored.key, stored.version_id)

    def abandon(self) -> None:
        """Do nothing: calls of the store have time limits, and a late object is the same object."""

    def close(self) -> None:
        self._lake = None


def sink_names(settings: Settings) -> tuple[str, ...]:
    """Return the sinks that are on."""
    return (LAKE, AURORA) if settings.aurora.is_on else (LAKE,)


def sinks_of(settings: Settings) -> list[Sink]:
    """Return the sinks that are on, not opened yet."""
    sinks: list[Sink] = [LakeSink(settings)]
    if settings.aurora.is_on:
        sinks.append(AuroraSink(settings))
    return sinks
