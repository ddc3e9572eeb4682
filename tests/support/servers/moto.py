"""A moto server in its own process. It is fast and stores data correctly, but ignores policies and lifecycle rules."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers.processes import start, stop, wait_until
from tests.support.servers.server import S3Server, server_at

PROGRAM = Path(__file__).with_name("moto_process.py")
RUNNING = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")


@contextmanager
def moto_server() -> Iterator[S3Server]:
    """Run an empty server on a free port."""
    with tempfile.TemporaryDirectory(prefix="moto-") as folder:
        log = Path(folder) / "moto.log"
        # -P, because this file has the name of the library and is in the folder of the program.
        process = start([sys.executable, "-P", str(PROGRAM), "-H", "127.0.0.1", "-p", "0"], log)
        try:
            # The server writes this line when its socket listens.
            wait_until(lambda: RUNNING.search(log.read_text(encoding="utf-8")) is not None, process, log)
            found = RUNNING.search(log.read_text(encoding="utf-8"))
            assert found is not None
            yield server_at(found.group(1), name="moto")
        finally:
            stop(process)
