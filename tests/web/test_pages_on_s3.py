"""Test the pages of a lake on S3."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from tests.support.page_reader import Pages, text_of
from tests.support.published_lakes import first_run, home_of

from tribolake.lake.objects_in_bucket import BucketObjects
from tribolake.settings import PROJECT_DIR, Settings

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


def test_pages_ask_for_nothing_that_the_stack_forbids(lake_on_s3: Settings, monkeypatch: pytest.MonkeyPatch):
    """Every object that a page reads or lists is one of those that the role of the pages in `infra/` may."""
    read, listed = set(), set()
    for kind, names, asked in (("", ("read", "fetch", "take"), read), ("/", ("files", "versions", "folders"), listed)):
        for name in names:
            monkeypatch.setattr(BucketObjects, name, recorded(getattr(BucketObjects, name), kind, asked))
    pages = Pages(lake_on_s3)
    machine = pages.read("/").select_one("th.unit > a")["href"]
    report = pages.read(machine).select_one("table.components th a")["href"]
    value = pages.read(report).select_one("table.values a.value")["href"]
    limit = pages.read("/limits", client="cda").select_one("table a")["href"]
    for path in (value, limit, "/quality", "/take/fleet?form=csv"):
        pages.read(path)
    assert pages.log == []
    may_read, may_list = pages_may(lake_on_s3.prefix)
    assert {key for key in read if not fits(key, may_read)} == set()
    assert {key for key in listed if not fits(key, may_list)} == set()
    # Nothing is allowed that no page needs, but for the files that feedback writes.
    assert {one for one in may_read if not any(fits(key, [one]) for key in read)} <= {"oil-analysis/feedback/*"}
    assert {one for one in may_list if not any(fits(key, [one]) for key in listed)} == set()


def recorded(call: Callable[..., Any], ending: str, asked: set[str]) -> Callable[..., Any]:
    def record(objects: BucketObjects, key: str, *more: Any, **named: Any) -> Any:
        asked.add(f"{key}{ending}")
        return call(objects, key, *more, **named)

    return record


def fits(key: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def pages_may(prefix: str) -> tuple[list[str], list[str]]:
    """The objects that the role of the pages may read, and the prefixes that it may list."""
    text = (PROJECT_DIR / "infra" / "stack.yml").read_text(encoding="utf-8")
    role = text.split("  PagesRole:\n")[1].split("\n  AccessFileOfThePages:")[0]
    reading, _, listing = (part.split("Sid:")[0] for part in role.split("Sid: ")[1:])
    named = re.compile(r'!Sub "(?:\$\{Lake\.Arn\}/)?\$\{Prefix\}/([^"]+)"')
    may_read, may_list = (named.findall(part) for part in (reading, listing))
    return [f"{prefix}/{one}" for one in may_read], [f"{prefix}/{one}" for one in may_list]
