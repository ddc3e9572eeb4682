"""Log in to the pages at an issuer of tests, as a browser does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
from starlette.testclient import TestClient
from tests.support.oidc_provider import SECRET

from tribolake.settings import load_settings
from tribolake.web.access import ByIssuer, read_access
from tribolake.web.login_pages import LoginPages, open_login

ADDRESS = "http://127.0.0.1:8710"
FILE = """
address = "{address}"
[users]
"ana@mine.cl" = ["cda"]
[groups]
reliability = ["cda", "emin"]
[oidc]
issuer = "{issuer}"
client_id = "tribolake"
groups_claim = "groups"
"""


def access_of(folder: Path, issuer: str, address: str = ADDRESS) -> ByIssuer:
    """Write an access file into a folder, and read it."""
    file = folder / "access.toml"
    file.write_text(FILE.format(address=address, issuer=issuer), encoding="utf-8")
    found = read_access(file)
    assert isinstance(found, ByIssuer)
    return found


def login_of(folder: Path, issuer: str, address: str = ADDRESS, log: Callable[[str], None] = print) -> LoginPages:
    """The login of a server at an issuer."""
    return open_login(access_of(folder, issuer, address), load_settings(oidc_secret=SECRET), log)


def leave(client: TestClient, path: str = "/login") -> str:
    """Go to the issuer. Returns the path by which it sends the browser back."""
    left = client.get(path, follow_redirects=False)
    assert left.status_code == 303, left.text
    back = httpx.get(left.headers["location"]).headers["location"]
    assert back.startswith(f"{ADDRESS}/login/back?")
    return str(back.removeprefix(ADDRESS))
