"""HTTP/1.1 messages as raw bytes.

A proxy that parses and rebuilds messages changes paths, headers and chunks. This breaks signatures (SigV4) and
checksums in trailers, so heads and bodies stay bytes here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

PIECE = 1 << 16


@dataclass(frozen=True)
class Head:
    """The start line and the headers of a message. Names in `headers` are in small letters."""

    raw: bytes
    start: tuple[str, str, str]
    headers: dict[str, str]

    @property
    def status(self) -> int:
        """Status code of a response."""
        return int(self.start[1])

    @property
    def wants_close(self) -> bool:
        return self.headers.get("connection", "").lower() == "close" or "HTTP/1.0" in self.start

    def closing(self) -> bytes:
        """Return the head of the same response with `Connection: close`."""
        lines = self.raw.split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith(b"connection:")]
        return b"\r\n".join([*kept[:-2], b"Connection: close", b"", b""])


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Read the next head. None if the peer has closed the connection."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = raw.decode("latin-1").split("\r\n")[:-2]
    one, two, three = (*first.split(" ", 2), "", "")[:3]
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Head(raw, (one, two, three), headers)


def request_body(reader: asyncio.StreamReader, head: Head) -> AsyncIterator[bytes]:
    """Read the raw body of a request in pieces."""
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        return _chunks(reader)
    return _counted(reader, int(head.headers.get("content-length", 0)))


def response_body(reader: asyncio.StreamReader, head: Head, method: str) -> AsyncIterator[bytes]:
    """Read the raw body of the response to a request of this method in pieces."""
    if has_no_body(head, method):
        return _counted(reader, 0)
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        return _chunks(reader)
    if "content-length" in head.headers:
        return _counted(reader, int(head.headers["content-length"]))
    return _until_close(reader)


def has_no_body(head: Head, method: str) -> bool:
    """Return whether a response ends with its head. The length in a reply to HEAD is the length of the object."""
    return method == "HEAD" or head.status in (204, 304)


def ends_by_closing(head: Head, method: str) -> bool:
    """Return whether the connection cannot be used again after this response."""
    has_length = "content-length" in head.headers or "transfer-encoding" in head.headers
    return head.wants_close or not (has_length or has_no_body(head, method))


async def _counted(reader: asyncio.StreamReader, length: int) -> AsyncIterator[bytes]:
    while length:
        piece = await reader.read(min(PIECE, length))
        if not piece:
            raise ConnectionResetError("the peer closed the connection within a body")
        length -= len(piece)
        yield piece


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        line = await reader.readuntil(b"\r\n")
        yield line
        length = int(line.split(b";")[0], 16)
        if not length:
            break
        async for piece in _counted(reader, length + 2):
            yield piece
    while line != b"\r\n":  # the trailer may have the checksum of an aws-chunked body
        line = await reader.readuntil(b"\r\n")
        yield line


async def _until_close(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while piece := await reader.read(PIECE):
        yield piece
