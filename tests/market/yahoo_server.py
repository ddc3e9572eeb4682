"""A server on loopback that answers as Yahoo's chart API does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

Reply = tuple[int, bytes]


@dataclass
class Yahoo:
    """Its replies by symbol, and what it was asked for: symbol and parameters."""

    address: str = ""
    replies: dict[str, Callable[[dict[str, str]], Reply]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def yahoo_server() -> Iterator[Yahoo]:
    yahoo = Yahoo()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, body = 200, b"crumb-of-a-secret" if "crumb" in parts.path else b""
            if parts.path.startswith("/v8/finance/chart/"):
                symbol = unquote(parts.path.rpartition("/")[2])
                parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
                yahoo.asked.append((symbol, parameters))
                status, body = yahoo.replies[symbol](parameters)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Set-Cookie", "A3=cookie-of-a-secret; Domain=.yahoo.com; Path=/; Max-Age=9999999")
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    yahoo.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield yahoo
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
