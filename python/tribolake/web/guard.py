"""What holds for every answer: who may ask, how, and headers that keep a page to what is ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from tribolake.web.access import NOBODY, Entrance, Reader, Refused

if TYPE_CHECKING:
    from tribolake.web.login_pages import LoginPages

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
# What an answer does not say itself: no shared cache may keep it.
FRESH = (b"cache-control", b"private, no-cache")
METHODS = ("GET", "HEAD")
NOT_ALLOWED, NOT_KNOWN = 405, 401
LONGEST_QUERY = 8192
PLAIN, HTML = b"text/plain; charset=utf-8", b"text/html; charset=utf-8"


class Guard:
    """The outermost part of the application.

    It answers foreign hosts, unknown readers, endless addresses, and whatever is neither reading nor a form of its own
    pages itself. A page elsewhere can make a browser ask this server under a name of its own, which only the Host
    header shows. Requests that it lets in have their reader in `request.state.reader`.
    """

    def __init__(
        self,
        app: Application,
        failure: Failure,
        entrance: Entrance,
        forms: Collection[str] = (),
        login: LoginPages | None = None,
    ) -> None:
        """`forms` are the paths that take a form. All others are only read."""
        self._app = app
        self._failure = failure
        self._entrance = entrance
        self._forms = frozenset(forms)
        self._login = login

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
                kept = [(name.lower(), value) for name, value in message["headers"] if name.lower() not in names]
                more = () if any(name == FRESH[0] for name, _ in kept) else (FRESH,)
                message = {**message, "headers": [*kept, *more, *HEADERS]}
            await send(message)

        reader = self._let_in(scope)
        if isinstance(reader, Refused):
            if reader.status == NOT_KNOWN and self._login and (page := self._login.ask(scope)):
                await _answer(guarded, reader.status, page, HTML, [(b"cache-control", b"no-store")])
                return
            more = [(b"allow", ", ".join(METHODS).encode())] if reader.status == NOT_ALLOWED else []
            await _answer(guarded, reader.status, f"{reader.text}\n".encode(), PLAIN, more)
            return
        scope = {**scope, "state": {**scope.get("state", {}), "reader": reader}}
        # The server leaves out the body that HEAD does not want.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        try:
            await self._app({**scope, "method": method}, receive, guarded)
        except Exception as error:
            if has_begun:
                raise
            status, page = await self._failure(scope, error)
            await _answer(guarded, status, page, HTML)

    def _let_in(self, scope: Scope) -> Reader | Refused:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        origin = self._entrance.origin(hosts[0]) if len(hosts) == 1 else None
        if origin is None:
            return Refused(400, "this server does not answer to this name")
        reader = self._entrance.reader((scope.get("client") or ("",))[0], scope["headers"])
        if isinstance(reader, Refused):
            if self._login is None or not self._login.is_open(scope["path"]):
                return reader
            reader = NOBODY
        is_form = scope["method"] == "POST" and scope["path"] in self._forms
        if is_form and not is_same_origin(scope["headers"], origin):
            return Refused(403, "this form is not from a page of this server")
        if not is_form and scope["method"] not in METHODS:
            return Refused(NOT_ALLOWED, "this server only shows pages")
        if len(scope["query_string"]) > LONGEST_QUERY:
            return Refused(414, "the address is too long")
        return reader


def is_same_origin(headers: Iterable[tuple[bytes, bytes]], origin: str) -> bool:
    """Return whether a browser says that a request comes from a page of this origin. Silence is no."""
    said = {name: {value for given, value in headers if given == name} for name in (b"origin", b"sec-fetch-site")}
    wanted = {b"origin": {origin.encode("latin-1")}, b"sec-fetch-site": {b"same-origin"}}
    return any(said.values()) and all(not said[name] or said[name] == wanted[name] for name in wanted)


def is_of_ours(headers: Mapping[str, str]) -> bool:
    """Return whether a browser does not say that another site asks. Such a site must not make this server work."""
    return headers.get("sec-fetch-site") not in ("cross-site", "same-site")


async def _answer(send: Send, status: int, body: bytes, kind: bytes, more: Iterable[tuple[bytes, bytes]] = ()) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
