"""Connections to Aurora. Messages of errors show neither the password nor values."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa

from tribolake.errors import ConfigurationError, TribolakeError
from tribolake.settings import Settings
from tribolake.texts import one_line

DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
UNREADABLE = "TRIBOLAKE_AURORA_URL is not an address such as postgresql://user:password@host/database"
OFF = "Aurora is off: set TRIBOLAKE_AURORA_URL, or AURORA_HOST and its sisters"
MASK = "********"
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
            raise AuroraUnavailable(f"{self.url.host or 'the database'}: {self._said(error)}") from None

    def _said(self, error: Exception) -> str:
        cause = getattr(error, "orig", None) or error
        text = one_line(str(cause).partition("\n")[0])
        text = text.replace(self.url.password, MASK) if self.url.password else text
        advice = next((advice for said, advice in ADVICE if said.search(text)), "")
        return f"{text}: {advice}" if advice else text


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
