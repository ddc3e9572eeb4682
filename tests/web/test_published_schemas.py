"""`/openapi.json` says what each JSON address returns, and real answers are that, with no name more."""

from __future__ import annotations

import copy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from tests.market.small_warehouse import written
from tests.support.page_reader import Pages

from tribolake.market.market_lake import MarketLake
from tribolake.market.sample import after_close, key_of
from tribolake.settings import Settings, load_settings

LAST = date(2024, 3, 1)
VALUE = {"ticker": "NVDA", "session": LAST}
FORMATS = FormatChecker(())
FORMATS.checks("date", ValueError)(date.fromisoformat)
FORMATS.checks("date-time", ValueError)(datetime.fromisoformat)
# Programs may store other fields in bodies: the schema allows them. Those of a run are all in it.
ANSWERS = [
    ("/health", {}),
    ("/market/health", {}),
    ("/market/status", {}),
    ("/market/versions", {"ticker": "^GSPC"}),
    ("/market/lineage", VALUE | {"name": "vwap"}),
    ("/market/lineage", VALUE | {"name": "rsi_14_percentile"}),
    ("/market/lineage", VALUE | {"name": "beta_90"}),
    ("/market/lineage/object", {"key": key_of("NVDA", after_close(LAST))}),
    ("/market/indicators", {"ticker": "NVDA"}),
    ("/market/percentiles", {"ticker": "NVDA"}),
    ("/market/features", {"ticker": "^GSPC"}),
    ("/market/percentiles", {"ticker": "NVDA", "as_known_on": "2024-03-04"}),
    ("/market/indicators", {"ticker": "none"}),
    ("/market/indicators", {}),
    ("/market/lineage/object", {"key": "raw/../../etc/passwd"}),
]


def strict(schema: Any) -> Any:
    """A schema by which names that it does not have are wrong."""
    found = copy.deepcopy(schema)
    for component in found["components"]["schemas"].values():
        component.setdefault("additionalProperties", False)
    return found


def wrong(pages: Pages, path: str, query: dict[str, object]) -> list[str]:
    answer = pages.ask(path, **query)
    description = strict(pages.ask("/openapi.json").json())
    template = path if path in description["paths"] else "/market/{kind}"
    said = description["paths"][template]["get"]["responses"][str(answer.status_code)]
    schema = said["content"]["application/json"]["schema"] | {"components": description["components"]}
    found = Draft202012Validator(schema, format_checker=FORMATS).iter_errors(answer.json())
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


@pytest.mark.parametrize(("path", "query"), ANSWERS)
def test_answer_is_what_is_published(market_pages: Pages, path: str, query: dict[str, object]):
    assert wrong(market_pages, path, query) == []


def test_every_json_answer_has_a_schema(market_pages: Pages):
    description = market_pages.ask("/openapi.json").json()
    empty = [
        (path, status)
        for path, methods in description["paths"].items()
        for method in methods.values()
        for status, said in method["responses"].items()
        if said.get("content", {}).get("application/json", {"schema": True}).get("schema") == {}
    ]
    assert empty == []
    # A page that refuses an address answers in HTML.
    assert "HTTPValidationError" not in description["components"]["schemas"]
    in_json = {
        path
        for path, methods in description["paths"].items()
        if "get" in methods and "application/json" in methods["get"]["responses"]["200"].get("content", {})
    }
    asked = {path for path, _ in ANSWERS}
    assert {path for path in in_json if "{" not in path} <= asked


def test_objects_of_processed_values_are_published_too(market_pages: Pages):
    lake = MarketLake(written(market_pages.settings.lake))
    for kind in ("indicators", "percentiles", "features"):
        key = lake.versions("NVDA", kind)[0].key
        assert wrong(market_pages, "/market/lineage/object", {"key": key}) == []


def test_lake_that_is_not_there_answers_what_is_published(tmp_path: Path):
    pages = Pages(load_settings(lake=tmp_path / "missing"))
    assert pages.ask("/health").status_code == 503
    for path in ("/health", "/market/health", "/market/status"):
        assert wrong(pages, path, {}) == []


@pytest.mark.slow
def test_status_with_every_kind_of_trouble_is_what_is_published(market_in_trouble: Settings):
    pages = Pages(market_in_trouble)
    status = pages.ask("/market/status").json()
    assert [name for name, found in status.items() if found == []] == ["deliveries", "unread_folders"]
    assert wrong(pages, "/market/status", {}) == []
