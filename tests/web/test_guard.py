"""Test what holds for every answer: hosts, methods, headers, and failures without a traceback."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from tests.support.page_reader import Pages

from tribolake.settings import Settings, load_settings
from tribolake.web.access import is_loopback
from tribolake.web.guard import HEADERS

FOREIGN = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", "[::2]:80", ""]
OWN = ["localhost", "localhost:8710", "127.0.0.1:1", "127.0.0.9", "[::1]", "[::1]:8710"]


def broken_clock() -> datetime:
    raise ZeroDivisionError("a fault of the tool at /secret/path")


@pytest.fixture
def pages(settings: Settings) -> Pages:
    settings.lake.mkdir()
    return Pages(settings)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/health", 200),
        ("/openapi.json", 200),
        ("/static/tribolake.css", 200),
        ("/nothing", 404),
        ("/docs", 404),
        ("/redoc", 404),
        ("/m?client=cda&unit=T_01", 404),
        ("/r?client=cda&sample=1", 404),
        ("/lineage?client=cda&sample=1", 404),
        ("/m?client=cda", 400),
        ("/?show=0", 400),
        ("/?lang=fr", 400),
        ("/static/../app.py", 404),
        ("/static/%2e%2e/app.py", 404),
        ("/static/..%2fapp.py", 404),
        ("/?client=" + "a" * 9000, 414),
    ],
)
def test_every_answer_has_the_headers(pages: Pages, path: str, status: int):
    answer = pages.ask(path)
    assert answer.status_code == status
    assert [answer.headers.get_list(name.decode()) for name, _ in HEADERS] == [[value.decode()] for _, value in HEADERS]
    assert answer.headers.get_list("cache-control") == ["private, no-cache"]
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy


def test_page_that_fails_has_headers_and_a_number_that_the_log_has(settings: Settings):
    settings.lake.mkdir()
    pages = Pages(settings, broken_clock)
    answer = pages.ask("/")
    assert answer.status_code == 500
    assert [answer.headers[name.decode()] for name, _ in HEADERS] == [value.decode() for _, value in HEADERS]
    (number,) = re.findall(r"<code>([0-9a-f]{8})</code>", answer.text)
    (line,) = pages.log
    assert number in line
    assert "ZeroDivisionError" in line
    assert "secret" not in answer.text


def test_lake_that_is_gone_answers_503_with_a_number(tmp_path: Path):
    pages = Pages(load_settings(lake=tmp_path / "not mounted"))
    answer = pages.ask("/", lang="en")
    assert answer.status_code == 503
    assert "The lake does not answer" in answer.text
    assert str(tmp_path) not in answer.text
    assert re.findall(r"<code>([0-9a-f]{8})</code>", answer.text)[0] in pages.log[0]
    health = pages.ask("/health")
    assert (health.status_code, health.json()["status"]) == (503, "unreachable")


@pytest.mark.parametrize("host", FOREIGN)
def test_foreign_host_is_refused(pages: Pages, host: str):
    answer = pages.client.get("/health", headers={"host": host})
    assert answer.status_code == 400
    assert "published" not in answer.text


@pytest.mark.parametrize("host", OWN)
def test_own_host_is_answered(pages: Pages, host: str):
    assert pages.client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_than_reading_are_refused(pages: Pages, method: str):
    answer = pages.client.request(method, "/")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_head_has_the_headers_of_get(pages: Pages):
    got, head = pages.client.get("/"), pages.client.head("/")
    assert head.content == b""
    assert dict(head.headers) == dict(got.headers)


@pytest.mark.parametrize("name", ["0.0.0", "::", "192.168.1.4", "example.com", "", "127.0.0.1.example.com"])
def test_name_of_another_machine_is_not_loopback(name: str):
    assert not is_loopback(name)
