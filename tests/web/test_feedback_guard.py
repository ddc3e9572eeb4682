"""Test who may send a form: pages of this server in the same browser, to one address, with a token, and not endless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.page_reader import Pages

from tribolake.oil.feedback.entry import KINDS, OF_KIND
from tribolake.settings import Settings
from tribolake.web.access import WHOEVER_IS_HERE
from tribolake.web.desk import SESSION_COOKIE, Desk, visit_desk
from tribolake.web.feedback import LONGEST_FORM, TEXTS, FormRefused, given_by, parse_form
from tribolake.web.guard import HEADERS, is_same_origin

OWN = {"origin": "http://127.0.0.1:8710"}
ABOUT = "client=cda&laboratory=finning&sample_number=1&sample_occurrence="
FIELDS = {"about": ABOUT, "kind": "seen", "written_by": "A. Rojas"}
SESSION = "0" * 32


@pytest.fixture
def pages(settings: Settings) -> Pages:
    settings.lake.mkdir()
    return Pages(settings)


def token_of(pages: Pages) -> str:
    """A token that the server of these pages gives, for the session of their browser."""
    pages.client.cookies.set(SESSION_COOKIE, SESSION)
    return pages.desk.token_of(SESSION)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "https://127.0.0.1:8710"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1:8710.evil.example"},
        {"origin": "http://127.0.0.1:8710", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"referer": "http://127.0.0.1:8710/"},
    ],
)
def test_form_of_another_origin_is_refused(pages: Pages, headers: dict[str, str]):
    answer = pages.client.post("/feedback", data=FIELDS | {"token": token_of(pages)}, headers=headers)
    assert answer.status_code == 403
    assert [answer.headers[name.decode()] for name, _ in HEADERS] == [value.decode() for _, value in HEADERS]


@pytest.mark.parametrize("headers", [OWN, {"sec-fetch-site": "same-origin"}, OWN | {"sec-fetch-site": "same-origin"}])
def test_form_of_an_own_page_is_read(pages: Pages, headers: dict[str, str]):
    answer = pages.client.post("/feedback", data=FIELDS | {"token": token_of(pages)}, headers=headers)
    assert answer.status_code == 404  # nothing is published
    assert "No encontrado" in answer.text


def test_two_origins_are_refused():
    both = [(b"origin", b"http://a"), (b"origin", b"http://localhost")]
    assert not is_same_origin(both, "http://localhost")
    assert is_same_origin(both[1:], "http://localhost")


@pytest.mark.parametrize("path", ["/", "/m", "/r", "/lineage", "/health", "/feedback/", "/feedback/x", "//feedback"])
def test_no_other_address_takes_a_form(pages: Pages, path: str):
    answer = pages.client.post(f"http://127.0.0.1:8710{path}", data=FIELDS, headers=OWN)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_address_of_the_form_takes_forms_only(pages: Pages, method: str):
    assert pages.client.request(method, "/feedback", headers=OWN).status_code == 405
    assert pages.client.get("/feedback").status_code == 404


def test_form_is_refused_under_a_foreign_host(pages: Pages):
    headers = {"host": "evil.example", "origin": "http://evil.example"}
    assert pages.client.post("/feedback", data=FIELDS | {"token": token_of(pages)}, headers=headers).status_code == 400


def test_form_without_a_token_of_this_session_is_refused(pages: Pages):
    token = token_of(pages)
    others = Desk().token_of(SESSION)
    for wrong in ("", "x", token[:-1], token.upper(), others, "\u00e9"):
        answer = pages.client.post("/feedback", data=FIELDS | {"token": wrong}, headers=OWN)
        assert answer.status_code == 403, wrong
        assert "Formulario vencido" in answer.text
    assert pages.client.post("/feedback", data=FIELDS, headers=OWN).status_code == 403
    pages.client.cookies.set(SESSION_COOKIE, "1" * 32)
    assert pages.client.post("/feedback", data=FIELDS | {"token": token}, headers=OWN).status_code == 403
    pages.client.cookies.clear()
    assert pages.client.post("/feedback", data=FIELDS | {"token": token}, headers=OWN).status_code == 403


def test_content_that_is_no_form_or_endless_is_refused(pages: Pages):
    token = token_of(pages)
    assert pages.client.post("/feedback", json=FIELDS | {"token": token}, headers=OWN).status_code == 400
    assert pages.client.post("/feedback", files={"token": token.encode()}, headers=OWN).status_code == 400
    long = FIELDS | {"token": token, "note": "x" * LONGEST_FORM}
    assert pages.client.post("/feedback", data=long, headers=OWN).status_code == 400

    def endless():
        for _ in range(10_000):
            yield b"note=" + b"x" * 4096

    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert pages.client.post("/feedback", content=endless(), headers=OWN | kind).status_code == 400


def test_read_only_server_takes_no_form(settings: Settings):
    settings.lake.mkdir()
    pages = Pages(settings, desk=Desk(is_open=False))
    fields = FIELDS | {"token": token_of(pages)}
    assert pages.client.post("/feedback", data=fields, headers=OWN).status_code == 405
    assert list(settings.lake.iterdir()) == []


def test_refused_form_names_its_field_and_writes_nothing(pages: Pages, settings: Settings):
    token = token_of(pages)
    for field, change in {
        "Nombre": {"written_by": " "},
        "Hallazgo": {"kind": "confirmed"},
        "Plazo": {"kind": "due", "due_on": "soon"},
        "USD ahorrados": {"kind": "confirmed", "finding": "f", "cost_usd": "a lot"},
        "Responsable": {"assigned_to": "B"},
        "Formulario": {"kind": "deleted"},
    }.items():
        answer = pages.client.post("/feedback", data=FIELDS | {"token": token} | change, headers=OWN)
        assert (answer.status_code, f"«{field}»" in answer.text) == (400, True), field
    assert list(settings.lake.iterdir()) == []


NAMES = ["about", "kind", "written_by", "withdraws", "due_on", "cost_usd", "hours_saved", *TEXTS]


@given(
    fields=st.dictionaries(
        st.sampled_from(NAMES), st.sampled_from([*KINDS, ABOUT, "1,5", "nan", "2026-01-01", ""]) | st.text()
    )
)
def test_any_fields_are_understood_or_refused(fields: dict[str, str]):
    try:
        found = given_by(fields)
    except FormRefused:
        return
    assert found.kind in KINDS
    for name, (owner, is_needed) in OF_KIND.items():
        is_said = name in found.said or (name == "withdraws" and found.withdraws != "")
        assert not is_said or owner == found.kind
        assert is_said or not (is_needed and owner == found.kind)


@given(body=st.binary(max_size=200) | st.text("=&%az0+;", max_size=80).map(str.encode))
def test_any_body_is_fields_or_refused(body: bytes):
    try:
        fields = parse_form(body)
    except FormRefused:
        return
    assert all(isinstance(part, str) for pair in fields.items() for part in pair)


@pytest.mark.parametrize("body", [b"a=1&a=2", b"a", b"a=%ff", b"\xff=1", b"&".join(b"f%d=1" % n for n in range(21))])
def test_body_that_says_two_things_or_nothing_is_refused(body: bytes):
    with pytest.raises(FormRefused):
        parse_form(body)


def test_session_of_a_browser_is_kept_and_a_forged_one_replaced():
    desk = Desk()
    first = visit_desk(desk, WHOEVER_IS_HERE, {})
    again = visit_desk(desk, WHOEVER_IS_HERE, {SESSION_COOKIE: first.session})
    assert (first.is_new, again.is_new, again.session) == (True, False, first.session)
    assert again.owns(first.token)
    assert not first.owns(first.token)
    assert visit_desk(desk, WHOEVER_IS_HERE, {SESSION_COOKIE: "<script>"}).session != "<script>"
    assert not visit_desk(Desk(), WHOEVER_IS_HERE, {SESSION_COOKIE: first.session}).owns(first.token)
    assert repr(desk.key) not in repr(desk)
