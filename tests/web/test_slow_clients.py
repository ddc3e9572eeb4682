"""Test that clients that do not go on cannot keep others from the pages. The server is real, its patience is short."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest
from tests.support.small_warehouse import publish, warehouse

from tribolake.settings import load_settings
from tribolake.web.serving import WAITING_REQUESTS

pytestmark = pytest.mark.slow
# The command, with another patience.
SERVE = """
import sys
from tribolake.cli.app import main
from tribolake.web import patience
patience.PATIENCE = 1.0
sys.argv = ["tribolake", "serve", "--port", "0", "--lake", sys.argv[1]]
main()
"""
HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
FORM = (
    b"POST /feedback HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9000\r\n\r\na="
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    settings = load_settings(lake=tmp_path_factory.mktemp("slow clients"))
    publish(warehouse(1, rows=20), settings.lake, "20260131T000000000000Z-0001")
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(settings.lake)], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline().strip().rstrip("/").rpartition(":")[2])
        finally:
            server.terminate()


def is_answered(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("kind", ["silent", "endless head", "endless form", "unread answers"])
def test_clients_that_do_not_go_on_are_closed(port: int, kind: str):
    assert is_answered(port)
    begins = {
        "silent": b"",
        "endless head": HEAD,
        "endless form": FORM % (port, port),
        # Longer than the buffers between the two.
        "unread answers": (HEAD + b"\r\n") * 200,
    }[kind]
    more = {"endless head": b"X: y\r\n", "endless form": b"a"}.get(kind, b"")
    with ExitStack() as stack:
        clients = []
        while len(clients) < WAITING_REQUESTS:
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            _send(client, begins)
            clients.append(client)
            time.sleep(0.005)  # the server sees one after the other, and refuses none
        ends = time.monotonic() + 20
        while not is_answered(port):
            assert time.monotonic() < ends, "they still hold the server"
            time.sleep(0.2)
            for client in clients:
                _send(client, more)


def _send(client: socket.socket, content: bytes) -> None:
    with suppress(OSError):  # it was closed, or does not take more now
        client.send(content)


def test_client_that_waits_between_two_pages_is_answered(port: int):
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        for _ in range(2):
            assert client.get("/").status_code == 200
            time.sleep(1.5)
