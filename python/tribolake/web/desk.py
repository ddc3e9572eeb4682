"""Where feedback is given: sessions of browsers, their tokens, and entries that were read before.

There is no login. A session only proves that a form is one of this server's own pages in the same browser.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from starlette.responses import Response

from tribolake.lake.objects import Objects
from tribolake.oil.feedback.shelf import Feedback, Found, read_feedback

SESSION_COOKIE, WRITER_COOKIE = "tribolake_session", "tribolake_writer"
SESSION = re.compile(r"[0-9a-f]{32}")
LONGEST_WRITER = 80
YEAR_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class Desk:
    """What an application remembers for feedback. `is_open` is False if it shows feedback and takes none."""

    is_open: bool = True
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    # Entries never change. Those of all clients are a few hundred bytes each.
    known: dict[str, Found] = field(default_factory=dict)

    def read(self, objects: Objects, client: str) -> Feedback:
        """Read the entries of a client. Only new ones are fetched."""
        return read_feedback(objects, client, self.known)

    def token_of(self, session: str) -> str:
        """Return the token of a session. Other programs on this machine can set its cookie, but know no token."""
        return hmac.digest(self.key, session.encode(), "sha256").hex()


@dataclass(frozen=True)
class DeskVisit:
    """A browser at the desk: its session, and the name that it gave last."""

    desk: Desk
    session: str
    is_new: bool
    writer: str

    @property
    def token(self) -> str:
        return self.desk.token_of(self.session)

    def owns(self, token: str) -> bool:
        """Return whether a form of this session has this token."""
        return not self.is_new and hmac.compare_digest(token.encode(), self.token.encode())

    def stamp(self, response: Response) -> None:
        """Give a new session to the browser."""
        if self.is_new:
            response.set_cookie(SESSION_COOKIE, self.session, httponly=True, samesite="strict")

    def remember(self, response: Response, writer: str) -> None:
        """Have the browser remember the name of its writer."""
        response.set_cookie(
            WRITER_COOKIE, quote(writer, safe=""), max_age=YEAR_SECONDS, httponly=True, samesite="strict"
        )


def visit_desk(desk: Desk, cookies: Mapping[str, str]) -> DeskVisit:
    """Return the session of a browser, or a new one."""
    session = cookies.get(SESSION_COOKIE, "")
    is_new = not SESSION.fullmatch(session)
    writer = unquote(cookies.get(WRITER_COOKIE, ""))[:LONGEST_WRITER]
    return DeskVisit(desk, secrets.token_hex(16) if is_new else session, is_new, writer)
