"""The login of the pages: whoever an issuer vouches for has a session in a signed cookie, for some hours."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request, cookie_parser
from starlette.responses import Response

from tribolake.web.access import LONGEST_NAME, MOST_GROUPS, ByIssuer, Headers, Reader, Refused
from tribolake.web.addresses import FLEET, LOGIN, LOGIN_BACK, LOGOUT
from tribolake.web.issuer import Issuer, LoginRefused

LOGIN_SECONDS = 600  # from leaving to the issuer until coming back
LONGEST_NEXT = 2000
LARGEST_COOKIE = 3800  # bytes; browsers keep 4096
OPEN_PATHS = (LOGIN, LOGIN_BACK)


@dataclass(frozen=True)
class Login:
    """The entrance of a server with an issuer. Its key is of this process: a restart ends all sessions."""

    file: ByIssuer
    issuer: Issuer
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    clock: Callable[[], float] = time.time

    @property
    def is_secure(self) -> bool:
        return self.file.is_secure

    def origin(self, host: str) -> str | None:
        return self.file.origin(host)

    def reader(self, peer: str, headers: Headers) -> Reader | Refused:
        """Return whom the session of a request names."""
        cookies = cookie_parser("; ".join(value.decode("latin-1") for name, value in headers if name == b"cookie"))
        said = self._opened("reader", cookies)
        if said is None:
            return Refused(401, "there is no session: log in")
        return self.file.reader_named(said["user"], said["groups"], has_session=True)

    async def leave(self, cookies: Mapping[str, str], following: str) -> tuple[str, Callable[[Response], None]]:
        """Return where a browser logs in, and what gives it the cookie of this login.

        Several tabs share one login while it is young, and come back to the page of the last one. No state outlives its
        cookie, so one that somebody saw is worth little.

        Raises:
            IssuerUnreachable: the issuer's addresses are not known.
        """
        known, now = self._opened("login", cookies), int(self.clock())
        if known is None or known["until"] - now < LOGIN_SECONDS / 2:
            known = {"state": secrets.token_urlsafe(32), "until": now + LOGIN_SECONDS}
        state, seconds = known["state"], known["until"] - now
        address = await self.issuer.address_of_login(
            self.back, state, self._derived("nonce", state), self._derived("verifier", state)
        )
        said = {"state": state, "next": own_path(following)}
        return address, lambda answer: self._store("login", said, seconds, answer)

    async def come_back(self, request: Request) -> tuple[str, Callable[[Response], None]]:
        """Return where a browser goes after its login, and what gives it a session.

        Raises:
            IssuerUnreachable: the issuer does not answer.
            LoginRefused: the login is not of this browser, is too old, or nobody was logged in.
            NotAssigned: this user sees nothing.
        """
        given, cookies = request.query_params, request.cookies
        login = self._opened("login", cookies)
        state = login["state"] if login else ""
        if login is None or not hmac.compare_digest(state.encode(), given.get("state", "").encode()):
            if self._opened("reader", cookies):  # another tab has logged in
                return f"{self.file.address}{FLEET}", lambda answer: None
            raise LoginRefused("the login is not of this browser, or too old")
        if "error" in given or not given.get("code"):
            raise LoginRefused(f"the issuer sends no code: {given.get('error', '')[:200]}")
        claims = await self.issuer.claims_of(
            given["code"], self.back, self._derived("nonce", state), self._derived("verifier", state)
        )
        user, groups = self._user(claims), self._groups(claims)
        reader = self.file.reader_named(user, groups)
        if isinstance(reader, Refused):
            raise NotAssigned(reader.text)

        def welcome(answer: Response) -> None:
            self._store("reader", {"user": user, "groups": groups}, self.file.oidc.hours * 3600, answer)
            self.forget("login", answer)

        return f"{self.file.address}{login['next']}", welcome

    def forget(self, kind: str, answer: Response) -> None:
        """Have a browser forget its cookie of this kind."""
        answer.delete_cookie(self._name(kind), httponly=True, samesite="lax", secure=self.is_secure)

    @property
    def back(self) -> str:
        """Where the issuer sends browsers. It must know this address."""
        return f"{self.file.address}{LOGIN_BACK}"

    def _user(self, claims: Mapping[str, Any]) -> str:
        name = claims.get(self.file.oidc.user_claim)
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise LoginRefused(f"the token has no usable name in its claim {self.file.oidc.user_claim}")
        if self.file.oidc.user_claim == "email" and claims.get("email_verified", True) not in (True, "true"):
            raise LoginRefused("the issuer has not verified this email address")
        return name

    def _groups(self, claims: Mapping[str, Any]) -> list[str]:
        """Return the groups that the file knows: others give nothing, and the cookie has little room."""
        said = claims.get(self.file.oidc.groups_claim or "")
        named = said[:MOST_GROUPS] if isinstance(said, list) else []
        return sorted({name for name in named if isinstance(name, str) and name in self.file.groups})

    def _derived(self, purpose: str, state: str) -> str:
        """Return what only this server can know of a login. So it need not be in the cookie."""
        return hmac.digest(self.key, f"{purpose} {state}".encode(), "sha256").hex()

    def _signer(self, kind: str) -> URLSafeSerializer:
        return URLSafeSerializer(self.key, salt=kind, signer_kwargs={"digest_method": hashlib.sha256})

    def _name(self, kind: str) -> str:
        # Browsers take a cookie of this prefix from this very host alone, by https.
        return f"{'__Host-' if self.is_secure else ''}tribolake_{kind}"

    def _store(self, kind: str, said: Mapping[str, Any], seconds: int, answer: Response) -> None:
        written = self._signer(kind).dumps({**said, "until": int(self.clock()) + seconds})
        if len(written) > LARGEST_COOKIE:
            raise LoginRefused("this user is in too many groups of the access file")
        name = self._name(kind)
        answer.set_cookie(name, str(written), max_age=seconds, httponly=True, samesite="lax", secure=self.is_secure)

    def _opened(self, kind: str, cookies: Mapping[str, str]) -> dict[str, Any] | None:
        """Return what a cookie of ours says, unless its time is over."""
        try:
            said: dict[str, Any] = self._signer(kind).loads(cookies.get(self._name(kind), ""))
        except BadData:
            return None
        return said if said["until"] > self.clock() else None


class NotAssigned(LoginRefused):
    """The issuer vouches for somebody whom the access file gives nothing."""


def own_path(asked: str) -> str:
    """Return a path of this server with its query. Anything else is the fleet."""
    # Browsers leave out control characters, and read `\` as `/`.
    is_path = asked.startswith("/") and not asked.startswith("//") and asked.isprintable() and "\\" not in asked
    if not is_path or len(asked) > LONGEST_NEXT or urlsplit(asked).path in (*OPEN_PATHS, LOGOUT):
        return FLEET
    return asked


def login_address(following: str) -> str:
    """Return the address of the login that leads to a page."""
    path = own_path(following)
    return LOGIN if path == FLEET else f"{LOGIN}?{urlencode({'next': path})}"
