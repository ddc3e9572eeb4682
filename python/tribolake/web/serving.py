"""Serve the application on this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from tribolake.errors import ConfigurationError
from tribolake.web.access import is_loopback
from tribolake.web.patience import PatientProtocol

LONGEST_REQUEST = 32 * 1024  # bytes of an address and its headers
WAITING_REQUESTS = 64


def listen(host: str, port: int, *, has_access: bool) -> socket.socket:
    """Open the socket of a server. Port 0 is a free one. With `has_access` other machines may reach it.

    Raises:
        ConfigurationError: the address cannot be used, or others can reach it and nothing asks who they are.
    """
    if not has_access and not is_loopback(host):
        raise ConfigurationError(
            f"--host {host[:80]} can be reached from other machines, and nothing asks who they are: use 127.0.0.1 and "
            "an SSH tunnel (`ssh -L`), or a proxy with a login and --access"
        )
    address = host.strip("[]")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error}. --port chooses another one") from error


def serve(app: FastAPI, listening: socket.socket, ready: Callable[[str], None]) -> None:
    """Answer requests until the process is stopped. `ready` gets the address to open."""
    host, port, *_ = listening.getsockname()
    ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
    configuration = uvicorn.Config(
        app,
        http=PatientProtocol,
        log_config=None,
        log_level="error",  # whoever sends nonsense could fill a log with it
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        limit_concurrency=WAITING_REQUESTS,
        h11_max_incomplete_event_size=LONGEST_REQUEST,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(configuration).run(sockets=[listening])
