"""Test the login by an OpenID Connect issuer: a real one over HTTP, which is honest, lies, is replayed, or is gone."""

from __future__ import annotations

import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer
from starlette.testclient import TestClient
from tests.support.oidc_login import ADDRESS, access_of, leave, login_of
from tests.support.oidc_provider import CLIENT_ID, SECRET, Provider, oidc_provider
from tests.support.page_reader import Pages

from tribolake.errors import ConfigurationError
from tribolake.settings import load_settings
from tribolake.web.access import read_access
from tribolake.web.issuer import Issuer
from tribolake.web.login import LOGIN_SECONDS, own_path
from tribolake.web.login_pages import LoginPages, open_login

SESSION, LOGIN = "tribolake_reader", "tribolake_login"
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with oidc_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.say()
    return running


@dataclass
class Visitor:
    """A browser with its cookies, which follows redirects to the issuer and back."""

    client: TestClient

    def ask(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=BROWSER | headers, follow_redirects=False)

    def leave(self, path: str = "/login") -> str:
        """Go to the issuer. Returns the address by which it sends the browser back."""
        return leave(self.client, path)

    def log_in(self, path: str = "/login") -> httpx.Response:
        return self.ask(self.leave(path))

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self.client.cookies.jar}


def visitor_of(login: LoginPages, lake: Path) -> Visitor:
    return Visitor(Pages(load_settings(lake=lake), login=login, base=login.login.file.address).client)


@pytest.fixture(scope="module")
def login(tmp_path_factory: pytest.TempPathFactory, running: Provider) -> LoginPages:
    """The login of one server."""
    return login_of(tmp_path_factory.mktemp("access"), running.issuer)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, login: LoginPages) -> FastAPI:
    return Pages(load_settings(lake=tmp_path_factory.mktemp("lake")), login=login).app


@pytest.fixture
def new_visitor(server: FastAPI, provider: Provider) -> Callable[[], Visitor]:
    """Browsers that come to one server."""
    return lambda: Visitor(TestClient(server, base_url=ADDRESS))


@pytest.fixture
def visitor(new_visitor: Callable[[], Visitor]) -> Visitor:
    return new_visitor()


def test_user_logs_in_reads_and_logs_out(visitor: Visitor):
    came = visitor.log_in("/login?next=%2F%3Flang%3Den")
    assert (came.status_code, came.headers["location"]) == (303, f"{ADDRESS}/?lang=en")
    flags = next(one for one in came.headers.get_list("set-cookie") if one.startswith(SESSION)).lower()
    assert "httponly" in flags and "samesite=lax" in flags and "max-age=28800" in flags and "secure" not in flags
    said = json.loads(urlsafe_b64decode(visitor.cookies[SESSION].partition(".")[0] + "=="))
    assert said == {"user": "ana@mine.cl", "groups": [], "until": pytest.approx(time.time() + 8 * 3600, abs=60)}
    assert LOGIN not in visitor.cookies
    page = visitor.ask("/?lang=en")
    assert page.status_code == 200
    assert "ana@mine.cl" in page.text
    post = visitor.client.post
    assert post("/logout", headers={"origin": "http://evil.example"}).status_code == 403
    left = post("/logout", headers={"origin": ADDRESS})
    assert left.status_code == 200
    assert "/leave" in left.text
    assert SESSION not in visitor.cookies
    assert visitor.ask("/").status_code == 401


def test_cookies_of_https_are_secure_and_of_this_host_alone(tmp_path: Path, provider: Provider):
    address = "https://oil.example.org"
    left = visitor_of(login_of(tmp_path, provider.issuer, address), tmp_path).ask("/login")
    (cookie,) = left.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-tribolake_login=")
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= set(cookie.lower().split("; "))
    asked = parse_qs(urlsplit(left.headers["location"]).query)
    assert asked["redirect_uri"] == [f"{address}/login/back"]
    assert asked["code_challenge_method"] == ["S256"]
    assert SECRET not in left.headers["location"]


def test_no_address_answers_without_a_session(visitor: Visitor):
    described = visitor.log_in() and visitor.ask("/openapi.json").json()["paths"]
    visitor.client.cookies.clear()
    tried = 0
    for path, operations in described.items():
        if path.startswith("/login"):
            continue
        for method in operations:
            program = visitor.client.request(method, path)
            assert program.status_code == 401, path
            assert program.headers["content-type"].startswith("text/plain")
            page = visitor.client.request(method, path, headers=BROWSER)
            assert page.status_code == 401, path
            assert "/login" in page.text
            assert ('http-equiv="refresh"' in page.text) == (method == "get")
            assert "unsafe" not in page.headers["content-security-policy"]
            tried += 1
    assert tried > 15
    assert visitor.ask("/nothing").status_code == 401
    assert visitor.ask("/static/tribolake.css").status_code == 200


def test_page_leads_to_the_login_and_back_to_itself(visitor: Visitor):
    page = visitor.ask("/r?client=cda&sample=a%26b%22%3E")
    (href,) = re.findall(r'<a class="button" href="([^"]*)"', page.text)
    came = visitor.log_in(href.replace("&amp;", "&"))
    assert came.headers["location"] == f"{ADDRESS}/r?client=cda&sample=a%26b%22%3E"


LIES = {
    "wrong nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "other"},
    "another audience but authorized for this one": {"aud": "other", "azp": CLIENT_ID},
    "two audiences without azp": {"aud": [CLIENT_ID, "other"]},
    "authorized for another": {"aud": [CLIENT_ID, "other"], "azp": "other"},
    "no audience": {"aud": None},
    "another issuer": {"iss": "http://127.0.0.1:1"},
    "no issuer": {"iss": None},
    "expired": {"exp": 1000},
    "no expiry": {"exp": None},
    "expiry of odd type": {"exp": "tomorrow"},
    "of the future": {"iat": 99999999999},
    "not yet": {"nbf": 99999999999},
    "at_hash of another token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "none": {"signed": "none"},
    "HS256": {"signed": "HS256 with the public key"},
    "another key": {"signed": "another key"},
    "no user": {"email": None},
    "empty user": {"email": ""},
    "user of odd type": {"email": ["ana@mine.cl"]},
    "user with a line break": {"email": "ana@mine.cl\n"},
    "endless user": {"email": "a" * 81},
    "unverified address": {"email_verified": False},
    "unverified address as text": {"email_verified": "false"},
    "unknown user": {"email": "eve@mine.cl"},
    "groups of odd type": {"email": "eve@mine.cl", "groups": "reliability"},
    "groups as an object": {"email": "eve@mine.cl", "groups": {"reliability": True}},
    "groups of numbers": {"email": "eve@mine.cl", "groups": [1, None, ["reliability"]]},
    "a megabyte of groups": {"groups": ["x" * 1000] * 1000},
    "a megabyte of another claim": {"about": "x" * 1_000_000},
}


@pytest.mark.parametrize("lie", LIES)
def test_token_that_lies_gives_no_session(visitor: Visitor, provider: Provider, lie: str):
    provider.say(**LIES[lie])
    came = visitor.log_in()
    assert came.status_code == (503 if "megabyte" in lie else 403)
    assert SESSION not in visitor.cookies
    assert "location" not in came.headers
    assert visitor.ask("/").status_code == 401


@pytest.mark.parametrize(
    ("claims", "groups"),
    [
        ({"groups": ["reliability", "x" * 100, 7]}, ["reliability"]),
        ({"groups": ["other"]}, []),
        ({"email": "eve@mine.cl", "groups": ["reliability"]}, ["reliability"]),
        ({"aud": [CLIENT_ID], "azp": CLIENT_ID}, []),
    ],
)
def test_session_has_the_groups_that_the_file_knows(visitor: Visitor, provider: Provider, claims: dict, groups: list):
    provider.say(**claims)
    assert visitor.log_in().status_code == 303
    assert json.loads(urlsafe_b64decode(visitor.cookies[SESSION].partition(".")[0] + "=="))["groups"] == groups


def test_code_is_exchanged_once(visitor: Visitor):
    back = visitor.leave()
    cookie = visitor.cookies[LOGIN]
    assert visitor.ask(back).status_code == 303
    visitor.client.cookies.clear()
    visitor.client.cookies.set(LOGIN, cookie)
    assert visitor.ask(back).status_code == 403
    assert SESSION not in visitor.cookies


def test_login_of_another_browser_is_refused(new_visitor: Callable[[], Visitor]):
    """A link that an attacker sends logs nobody in as the attacker."""
    attacker, victim = new_visitor(), new_visitor()
    back = attacker.leave()
    assert victim.ask(back).status_code == 403
    victim.leave()
    assert victim.ask(back).status_code == 403
    assert SESSION not in victim.cookies
    for wrong in ("/login/back", "/login/back?state=&code=x", "/login/back?code=x", "/login/back?state=%C3%A9&code=x"):
        assert victim.ask(wrong).status_code == 403
    own = victim.leave()
    state = parse_qs(urlsplit(own).query)["state"][0]
    assert victim.ask(own.replace(state, f"x{state}")).status_code == 403
    for more in ("", "&code=", "&code=wrong", "&error=access_denied", "&error=x&error_description=<script>"):
        refused = victim.ask(f"/login/back?state={state}{more}")
        assert refused.status_code == 403
        assert "<script" not in refused.text


def test_code_of_another_login_is_refused_for_its_verifier(new_visitor: Callable[[], Visitor]):
    """PKCE: a stolen code is worth nothing in the login of a thief."""
    thief, victim = new_visitor(), new_visitor()
    code = parse_qs(urlsplit(victim.leave()).query)["code"][0]
    state = parse_qs(urlsplit(thief.leave()).query)["state"][0]
    assert thief.ask(f"/login/back?state={state}&code={code}").status_code == 403
    assert SESSION not in thief.cookies


FOREIGN = [
    "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "javascript:alert(1)",
    "/\t/evil.example", "/\n/evil.example", "evil.example", "", "///evil.example", "/login", "/login/back?state=x",
    "/logout", "/" + "a" * 2001, " //evil.example",
]  # fmt: skip


@pytest.mark.parametrize("following", FOREIGN)
def test_login_leads_to_own_pages_only(visitor: Visitor, following: str):
    came = visitor.client.get("/login", params={"next": following}, headers=BROWSER, follow_redirects=False)
    back = httpx.get(came.headers["location"]).headers["location"]
    assert visitor.ask(back.removeprefix(ADDRESS)).headers["location"] == f"{ADDRESS}/"


@given(st.text(alphabet="/\\.:@?#%ae \t\u202e", max_size=12))
def test_own_path_never_leaves_the_server(asked: str):
    path = own_path(asked)
    assert path.startswith("/") and not path.startswith(("//", "/\\"))
    assert urlsplit(f"{ADDRESS}{path}").netloc == urlsplit(ADDRESS).netloc
    assert not set(path) & set("\\\t\r\n")


def test_forged_session_is_no_session(visitor: Visitor, login: LoginPages, tmp_path: Path):
    visitor.log_in()
    real = visitor.cookies[SESSION]
    said, signature = real.split(".")
    signer = login.login._signer("login")
    until = int(time.time()) + 1000
    jefe = {"user": "ana@mine.cl", "groups": ["reliability"], "until": until}
    forged = [
        "", ".", "a.b", said, f"{said}.", f".{signature}", real[:-1], f"{real}x", real + "a" * 20000,
        f"{said[:-2]}AA.{signature}", str(URLSafeSerializer("key", salt="reader").dumps(jefe)),
        str(signer.dumps(jefe)), f"{signature}.{said}", "\x00", "eyJhbGciOiJub25lIn0.e30.",
    ]  # fmt: skip
    for cookie in forged:
        visitor.client.cookies.clear()
        assert visitor.ask("/", cookie=f"{SESSION}={cookie}").status_code == 401, cookie
    assert visitor.ask("/", cookie=f"{SESSION}={real}").status_code == 200
    for header in ("X-Forwarded-User", "X-Forwarded-Email", "Authorization"):
        assert visitor.ask("/", **{header: "ana@mine.cl"}).status_code == 401
    restarted = visitor_of(login_of(tmp_path, login.login.file.oidc.issuer), tmp_path)
    assert restarted.ask("/", cookie=f"{SESSION}={real}").status_code == 401


def test_session_and_login_end_with_their_time(tmp_path: Path, provider: Provider):
    login, now = login_of(tmp_path, provider.issuer), [time.time()]
    visitor = visitor_of(replace(login, login=replace(login.login, clock=lambda: now[0])), tmp_path)
    back = visitor.leave()
    now[0] += 601
    assert visitor.ask(back).status_code == 403
    visitor.log_in()
    now[0] += 8 * 3600 - 1
    assert visitor.ask("/").status_code == 200
    now[0] += 2
    assert visitor.ask("/").status_code == 401


def test_two_tabs_share_one_login(visitor: Visitor):
    first, second = visitor.leave("/login?next=/m"), visitor.leave("/login?next=/quality")
    assert visitor.ask(first).headers["location"] == f"{ADDRESS}/quality"
    came = visitor.ask(second)
    assert (came.status_code, came.headers.get("location")) == (303, f"{ADDRESS}/")


def test_state_of_a_login_does_not_live_on(tmp_path: Path, provider: Provider):
    """Whoever asks for the login again and again has the same state for some minutes, and then another one."""
    now = [time.time()]
    login = login_of(tmp_path, provider.issuer)
    visitor = visitor_of(replace(login, login=replace(login.login, clock=lambda: now[0])), tmp_path)
    states = []
    for _ in range(8):
        states.append(parse_qs(urlsplit(visitor.ask("/login").headers["location"]).query)["state"][0])
        now[0] += LOGIN_SECONDS / 4
    assert [states.count(state) for state in dict.fromkeys(states)] == [3, 3, 2]


def test_changed_key_of_the_issuer_is_fetched(visitor: Visitor, provider: Provider):
    visitor.log_in()
    provider.say(signed="renewed key")
    assert visitor.log_in().status_code == 303


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "http://127.0.0.1:1"},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
        {"jwks_uri": "http://127.0.0.1:1/keys"},
        {"about": "x" * 300_000},
    ],
)
def test_issuer_that_describes_itself_wrongly_is_said_to_be_gone(tmp_path: Path, provider: Provider, said: dict):
    provider.say(discovery=said)
    answer = visitor_of(login_of(tmp_path, provider.issuer), tmp_path).ask("/login?lang=en")
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert provider.issuer not in answer.text


def test_issuer_that_is_gone_is_said_and_asked_again(tmp_path: Path):
    lines: list[str] = []
    now = [0.0]
    with oidc_provider() as provider:
        pass
    login = login_of(tmp_path, provider.issuer, log=lines.append)
    issuer = Issuer(login.login.file.oidc, SECRET, lambda: now[0])
    visitor = visitor_of(replace(login, login=replace(login.login, issuer=issuer)), tmp_path)
    for moment, is_asked in ((0, True), (1, False), (10, True)):
        now[0] = moment
        assert visitor.ask("/login").status_code == 503
        assert ("ConnectError" in lines[-1]) == is_asked
        assert SECRET not in lines[-1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("proxies = ['10.0.0.5']\n[oidc]\nissuer = 'https://i'\nclient_id = 'a'", "a proxy and an issuer"),
        ("[oidc]\nissuer = 'http://i.example'\nclient_id = 'a'", "oidc.issuer.*https"),
        ("[oidc]\nissuer = 'https://user:word@i'\nclient_id = 'a'", "oidc.issuer"),
        ("[oidc]\nissuer = 'https://i'", "oidc.client_id"),
        ("[oidc]\nissuer = 'https://i'\nclient_id = 'a'\nsecret = 'b'", "oidc.secret"),
        ("[oidc]\nissuer = 'https://i'\nclient_id = 'a'\nhours = 100", "oidc.hours"),
        ("oidc = 1", "oidc"),
    ],
)
def test_file_that_says_something_else_is_refused_by_name(tmp_path: Path, text: str, said: str):
    file = tmp_path / "access.toml"
    file.write_text(f"address = 'https://a.b'\n{text}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        read_access(file)


def test_pages_by_plain_http_are_of_this_machine_alone(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"address.*https"):
        access_of(tmp_path, "https://i.example", "http://oil.example.org")


def test_server_without_the_secret_says_so(tmp_path: Path):
    access = access_of(tmp_path, "https://i.example")
    for secret in (None, " "):
        with pytest.raises(ConfigurationError, match="TRIBOLAKE_OIDC_SECRET"):
            open_login(access, load_settings(oidc_secret=secret), print)
