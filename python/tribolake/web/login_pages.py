"""The addresses of the login. Their pages say one thing each, and work for whoever has no session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from tribolake.errors import ConfigurationError
from tribolake.settings import Settings
from tribolake.texts import one_line
from tribolake.web.access import ByIssuer
from tribolake.web.addresses import FLEET, LOGIN, LOGIN_BACK, LOGOUT
from tribolake.web.issuer import Issuer, IssuerUnreachable, LoginRefused
from tribolake.web.login import OPEN_PATHS, Login, NotAssigned, login_address
from tribolake.web.parameters import Language
from tribolake.web.rendering import render_door
from tribolake.web.words import LANGUAGES, Words, words_in

STATIC = "/static/"
NOT_STORED = {"Cache-Control": "no-store"}
REFUSALS: Mapping[type[Exception], tuple[str, str, int]] = {
    IssuerUnreachable: ("login.unreachable_title", "login.unreachable", 503),
    LoginRefused: ("login.refused_title", "login.refused", 403),
    NotAssigned: ("login.unassigned_title", "login.unassigned", 403),
}


@dataclass(frozen=True)
class Door:
    """What is said to somebody without a session. `moves_on` opens `href` without a press."""

    title: str
    text: str
    href: str
    label: str
    moves_on: bool = False
    issuer_href: str = ""


@dataclass(frozen=True)
class LoginPages:
    """The login of an application. `language` is that of the settings, and `log` writes a line."""

    login: Login
    language: str
    log: Callable[[str], None]

    forms = (LOGOUT,)

    def is_open(self, path: str) -> bool:
        """Return whether whoever asks gets an answer. Styles say nothing about anybody."""
        return path in OPEN_PATHS or path.startswith(STATIC)

    def ask(self, scope: Mapping[str, Any]) -> bytes | None:
        """Return the page that leads to the login. Returns None for a program, which asks for something else."""
        request = Request({"type": "http", **scope})
        if "text/html" not in request.headers.get("accept", ""):
            return None
        words = self._words(request)
        if request.method != "GET":
            text = words("login.form_lost")
            return _rendered(Door(words("login.title"), text, login_address(FLEET), words("login.press")), words)
        query = f"?{request.url.query}" if request.url.query else ""
        href = login_address(f"{request.url.path}{query}")
        # A redirect would be one of the form that was sent, and the policy of its page lets no form leave this server.
        page = Door(words("login.title"), words("login.text"), href, words("login.press"), moves_on=True)
        return _rendered(page, words)

    def add_to(self, app: FastAPI) -> None:
        """Add the addresses of the login."""

        @app.get(LOGIN, summary="Log in at the issuer", status_code=303, response_class=RedirectResponse)
        async def login(request: Request, following: Annotated[str, Query(alias="next")] = FLEET) -> Response:
            try:
                address, stamp = await self.login.leave(request.cookies, following)
            except IssuerUnreachable as error:
                return self._refused(request, error)
            return _redirected(address, stamp)

        @app.get(LOGIN_BACK, summary="Come back from the issuer", status_code=303, response_class=RedirectResponse)
        async def back(request: Request) -> Response:
            try:
                address, stamp = await self.login.come_back(request)
                return _redirected(address, stamp)
            except (IssuerUnreachable, LoginRefused) as error:
                return self._refused(request, error)

        @app.post(LOGOUT, summary="End the session", response_class=HTMLResponse)
        async def logout(request: Request, lang: Language = None) -> HTMLResponse:
            words = words_in(lang or self.language)
            there = await self.login.issuer.address_of_logout()
            page = Door(words("logout.title"), words("logout.text"), LOGIN, words("login.press"), False, there or "")
            answer = HTMLResponse(_rendered(page, words), headers=NOT_STORED)
            self.login.forget("reader", answer)
            return answer

    def _refused(self, request: Request, error: IssuerUnreachable | LoginRefused) -> HTMLResponse:
        """Say why there is no session. What the issuer says is for the log alone."""
        self.log(f"login: {type(error).__name__}: {one_line(error)[:1000]}")
        words = self._words(request)
        title, text, status = REFUSALS[type(error)]
        page = Door(words(title), words(text), LOGIN, words("login.again"))
        return HTMLResponse(_rendered(page, words), status, NOT_STORED)

    def _words(self, request: Request) -> Words:
        language = request.query_params.get("lang")
        return words_in(language if language in LANGUAGES else self.language)


def open_login(access: ByIssuer, settings: Settings, log: Callable[[str], None]) -> LoginPages:
    """Return the login that an access file describes.

    Raises:
        ConfigurationError: the secret is not set.
    """
    secret = settings.oidc_secret
    if secret is None or not secret.get_secret_value().strip():
        raise ConfigurationError(
            f"the access file names the issuer {access.oidc.issuer}: TRIBOLAKE_OIDC_SECRET must have the secret of "
            f"its client {access.oidc.client_id}"
        )
    login = Login(access, Issuer(access.oidc, secret.get_secret_value().strip()))
    return LoginPages(login, settings.language, log)


def _rendered(page: Door, words: Words) -> bytes:
    return render_door(page, words).encode()


def _redirected(address: str, stamp: Callable[[Response], None]) -> RedirectResponse:
    answer = RedirectResponse(address, 303, NOT_STORED)
    stamp(answer)
    return answer
