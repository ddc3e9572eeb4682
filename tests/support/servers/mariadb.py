"""A MariaDB server from the distribution, which speaks the language and the protocol of MySQL."""

from __future__ import annotations

import getpass
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers.apt import install_packages
from tests.support.servers.processes import start, stop, wait_until

PROGRAMS = ("mariadbd", "mariadb-install-db", "my_print_defaults")
PACKAGES = ("mariadb-server-core", "mariadb-client-core")
USER, PASSWORD = "app", "s3cret-of-the-test"
# One statement a line.
FIRST = f"""\
create user '{USER}'@'127.0.0.1' identified by '{PASSWORD}';
grant all on *.* to '{USER}'@'127.0.0.1';
create database app;
"""


@contextmanager
def mariadb_server() -> Iterator[str]:
    """Run an empty server on a free port. Yields the address of a database `app`.

    Raises:
        ProgramsMissing: it is not installed, and cannot be.
    """
    install_packages(PROGRAMS, PACKAGES)
    with tempfile.TemporaryDirectory(prefix="mariadb-") as folder:
        data, log, port = Path(folder) / "data", Path(folder) / "mariadb.log", _free_port()
        common = ("--no-defaults", f"--datadir={data}", f"--user={getpass.getuser()}")
        made = ("mariadb-install-db", *common, "--auth-root-authentication-method=normal", "--skip-test-db")
        subprocess.run(made, check=True, capture_output=True)
        first = Path(folder) / "first.sql"
        first.write_text(FIRST, encoding="utf-8")
        process = start(
            [
                "mariadbd", *common, f"--port={port}", "--bind-address=127.0.0.1", f"--init-file={first}",
                f"--socket={folder}/s", f"--pid-file={folder}/pid", "--skip-name-resolve",
            ],
            log,
        )  # fmt: skip
        try:
            wait_until(lambda: "ready for connections" in log.read_text(encoding="utf-8"), process, log)
            yield f"mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/app"
        finally:
            stop(process, 10)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
