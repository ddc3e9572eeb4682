"""What holds for every answer: who may ask, how, and headers that keep a page to what is ours."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Failure = Callable[[Scope, Exception], Awaitable[tuple[int, bytes]]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # with `no-referrer` a form of ours would have no Origin
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
METHODS = ("GET", "HEAD")
LONGEST_QUERY = 8192
PLAIN = b"text/plain; charset=utf-8"


def is_loopback(host: str) -> bool:
    """Return whether a name or an address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """The outermost part of the application.

    It answers foreign hosts, endless addresses, and whatever is neither reading nor a form of its own pages itself. A
    page elsewhere can make a browser ask this server under a name of its own, which only the Host header shows.
    """

    def __init__(self, app: Application, failure: Failure, forms: Collection[str] = ()) -> None:
        """`forms` are the paths that take a form. All others are only read."""
        self._app = app
        self._failure = failure
        self._forms = frozenset(forms)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def guarded(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                names = {name for name, _ in HEADERS}
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in names]
                message = {**message, "headers": [*kept, *HEADERS]}
            await send(message)

        refused = _refusal(scope, self._forms)
        if refused:
            status, text, more = refused
            await _answer(guarded, status, text, PLAIN, more)
            return
        try:
            # The server leaves out the body that HEAD does not want.
            method = "GET" if scope["method"] == "HEAD" else scope["method"]
            await self._app({**scope, "method": method}, receive, guarded)
        except Exception as error:
            if has_begun:
                raise
            status, page = await self._failure(scope, error)
            await _answer(guarded, status, page, b"text/html; charset=utf-8")


def _refusal(scope: Scope, forms: Collection[str]) -> tuple[int, bytes, list[tuple[bytes, bytes]]] | None:
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1 or not is_loopback(_without_port(hosts[0])):
        return 400, b"this server answers to localhost only\n", []
    is_form = scope["method"] == "POST" and scope["path"] in forms
    if is_form and not is_same_origin(scope["headers"], hosts[0]):
        return 403, b"this form is not from a page of this server\n", []
    if not is_form and scope["method"] not in METHODS:
        return 405, b"this server only shows pages\n", [(b"allow", ", ".join(METHODS).encode())]
    if len(scope["query_string"]) > LONGEST_QUERY:
        return 414, b"the address is too long\n", []
    return None


def is_same_origin(headers: Iterable[tuple[bytes, bytes]], host: str) -> bool:
    """Return whether a browser says that a request comes from a page of this host. Silence is no."""
    said = {name: {value for given, value in headers if given == name} for name in (b"origin", b"sec-fetch-site")}
    wanted = {b"origin": {f"http://{host}".encode("latin-1")}, b"sec-fetch-site": {b"same-origin"}}
    return any(said.values()) and all(not said[name] or said[name] == wanted[name] for name in wanted)


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if name and port.isdigit() else host


async def _answer(send: Send, status: int, body: bytes, kind: bytes, more: Iterable[tuple[bytes, bytes]] = ()) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
