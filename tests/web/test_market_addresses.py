"""Addresses of the market product answer with what the commands print, and say in JSON what is wrong."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.market.small_warehouse import written
from tests.support.aurora_fixtures import KINDS, SYMBOLS
from tests.support.lake_homes import InBucket
from tests.support.page_reader import Pages
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.server import S3Server, client
from typer.testing import CliRunner

from tribolake.cli.market import app
from tribolake.market.market_lake import MarketLake
from tribolake.market.sample import after_close, key_of
from tribolake.settings import load_settings

LAST = date(2024, 3, 1)
RAW = key_of("NVDA", after_close(LAST))


def printed(pages: Pages, *words: str) -> Any:
    """Return what a command prints with --json; None if it refuses."""
    done = CliRunner().invoke(app, [*words, "--json", "--lake", str(pages.settings.lake)])
    return json.loads(done.stdout) if done.exit_code in (0, 4) else None


def options(about: dict[str, Any]) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in about.items() if value is not None]


def stamps(pages: Pages) -> list[str]:
    return [
        one.key.rpartition("/")[2].removesuffix(".json")
        for one in MarketLake(written(pages.settings.lake)).versions("NVDA")
    ]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_address_answers_what_the_command_prints(market_pages: Pages, data: st.DataObject):
    today = date.fromisoformat(
        f"{stamps(market_pages)[0]:.4}-{stamps(market_pages)[0][4:6]}-{stamps(market_pages)[0][6:8]}"
    )
    kind, ticker = data.draw(st.sampled_from(KINDS)), data.draw(st.sampled_from([*SYMBOLS, "nvda", "MSFT"]))
    versions = ["1.0", "reference", "2.0", "", *stamps(market_pages)]
    about = {
        "date": data.draw(st.none() | st.sampled_from([today, today - timedelta(days=1)])),
        "session": data.draw(st.none() | st.sampled_from([LAST, LAST - timedelta(days=1)])),
        "version": data.draw(st.none() | st.sampled_from(versions)),
    }
    answer = market_pages.ask(
        f"/market/{kind}", ticker=ticker, **{name: one for name, one in about.items() if one is not None}
    )
    said = printed(market_pages, "get", kind, ticker, *options(about))
    assert (answer.status_code, answer.json() if said else None) == (200 if said else 404, said)
    assert answer.headers["content-type"] == "application/json"
    assert said or answer.json()["error"].startswith(f"no {kind} of")


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        (
            "indicators",
            {"ticker": "NVDA", "as_known_on": "2024-03-04"},
            ["get", "indicators", "NVDA", "--as-known-on=2024-03-04"],
        ),
        ("versions", {"ticker": "^GSPC"}, ["versions", "^GSPC"]),
        ("versions", {"ticker": "NVDA", "type": "features"}, ["versions", "NVDA", "--type=features"]),
        ("lineage", {"ticker": "NVDA", "session": LAST, "name": "vwap"}, ["lineage", "NVDA", str(LAST), "vwap"]),
        (
            "lineage",
            {"ticker": "NVDA", "session": LAST, "name": "rsi_14", "computation_version": "reference"},
            ["lineage", "NVDA", str(LAST), "rsi_14", "--computation-version=reference"],
        ),
        ("lineage/object", {"key": RAW}, ["lineage", RAW]),
        ("status", {}, ["status"]),
    ],
)
def test_other_addresses_answer_what_commands_print(
    market_pages: Pages, path: str, query: dict[str, Any], words: list[str]
):
    answer = market_pages.ask(f"/market/{path}", **query)
    assert answer.status_code == 200 and answer.json() == printed(market_pages, *words) is not None


def test_health_names_the_published_run(market_pages: Pages):
    said = market_pages.ask("/market/health").json()
    manifest = market_pages.settings.lake / "market" / "gold" / "universe" / "_manifest.json"
    assert said["status"] == "ok" and said["published"]["run_id"] == json.loads(manifest.read_text())["run_id"]


@pytest.mark.parametrize(
    ("path", "query", "status", "said"),
    [
        ("indicators", {}, 422, "ticker: Field required"),
        ("indicators", {"ticker": "../etc"}, 400, "is not a symbol"),
        ("indicators", {"ticker": "NV\x1b[31m\u202eDA"}, 400, "is not a symbol"),
        ("indicators", {"ticker": "N" * 65}, 422, "ticker: "),
        ("indicators", {"ticker": "US0378331005"}, 400, "ISIN"),
        ("indicators", {"ticker": "MSFT"}, 404, "lists the tickers"),
        ("indicators", {"ticker": "NVDA", "session": "2024-02-29"}, 404, "no indicators of"),
        ("features", {"ticker": "NVDA", "date": "2001-01-01"}, 404, "no features of"),
        ("percentiles", {"ticker": "NVDA", "version": "2.0"}, 404, "no percentiles of"),
        ("indicators", {"ticker": "NVDA", "session": "yesterday"}, 422, "session: "),
        ("indicators", {"ticker": "NVDA", "date": "2024-01-01", "as_known_on": "2024-01-01"}, 400, "not both"),
        ("indicators", {"ticker": "NVDA", "as_known_on": "2001-01-01"}, 404, "was known"),
        ("prices", {"ticker": "NVDA"}, 422, "kind: "),
        ("versions", {"ticker": "MSFT"}, 404, "no computations"),
        ("versions", {"ticker": "NVDA", "type": "bars"}, 422, "type: "),
        ("lineage", {"ticker": "NVDA", "session": "2024-03-02", "name": "rsi_14"}, 404, "the nearest"),
        ("lineage", {"ticker": "NVDA", "session": "2024-03-01", "name": "<script>"}, 404, "is not an"),
        ("lineage/object", {"key": "raw/../../etc/passwd"}, 404, "is not the key"),
    ],
)
def test_what_is_wrong_is_said_in_json(market_pages: Pages, path: str, query: dict[str, str], status: int, said: str):
    answer = market_pages.ask(f"/market/{path}", **query)
    assert answer.status_code == status and set(answer.json()) == {"error"} and said in answer.json()["error"]
    assert not {"\x1b", "\u202e"} & set(answer.json()["error"])


def test_guard_and_description_hold_for_these_addresses_too(market_pages: Pages):
    assert market_pages.client.post("/market/indicators?ticker=NVDA").status_code == 405
    answer = market_pages.client.get("/market/health", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "default-src 'none'" in market_pages.ask("/market/health").headers["content-security-policy"]
    paths = market_pages.ask("/openapi.json").json()["paths"]
    listed = {path for path in paths if path.startswith("/market")}
    in_json = {f"/market/{name}" for name in ("health", "status", "versions", "lineage", "lineage/object", "{kind}")}
    assert listed == in_json | {"/market", "/market/value"}
    assert all(set(paths[path]["get"]["responses"]) >= {"200", "400", "404", "503"} for path in in_json)


def test_lake_that_is_not_there_is_unreachable(tmp_path: Path):
    pages = Pages(load_settings(lake=tmp_path / "missing"))
    for path in ("health", "status", "indicators?ticker=NVDA", "versions?ticker=NVDA", "lineage/object?key=raw"):
        answer = pages.ask(f"/market/{path}")
        assert answer.status_code == 503 and "not mounted" in answer.json()["error"], path


def test_lake_without_values_is_well(tmp_path: Path):
    pages = Pages(load_settings(lake=tmp_path))
    assert pages.ask("/market/health").json() == {"status": "ok", "published": None}
    assert pages.ask("/market/indicators", ticker="NVDA").status_code == 404


def test_server_without_ta_lib_shows_what_is_stored(market_pages: Pages, monkeypatch: pytest.MonkeyPatch):
    """The extra of the pages does not have it. Values that are stored need none."""
    monkeypatch.setitem(sys.modules, "talib", None)
    assert market_pages.ask("/market/indicators", ticker="NVDA").status_code == 200
    answer = market_pages.ask("/market/lineage", ticker="NVDA", session=LAST, name="rsi_14")
    assert answer.status_code == 501 and "talib" in answer.json()["error"]


def test_fault_has_a_number_in_the_log(market_pages: Pages, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("tribolake.web.market.get_values", broken)
    said = market_pages.ask("/market/indicators", ticker="NVDA")
    assert said.status_code == 500 and "secret" not in said.text
    assert said.json()["error"].rpartition(" ")[2] in market_pages.log[-1]


@pytest.mark.slow
def test_archived_object_says_how_to_restore_it(
    market_pages: Pages, tmp_path: Path, moto: S3Server, bucket: NewBuckets, monkeypatch: pytest.MonkeyPatch
):
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    home = InBucket(moto, bucket(moto).lake, tmp_path)
    key = MarketLake(written(market_pages.settings.lake)).versions("NVDA", "features")[0].key
    client(moto).put_object(
        Bucket=home.bucket, Key=key, Body=(market_pages.settings.lake / key).read_bytes(), StorageClass="GLACIER"
    )
    answer = Pages(home.settings()).ask("/market/features", ticker="NVDA")
    assert answer.status_code == 503 and "restore-object" in answer.json()["error"]
