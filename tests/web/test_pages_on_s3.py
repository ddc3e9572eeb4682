"""Test the pages of a lake on S3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from tests.support.lake_homes import InBucket
from tests.support.page_reader import Pages, text_of
from tests.support.published_lakes import first_run, home_of
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.server import S3Server
from tests.support.stack_template import read_template, resources_of

from tribolake.lake.objects_in_bucket import BucketObjects
from tribolake.lake.store import ObjectStore
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
    may_read, may_list = pages_may("oil")
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


def pages_may(product: str) -> tuple[list[str], list[str]]:
    """Return what the role of the pages may read of a product, and the prefixes that it may list."""
    policies = resources_of(read_template())["PagesRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    allowed = {one["Sid"]: one for one in policies}
    reading = {"oil": "Read", "market": "ReadMarketData"}[product]
    may_read = [one.partition(":::")[2].partition("/")[2] for one in allowed[reading]["Resource"]]
    prefixes = allowed["List"]["Condition"]["StringLikeIfExists"]["s3:prefix"]
    return may_read, [one for one in prefixes if one.startswith("oil-analysis/") == (product == "oil")]


def test_market_pages_ask_for_nothing_that_the_stack_forbids(
    market_pages: Pages, moto: S3Server, bucket: NewBuckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The role has a pattern for each object that they read and each folder that they list, and no other."""
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    home, lake = InBucket(moto, bucket(moto).lake, tmp_path), market_pages.settings.lake
    for path in lake.rglob("*"):
        if path.is_file():
            key = path.relative_to(lake).as_posix().replace("_state/market/", "market/_state/")
            home.put(key, path.read_bytes())
    read, listed = set(), set()
    for kind, names, asked in (("", ("get", "head"), read), ("", ("list", "list_versions"), listed)):
        for name in names:
            monkeypatch.setattr(ObjectStore, name, recorded(getattr(ObjectStore, name), kind, asked))
    pages = Pages(home.settings())
    (key,) = (one.relative_to(lake).as_posix() for one in lake.glob("raw/*/NVDA/*/*"))
    values = "session=2024-03-01&name=rsi_14"
    for path in (
        *("/market", "/market?ticker=NVDA", f"/market/value?ticker=NVDA&{values}", "/market/health", "/market/status"),
        *("/market/versions?ticker=NVDA", "/market/indicators?ticker=NVDA&as_known_on=2024-03-04"),
        f"/market/lineage/object?key={key}",
    ):
        assert pages.ask(path).status_code == 200, (path, pages.log)
    may_read, may_list = pages_may("market")
    assert {one for one in read if not fits(one, may_read)} == set()
    listed -= {"oil-analysis/gold/"}  # each page looks who its clients are
    assert {one for one in listed if not fits(one, may_list)} == set()
    assert {one for one in may_read if not any(fits(key, [one]) for key in read)} == set()
    assert {one for one in may_list if not any(fits(key, [one]) for key in listed)} == set()
