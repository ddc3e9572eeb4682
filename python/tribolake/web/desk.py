"""Where feedback is given: sessions of browsers, their tokens, and entries that were read before.

A session proves that a form is one of this server's own pages in the same browser. It is no login.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from starlette.responses import Response

from tribolake.oil.feedback.shelf import Feedback, Found, read_feedback
from tribolake.trace.pinned import PinnedObjects
from tribolake.web.access import LONGEST_NAME, Reader

SESSION_COOKIE, WRITER_COOKIE = "tribolake_session", "tribolake_writer"
SESSION = re.compile(r"[0-9a-f]{32}")
YEAR_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class Desk:
    """What an application remembers for feedback.

    `is_open` is False if it shows feedback and takes none. With `is_secure` cookies are sent by https alone.
    """

    is_open: bool = True
    is_secure: bool = False
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    # Entries never change. Those of all clients are a few hundred bytes each.
    known: dict[str, Found] = field(default_factory=dict)

    def read(self, published: PinnedObjects, client: str) -> Feedback:
        """Read the entries of a client. Only new ones are fetched, and none if the lake cannot be reached."""
        return read_feedback(published, client, self.known, is_cut_off=published.is_cut_off)

    def token_of(self, session: str, login: str = "") -> str:
        """Return the token of a session and a user. Other programs can set a session's cookie, but know no token."""
        return hmac.digest(self.key, f"{session} {login}".encode(), "sha256").hex()


@dataclass(frozen=True)
class DeskVisit:
    """A browser at the desk: its session, its user if there is a login, and else the name that it gave last."""

    desk: Desk
    session: str
    is_new: bool
    login: str
    writer: str

    @property
    def token(self) -> str:
        return self.desk.token_of(self.session, self.login)

    def owns(self, token: str) -> bool:
        """Return whether a form of this session has this token."""
        return not self.is_new and hmac.compare_digest(token.encode(), self.token.encode())

    def stamp(self, response: Response) -> None:
        """Give a new session to the browser."""
        if self.is_new:
            secure = self.desk.is_secure
            response.set_cookie(SESSION_COOKIE, self.session, httponly=True, samesite="strict", secure=secure)

    def remember(self, response: Response, writer: str) -> None:
        """Have the browser remember the name of its writer, who has no login."""
        if not self.login:
            response.set_cookie(
                WRITER_COOKIE, quote(writer, safe=""), max_age=YEAR_SECONDS, httponly=True, samesite="strict"
            )


def visit_desk(desk: Desk, reader: Reader, cookies: Mapping[str, str]) -> DeskVisit:
    """Return the session of a browser, or a new one."""
    session = cookies.get(SESSION_COOKIE, "")
    is_new = not SESSION.fullmatch(session)
    writer = reader.name or unquote(cookies.get(WRITER_COOKIE, ""))[:LONGEST_NAME]
    return DeskVisit(desk, secrets.token_hex(16) if is_new else session, is_new, reader.name, writer)
