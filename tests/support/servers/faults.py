"""A proxy for an S3 server that injects planned faults and records requests.

It forwards bytes unchanged, with the Host header, so that signatures and checksums stay valid.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.support.servers.operations import operation_of
from tests.support.servers.plan import Fault, Injury, Plan, Request
from tests.support.servers.server import S3Server
from tests.support.servers.wire import Head, ends_by_closing, read_head, request_body, response_body

HEAD_LIMIT = 1 << 20
REFUSALS = {
    Fault.SLOW_DOWN: ("503 Slow Down", "SlowDown", "Please reduce your request rate."),
    Fault.DENIED: ("403 Forbidden", "AccessDenied", "Access Denied"),
    Fault.EXPIRED: ("400 Bad Request", "ExpiredToken", "The provided token has expired."),
    Fault.INTERNAL_ERROR: ("500 Internal Server Error", "InternalError", "We encountered an internal error."),
}


@dataclass
class Passed:
    """A recorded request. `status` is from the server, None if it has not answered."""

    request: Request
    path: str
    fault: Fault | None = None
    status: int | None = None


@dataclass
class FaultyServer:
    """The S3 server behind the proxy, with the planned faults and the recorded requests."""

    server: S3Server
    plan: Plan = field(default_factory=Plan)
    passed: list[Passed] = field(default_factory=list)

    @property
    def calls(self) -> Counter[str]:
        """Number of calls by operation, failed ones included."""
        return Counter(one.request.operation for one in list(self.passed))

    @property
    def injured(self) -> list[Passed]:
        """The requests with a fault."""
        return [one for one in list(self.passed) if one.fault]

    def forget(self) -> None:
        """Begin a new record."""
        self.passed.clear()


@contextmanager
def faulty_server(server: S3Server) -> Iterator[FaultyServer]:
    """Run a proxy for this server in its own thread, with an empty plan."""
    address = urlsplit(server.endpoint)
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    faulty = FaultyServer(dataclasses.replace(server, endpoint=endpoint))
    proxy = _Proxy(faulty, str(address.hostname), int(address.port or 80))
    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(proxy.run(listener, stopped)), daemon=True)
    thread.start()
    try:
        yield faulty
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
        loop.close()


@dataclass
class _Proxy:
    faulty: FaultyServer
    host: str
    port: int
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, listener: socket.socket, stopped: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connected, sock=listener, limit=HEAD_LIMIT)
        await stopped.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*list(self._tasks), return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # Either side may close at any moment. Then this connection ends, as it would without a proxy.
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while head := await read_head(reader):
                    if not await self._answer(head, reader, writer) or head.wants_close:
                        break
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request. Returns whether the connection can carry another."""
        request = request_of(head, len(self.faulty.passed) + 1)
        injury = self.faulty.plan.decide(request)
        passed = Passed(request, path=head.start[1], fault=injury.fault if injury else None)
        self.faulty.passed.append(passed)
        if injury and injury.fault in REFUSALS:
            return await _refuse(head, injury.fault, reader, writer)
        if injury and injury.fault is Fault.RESET:
            return _reset(writer)
        if injury and injury.fault is Fault.DELAY:
            await _wait(injury)
        return await self._forward(head, passed, injury, reader, writer)

    async def _forward(
        self,
        head: Head,
        passed: Passed,
        injury: Injury | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        method = head.start[0]
        async with self._upstream() as (from_server, to_server):
            to_server.write(head.raw)
            sending = asyncio.create_task(_send(request_body(reader, head), to_server))
            try:
                answer, holds_back = await _final_head(head, from_server, writer)
                if answer is None:
                    return _reset(writer)
                passed.status = answer.status
                if not holds_back:
                    await asyncio.wait([sending], timeout=5)
                reusable = sending.done() and not ends_by_closing(answer, method)
                body = response_body(from_server, answer, method)
                if injury is None or injury.fault is Fault.DELAY:
                    writer.write(answer.raw if reusable else answer.closing())
                    await _pump(body, writer)
                    return reusable
                content = b"".join([piece async for piece in body])
                return await _injure(answer, content, passed, injury, writer) and reusable
            finally:
                sending.cancel()

    @asynccontextmanager
    async def _upstream(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Open a connection for one request. The server may close a kept connection just before its next use."""
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=HEAD_LIMIT)
        try:
            yield reader, writer
        finally:
            writer.close()


def request_of(head: Head, number: int) -> Request:
    """Parse a path-style S3 request for the plan."""
    method, target, _ = head.start
    path, _, query_text = target.partition("?")
    query = dict(parse_qsl(query_text, keep_blank_values=True))
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    operation = operation_of(method, bucket, key, query, head.headers)
    return Request(number, method, bucket, key, query, head.headers, operation)


async def _wait(injury: Injury) -> None:
    if injury.until is None:
        await asyncio.sleep(injury.seconds)
        return
    while not injury.until.is_set():
        await asyncio.sleep(0.02)


async def _final_head(
    asked: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[Head | None, bool]:
    """Return the head of the server's answer, and whether the client still holds its body back.

    A client that expects `100 Continue` sends no body after a final answer, so the proxy must not wait for it.
    """
    holds_back = "expect" in asked.headers
    while (head := await read_head(reader)) and head.status < 200:
        holds_back = holds_back and head.status != 100
        writer.write(head.raw)
        await writer.drain()
    return head, holds_back


async def _pump(body: AsyncIterator[bytes], writer: asyncio.StreamWriter) -> None:
    async for piece in body:
        writer.write(piece)
        await writer.drain()
    await writer.drain()


async def _send(body: AsyncIterator[bytes], to_server: asyncio.StreamWriter) -> None:
    try:
        await _pump(body, to_server)
    except (ConnectionError, asyncio.IncompleteReadError):
        # The client left within its body. The server must not wait for the rest.
        to_server.transport.abort()


async def _refuse(head: Head, fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    holds_back = "expect" in head.headers
    if not holds_back:
        async for _ in request_body(reader, head):
            pass
    status, code, message = REFUSALS[fault]
    text = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>INJECTED</RequestId></Error>"
    body = b"" if head.start[0] == "HEAD" else b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/xml", f"Content-Length: {len(body)}"]
    lines += ["x-amz-request-id: INJECTED", f"Connection: {'close' if holds_back else 'keep-alive'}"]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()
    return not holds_back


async def _injure(answer: Head, content: bytes, passed: Passed, injury: Injury, writer: asyncio.StreamWriter) -> bool:
    """Send the answer with the fault. Returns whether the connection can carry another request."""
    if injury.fault is Fault.LOST_REPLY:
        return _reset(writer)
    if injury.fault is Fault.LATE_REPLY:
        await _wait(injury)
    elif injury.fault is Fault.TRUNCATE and content:
        writer.write(answer.raw + content[: len(content) // 2])
        await writer.drain()
        return False
    elif injury.fault is Fault.WITHOUT_ETAG and "etag" in answer.headers:
        writer.write(re.sub(rb"(?im)^etag:[^\r\n]*\r\n", b"", answer.raw) + content)
        await writer.drain()
        return True
    elif injury.fault is Fault.CORRUPT and content and "content-length" in answer.headers:
        middle = len(content) // 2
        content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    else:
        passed.fault = None  # the fault does not apply to this reply
    writer.write(answer.raw + content)
    await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> bool:
    """Reset the connection (RST), which is an error for the client and not the end of a reply."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False
