"""Connections whose client makes no progress are closed, so that a few silent clients cannot hold all of them."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 10.0  # s between two looks at a connection
LEAST_READ = 4096  # bytes of an answer that a client takes between two looks


class PatientProtocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, with a limit for clients that do not go on.

    uvicorn counts every connection, and waits without end for the rest of a request and for the reading of an answer.
    A connection that stands at the same place in two looks is closed, unless the server itself is at work. A byte of a
    request is not progress: a whole head or a whole body is.
    """

    _seen: tuple[Any, ...] = ()
    _next_look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        cycle, unread = self.cycle, self.transport.get_write_buffer_size()
        is_answered = cycle is None or cycle.response_complete
        is_asked = cycle is not None and not cycle.more_body
        stands_at = (cycle, is_answered, is_asked, unread // LEAST_READ)
        is_at_work = is_asked and not is_answered and not unread
        if stands_at == self._seen and not is_at_work:
            self.transport.abort()
            return
        self._seen = stands_at
        self._next_look = self.loop.call_later(PATIENCE, self._look)
