"""Ask the pages of a lake, and read what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

from bs4 import BeautifulSoup
from httpx import Response
from starlette.testclient import TestClient

from tribolake.settings import Settings
from tribolake.web.access import Entrance, ThisMachine
from tribolake.web.app import make_app
from tribolake.web.desk import Desk
from tribolake.web.login_pages import LoginPages


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Pages:
    """The application of a lake. `log` has the lines about failures."""

    settings: Settings
    now: Callable[[], datetime] = _now
    log: list[str] = field(default_factory=list)
    desk: Desk = field(default_factory=Desk)
    entrance: Entrance = field(default_factory=ThisMachine)
    login: LoginPages | None = None
    peer: str = "127.0.0.1"  # who connects
    base: str = "http://127.0.0.1:8710"

    def __post_init__(self) -> None:
        self.app = make_app(self.settings, self.log.append, self.now, self.desk, self.entrance, self.login)
        self.client = TestClient(self.app, base_url=self.base, client=(self.peer, 50000))

    @staticmethod
    def address(path: str, **query: object) -> str:
        return f"{path}?{urlencode(query)}" if query else path

    def ask(self, path: str, **query: object) -> Response:
        return self.client.get(self.address(path, **query))

    def read(self, path: str, **query: object) -> BeautifulSoup:
        """The page at an address that is known."""
        answer = self.ask(path, **query)
        assert answer.status_code == 200, (path, query, answer.text[:500], self.log)
        return BeautifulSoup(answer.text, "html.parser")


def text_of(found: object) -> str:
    """The text of an element on one line."""
    return " ".join(found.get_text(" ").split())  # type: ignore[attr-defined]
