"""Test who may open the pages, and that a reader finds no trace of the clients of others at any address."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.oidc_login import ADDRESS as OPEN_ADDRESS
from tests.support.oidc_login import leave, login_of
from tests.support.oidc_provider import oidc_provider
from tests.support.page_reader import Pages, text_of

from tribolake.errors import ConfigurationError
from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.shelf import read_feedback
from tribolake.oil.questions.published import rows
from tribolake.settings import Settings, load_settings
from tribolake.web.access import BehindProxy, Reader, Refused, read_access
from tribolake.web.desk import Desk

ADDRESS = "https://oil.example.org"
USER, GROUPS = "X-Forwarded-User", "X-Forwarded-Groups"
FILE = f"""
address = "{ADDRESS}"
proxies = ["10.0.0.5", "10.1.0.0/16", "fd00::/8"]
groups_header = "{GROUPS}"

[users]
"ana@mine.cl" = ["cda"]
"jefe" = ["*"]

[groups]
reliability = ["cda", "emin"]
"""


@pytest.fixture(scope="module")
def entrance(tmp_path_factory: pytest.TempPathFactory) -> BehindProxy:
    file = tmp_path_factory.mktemp("access") / "access.toml"
    file.write_text(FILE, encoding="utf-8")
    made = read_access(file)
    assert isinstance(made, BehindProxy)
    return made


def pages_of(settings: Settings, entrance: BehindProxy, peer: str = "10.0.0.5", **headers: str) -> Pages:
    pages = Pages(settings, entrance=entrance, peer=peer, base=ADDRESS, desk=Desk(is_secure=entrance.is_secure))
    pages.client.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return pages


@pytest.mark.parametrize("peer", ["10.0.0.6", "10.2.0.1", "127.0.0.1", "::1", "", "testclient", "10.0.0.5.evil"])
def test_header_from_another_address_than_the_proxy_is_refused(settings: Settings, entrance: BehindProxy, peer: str):
    settings.lake.mkdir()
    answer = pages_of(settings, entrance, peer, X_Forwarded_User="jefe").ask("/")
    assert answer.status_code == 403
    assert "proxy only" in answer.text


@pytest.mark.parametrize("peer", ["10.0.0.5", "10.1.255.3", "fd00::1"])
def test_proxy_is_known_by_its_address_or_network(settings: Settings, entrance: BehindProxy, peer: str):
    settings.lake.mkdir()
    assert pages_of(settings, entrance, peer, X_Forwarded_User="jefe").ask("/").status_code == 200


def test_user_whom_nobody_listed_and_request_without_a_user_get_nothing(settings: Settings, entrance: BehindProxy):
    settings.lake.mkdir()
    for path in ("/", "/health", "/market/status", "/static/tribolake.css", "/openapi.json"):
        assert pages_of(settings, entrance, X_Forwarded_User="eve").ask(path).status_code == 403
        assert pages_of(settings, entrance).ask(path).status_code == 401


def test_pages_answer_to_the_address_of_the_proxy_alone(settings: Settings, entrance: BehindProxy):
    settings.lake.mkdir()
    pages = pages_of(settings, entrance, X_Forwarded_User="jefe")
    for host in ("localhost", "oil.example.org.evil", "oil.example.org:8710", ""):
        assert pages.client.get("/", headers={"host": host}).status_code == 400


names = st.sampled_from(["ana@mine.cl", "jefe", "eve", "", "a" * 81, "*", "cda", "ana@mine.cl\x00", "jefe\u202e"])
groups = st.lists(st.sampled_from(["reliability", "", " reliability ", "*", "cda", "jefe"]), max_size=3)


@given(users=st.lists(names, max_size=2), groups=st.lists(groups, max_size=2))
def test_reader_sees_what_the_file_gives_them_and_no_more(entrance: BehindProxy, users, groups):
    headers = [(USER.lower().encode(), name.encode()) for name in users]
    headers += [(GROUPS.lower().encode(), ",".join(some).encode()) for some in groups]
    reader = entrance.reader("10.0.0.5", headers)
    given_to = {"ana@mine.cl": {"cda"}, "jefe": {"cda", "emin", "other"}}
    is_named = len(users) == 1 and users[0] and len(users[0]) <= 80 and users[0].isprintable() and len(groups) < 2
    seen = given_to.get(users[0], set()) if is_named else set()
    if is_named and any(name.strip() == "reliability" for some in groups for name in some):
        seen = seen | {"cda", "emin"}
    found = {one for one in ("cda", "emin", "other") if isinstance(reader, Reader) and reader.sees(one)}
    assert found == seen
    assert isinstance(reader, Refused) == (not seen)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("proxies = ['10.0.0.5']", "address"),
        ("address = 'https://a.b'\nproxies = []", "proxies"),
        ("address = 'https://a.b/path'\nproxies = ['10.0.0.5']", "address"),
        ("address = 'https://a.b'\nproxies = ['anyone']", "proxies"),
        ("address = 'https://a.b'\nproxies = ['10.0.0.5']\n[users]\nana = ['../cda']", "users.ana"),
        ("address = 'https://a.b'\nproxies = ['10.0.0.5']\nusr = 1", "usr"),
        ("address = ", "cannot be read"),
        ("\xff", "cannot be read"),
    ],
)
def test_file_that_says_something_else_is_refused_by_name(tmp_path: Path, text: str, said: str):
    file = tmp_path / "access.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=said):
        read_access(file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_access(tmp_path / "none.toml")


@pytest.fixture(params=["proxy", "issuer"])
def pages_of_ana(
    request: pytest.FixtureRequest, page_lake: Settings, entrance: BehindProxy, tmp_path: Path
) -> Iterator[Pages]:
    """The pages as Ana sees them, whom a proxy names, or an issuer."""
    if request.param == "proxy":
        yield pages_of(page_lake, entrance, X_Forwarded_User="ana@mine.cl")
        return
    with oidc_provider() as provider:
        pages = Pages(page_lake, login=login_of(tmp_path, provider.issuer), base=OPEN_ADDRESS)
        assert pages.client.get(leave(pages.client), follow_redirects=False).status_code == 303
        yield pages


VALUES = {
    "form": "csv",
    "essay": "Hierro",
    "component": "",
    "lang": "es",
    "how": "limit",
    "marginal": "1",
    "change": "1",
}


@pytest.mark.slow
def test_client_of_others_is_nowhere(page_lake: Settings, entrance: BehindProxy, pages_of_ana: Pages):
    """Each address with another client's name answers as it does for a client that does not exist."""
    pages = pages_of_ana
    (report,) = rows(page_lake, "from classified_reports where client = 'EMIN' order by all limit 1")
    (own,) = rows(page_lake, "from classified_reports where client = 'CDA' and unitId = 'T_01' order by all limit 1")
    link = pages.read("/limits", client="cda").select_one('a[href^="/limit?"]')["href"]
    group = dict(parse_qsl(urlsplit(link).query))
    tried = 0
    for path, operations in pages.ask("/openapi.json").json()["paths"].items():
        wanted = [one["name"] for one in operations.get("get", {}).get("parameters", [])]
        if "client" not in wanted:
            continue

        def ask(client: str, row: dict, path: str = path, wanted: list[str] = wanted):
            known = {"unit": row["unitId"], "sample": row["sampleNumber"]}
            if path in ("/take/report", "/take/machine"):
                known["form"] = "html"
            if "grain" in wanted:
                known = dict(group)
            known["client"] = client
            return pages.ask(path, **{name: value for name, value in (VALUES | known).items() if name in wanted})

        others, nobodys = ask("emin", report), ask("nobody", report)
        assert (others.status_code, others.text.replace("emin", "nobody")) == (nobodys.status_code, nobodys.text), path
        assert "EMIN" not in others.text
        assert ask("cda", own).status_code == 200, path
        tried += 1
    assert tried >= 7
    own_report = f"/r?client=cda&sample={own['sampleNumber']}"
    for path in ("/", "/?show=1000", "/health", own_report, "/m?client=cda&unit=T_01"):
        answer = pages.ask(path)
        assert answer.status_code == 200
        assert "emin" not in answer.text.lower()
        assert report["unitId"] not in answer.text
    everything = pages_of(page_lake, entrance, X_Forwarded_User="jefe").ask("/", show=1000).text
    assert "EMIN" in everything
    assert report["unitId"] in everything


@pytest.mark.slow
def test_feedback_is_signed_by_the_user_and_their_token_is_theirs(
    page_lake: Settings, entrance: BehindProxy, tmp_path: Path
):
    shutil.copytree(page_lake.lake, tmp_path / "lake", symlinks=True)
    settings = load_settings(lake=tmp_path / "lake")
    ana = pages_of(settings, entrance, X_Forwarded_User="ana@mine.cl")
    machine = ana.read("/m", client="cda", unit="T_01")
    page = ana.read(machine.select_one("table.components th a")["href"])
    form = page.select_one("#feedback form")
    assert form.select_one("[name=written_by]") is None
    assert "ana@mine.cl" in text_of(form)
    fields = {name: form.select_one(f"[name={name}]")["value"] for name in ("token", "about")} | {"kind": "seen"}

    def send(user: str = "ana@mine.cl", origin: str = ADDRESS, **typed: str) -> int:
        headers = {USER: user, "origin": origin}
        return ana.client.post("/feedback", data=fields | typed, headers=headers, follow_redirects=False).status_code

    assert send(user="jefe") == 403  # in the same browser
    assert send(origin="https://evil.example") == 403
    assert send(about=fields["about"].replace("client=cda", "client=emin")) == 404
    assert send(written_by="jefe") == 303
    entries = read_feedback(open_objects(settings), "cda", {}).entries
    assert [entry.written_by for entry in entries] == ["ana@mine.cl"]
