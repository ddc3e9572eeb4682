"""Test that none of 500 hostile texts of an address breaks out of the page that shows it."""

from __future__ import annotations

import random
from itertools import product

import pytest
from tests.support.page_reader import Pages
from tests.support.small_warehouse import publish, warehouse
from tests.web.test_hostile_pages import check

from tribolake.settings import Settings
from tribolake.texts import one_line

pytestmark = pytest.mark.slow
LONGEST_SEARCH = 100
PAYLOADS = (
    "<script>document.title='ran'</script>",
    "<img src=x onerror=\"document.title='ran'\">",
    "<svg/onload=document.title='ran'>",
    "javascript:document.title='ran'",
    "<a href='javascript:document.title=1'>x</a>",
    "<iframe srcdoc='<script>1</script>'>",
    "<style>*{display:none}</style>",
    "<base href='//evil.example/'>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<form action='//evil.example'><input name=q>",
    "<math><mi xlink:href='javascript:1'>",
    "<template><script>1</script>",
    "{{ self.__init__.__globals__ }}",
    "{% import os %}",
    "#{7*7}",
    '=HYPERLINK("//evil.example")',
    "../../../etc/passwd",
    "..\\..\\x",
    "\u202e<b>\u202c",
    "\u2028<script>\u2029",
    "\ufeff<b>",
    "\u0000",
    "\x1b]0;title\x07",
    "’ OR 1=1 --",
    "&#60;script&#62;",
)
WRAPPED = (
    "{}",
    '"{}',
    "'{}",
    "'>{}",
    '">{}<"',
    "</td>{}",
    "</title>{}",
    "</style>{}",
    "-->{}<!--",
    "]]>{}",
    "{}\n{}",
    " {} ",
    "x={}&y={}",
    "/{}/",
    "https://evil.example/{}",
    "`{}`",
    "${{{}}}",
    "%3C{}%3E",
    "\\{}",
    "{}{}{}",
)


def names() -> list[str]:
    tried = product(PAYLOADS, WRAPPED, WRAPPED)
    made = {outer.replace("{}", inner.replace("{}", payload)) for payload, inner, outer in tried}
    return random.Random(16).sample(sorted(name for name in made if len(name) <= LONGEST_SEARCH), 500)  # noqa: S311


def test_none_of_500_texts_breaks_out_of_the_search(settings: Settings):
    settings.lake.mkdir()
    publish(warehouse(1, rows=20), settings.lake, "run-1")
    pages = Pages(settings)
    for name in names():
        page = pages.read("/", q=name)
        check(page)
        assert page.select_one("#search")["value"].split() == one_line(name.strip()).split()
    assert pages.log == []
