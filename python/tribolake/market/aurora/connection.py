"""Connections to Aurora. Messages of errors show neither the password nor values."""

from __future__ import annotations

import os
import random
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import sqlalchemy as sa

from tribolake.errors import ConfigurationError, TribolakeError
from tribolake.settings import Settings
from tribolake.texts import one_line

DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
UNREADABLE = "TRIBOLAKE_AURORA_URL is not an address such as postgresql://user:password@host/database"
OFF = "Aurora is off: set TRIBOLAKE_AURORA_URL, or AURORA_HOST and its sisters"
MASK = "********"
# Seconds before a transaction that was ended in favour of another one is tried again, at most.
PAUSES = (0.05, 0.2, 1.0)
T = TypeVar("T")
# What a database says of a trouble that lasts, and what to do. After others the next delivery tries again.
ADVICE = (
    (
        re.compile(r"read-only transaction|read.only option", re.IGNORECASE),
        "it can only be read. TRIBOLAKE_AURORA_URL or AURORA_HOST must name the writer",
    ),
    (
        re.compile(r"authentication failed|access denied for user", re.IGNORECASE),
        "set the user and password that are valid now, and start again, the watcher too",
    ),
    (
        re.compile(r"permission denied|command denied", re.IGNORECASE),
        "give this user the right to read and write",
    ),
    (re.compile(r"no space left|table .* is full|disk full", re.IGNORECASE), "its disk is full: give it more room"),
)


class AuroraUnavailable(TribolakeError):
    """Aurora cannot be reached, refuses a call or has another schema. Nothing is left half done."""


class DeadlockVictim(AuroraUnavailable):
    """The database ended this transaction because it and another one waited for each other."""


class AuroraConnection:
    """One connection to the database of the settings, opened when it is needed."""

    def __init__(self, settings: Settings) -> None:
        self.url = url_of(settings)
        self._seconds = settings.market.sink_seconds
        self._raw: Any = None
        self._engine = sa.create_engine(
            self.url,
            connect_args=self._connect_args(),
            pool_size=1,
            pool_pre_ping=True,  # poolers and firewalls end idle connections
            max_overflow=0,
            hide_parameters=True,
        )
        sa.event.listen(self._engine, "connect", self._connected)

    @property
    def is_postgresql(self) -> bool:
        return self.url.get_backend_name() == "postgresql"

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Begin a transaction, and commit it at the end.

        Raises:
            AuroraUnavailable: the database did not confirm it.
        """
        with self._explained(), self._engine.begin() as connection:
            yield connection

    def carry_out(self, work: Callable[[sa.Connection], T]) -> T:
        """Do work in a transaction, and again if the database ends it for the sake of another one.

        Raises:
            AuroraUnavailable: the database did not confirm it.
        """
        for pause in PAUSES:
            try:
                with self.transaction() as connection:
                    return work(connection)
            except DeadlockVictim:
                # Two that were each other's victims do not meet again at once.
                time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - nothing is kept secret by it
        with self.transaction() as connection:
            return work(connection)

    def abandon(self) -> None:
        """End a call that hangs in another thread. What it had not committed is not there."""
        with suppress(Exception):
            # psycopg gives its descriptor, pymysql only its socket.
            file = self._raw._sock if hasattr(self._raw, "_sock") else self._raw
            with socket.socket(fileno=os.dup(file.fileno())) as ours:
                ours.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._engine.dispose()

    def _connect_args(self) -> dict[str, Any]:
        seconds = max(int(self._seconds), 1)
        if self.is_postgresql:
            return {"connect_timeout": seconds, "application_name": "tribolake"}
        return {"connect_timeout": seconds, "read_timeout": seconds, "write_timeout": seconds, "charset": "utf8mb4"}

    def _connected(self, raw: Any, _: object) -> None:
        self._raw = raw
        if self.is_postgresql:
            # A server whose client is gone goes on waiting for a lock.
            with raw.cursor() as cursor:
                cursor.execute(f"set statement_timeout = {max(int(self._seconds * 1000), 1)}")
            raw.commit()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except TribolakeError:
            raise
        # Without the cause: a traceback would show statements with values.
        except (sa.exc.SQLAlchemyError, ImportError) as error:
            kind = DeadlockVictim if _is_deadlock(error) else AuroraUnavailable
            raise kind(f"{self.url.host or 'the database'}: {self._said(error)}") from None

    def _said(self, error: Exception) -> str:
        cause = getattr(error, "orig", None) or error
        text = one_line(str(cause).partition("\n")[0])
        text = text.replace(self.url.password, MASK) if self.url.password else text
        advice = next((advice for said, advice in ADVICE if said.search(text)), "")
        return f"{text}: {advice}" if advice else text


def _is_deadlock(error: Exception) -> bool:
    """Return whether the database undid a whole transaction that may be repeated: PostgreSQL's 40P01, MySQL's 1213."""
    cause: Any = getattr(error, "orig", None)
    return getattr(cause, "sqlstate", None) == "40P01" or getattr(cause, "args", (None,))[:1] == (1213,)


def url_of(settings: Settings) -> sa.URL:
    """Return the address of the database, with its driver.

    Raises:
        ConfigurationError: it is not set, or cannot be read. The message does not show it.
    """
    aurora = settings.aurora
    if aurora.url is None:
        if aurora.host is None:
            raise ConfigurationError(OFF)
        password = aurora.password.get_secret_value() if aurora.password else None
        return sa.URL.create(DRIVERS["mysql"], aurora.user, password, aurora.host, aurora.port, aurora.database)
    try:
        url = sa.make_url(aurora.url.get_secret_value())
    except (sa.exc.ArgumentError, ValueError):
        raise ConfigurationError(UNREADABLE) from None
    return url.set(drivername=DRIVERS[url.get_backend_name()])
