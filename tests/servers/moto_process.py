"""moto's server, made to change one object at a time.

moto looks whether an object is there, and stores it a moment later: of 16 writers who say `If-None-Match` at once two
succeeded for 1 of 400 objects, and the second destroyed what the first had been told is his. S3 does both at once.
"""

from __future__ import annotations

import threading
from typing import Any

import moto.server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication


class OneChangeAtATime(DomainDispatcherApplication):
    """Queues are asked by POST, which may wait for a message: it holds nobody up."""

    _changing = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] not in ("PUT", "DELETE"):
            return super().__call__(environ, start_response)
        with self._changing:
            return super().__call__(environ, start_response)


if __name__ == "__main__":
    moto.server.DomainDispatcherApplication = OneChangeAtATime  # type: ignore[attr-defined]
    moto.server.main()
