"""Links in messages lead to the page of what they are about, whatever it is called."""

from __future__ import annotations

from html import unescape
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.page_reader import Pages

from tribolake.oil.page_addresses import LONGEST, page_of_trouble
from tribolake.oil.product import OIL
from tribolake.run.notify import troubles_of
from tribolake.run.report import RunReport
from tribolake.texts import one_line
from tribolake.web.addresses import Addresses

ABOUT = st.fixed_dictionaries(
    {
        "client": st.sampled_from(["CDA", "EMIN"]),
        "unit": st.text(max_size=40),
        "sample_number": st.none() | st.text(min_size=1, max_size=40),
        "sample_occurrence": st.none() | st.just("2026-01-05"),
        "laboratory": st.sampled_from(["finning", "als"]),
    }
)


@given(ABOUT)
def test_link_of_a_message_is_the_address_of_a_page(about: dict[str, str]):
    expected = Addresses().report(about) if about["sample_number"] else None
    if not expected and about["unit"]:
        expected = Addresses().machine(about["client"], about["unit"])
    assert page_of_trouble(about) == expected
    if expected:
        assert expected.isascii() and expected.isprintable() and " " not in expected
        assert parse_qs(urlsplit(expected).query)["client"] == [about["client"].lower()]


def test_trouble_with_an_endless_sample_number_links_to_its_machine():
    about = {"client": "CDA", "unit": "../a/b", "sample_number": "x" * (LONGEST + 1)}
    about |= {"sample_occurrence": None, "laboratory": "als"}
    assert page_of_trouble(about) == "/m?client=cda&unit=..%2Fa%2Fb"


@pytest.mark.slow
def test_each_message_about_a_machine_links_to_its_report(warehouse_of_pages: duckdb.DuckDBPyConnection, pages: Pages):
    report = RunReport("run-1", "default", "es", "local")
    told = troubles_of(OIL, report, warehouse_of_pages, pages_url="https://oil.example.com/")
    machines = {identity: words for identity, words in told.items() if identity.startswith("machine ")}
    assert sum("/r?" in words for words in machines.values()) > len(machines) / 2
    for identity, words in machines.items():
        text, _, link = words.rpartition(" ")
        assert text and link.startswith("https://oil.example.com/")
        page = pages.client.get(link.removeprefix("https://oil.example.com"))
        assert page.status_code == 200, (identity, page.text[:300])
        query = parse_qs(urlsplit(link).query)
        assert one_line(query.get("sample", query.get("unit"))[0]) in unescape(page.text)
    assert not any("http" in words for words in troubles_of(OIL, report, warehouse_of_pages).values())
