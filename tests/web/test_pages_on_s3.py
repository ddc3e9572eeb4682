"""Test the pages of a lake on S3."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.page_reader import Pages, text_of
from tests.support.published_lakes import first_run, home_of

from tribolake.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["moto"])
def lake_on_s3(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, parsed_project: None
) -> Iterator[Settings]:
    with home_of(request, tmp_path_factory.mktemp("lake")) as home:
        first_run(home, tmp_path_factory.mktemp("sample"))
        yield home.settings()


def test_each_page_of_a_lake_on_s3_is_answered(lake_on_s3: Settings):
    pages = Pages(lake_on_s3)
    assert {one["client"] for one in pages.ask("/health").json()["published"]} == {"cda", "emin"}
    fleet = pages.read("/")
    machine = pages.read(fleet.select_one("th.unit > a")["href"])
    report = pages.read(machine.select_one("table.components th a")["href"])
    assert report.select("table.values tbody tr")
    lineage = pages.read(report.select_one(".codes + p a")["href"])
    assert "mismos bytes" in text_of(lineage.select_one(".verdict"))
    assert lineage.select(".cells div")
    value = pages.read(report.select_one("table.values a.value")["href"])
    assert value.select_one("#cell mark")
    assert pages.log == []
