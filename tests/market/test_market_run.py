"""Runs of the market product: what is staged becomes gold, nothing new costs nothing, and oil is left alone."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.support.lake_homes import InBucket, InFolder, LakeHome
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.server import S3Server

import tribolake.run.project
from tribolake.market.keys import IMPORT, RawKey
from tribolake.market.product import MARKET
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.market.status import market_status
from tribolake.oil.product import OIL
from tribolake.run.pipeline import run
from tribolake.run.project import Fingerprints

FIRST, SECOND = date(2024, 2, 28), date(2024, 3, 1)
SHARES = (random_walk("NVDA", 320, splits={SECOND: 4.0}), random_walk("^GSPC", 320, seed=2))
COMPUTED = ("indicators", "percentiles", "features")
Tribolake = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=["folder", pytest.param("moto", marks=pytest.mark.slow)])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: NewBuckets):
    if request.param == "folder":
        return InFolder(tmp_path / "lake")
    moto: S3Server = request.getfixturevalue("moto")
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    return InBucket(moto, bucket(moto).lake, tmp_path)


def deliver(home: LakeHome, day: date) -> None:
    for share in SHARES:
        home.put(key_of(share.symbol, after_close(day)), as_bytes(chart_of(share, day)))


def gold(home: LakeHome) -> dict[str, Any]:
    """Read gold as the contract says: the manifest, then each file in its folder."""
    manifest = json.loads(home.read("market/gold/universe/_manifest.json") or b"")
    tables = {}
    for file in manifest["files"]:
        content = home.read(f"market/gold/universe/{manifest['folder']}/{file['name']}") or b""
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        tables[file["name"].removesuffix(".parquet")] = pq.read_table(io.BytesIO(content))
    return tables | {"manifest": manifest}


def test_staged_responses_become_gold(home: LakeHome):
    deliver(home, FIRST)
    settings = MARKET.of(home.settings())
    report = run(MARKET, settings)
    assert not report.needs_a_look and report.clients["universe"].published
    found = gold(home)
    assert [source["key"] for source in found["manifest"]["sources"]] == home.keys("raw/")
    assert found["indicators"].column_names[:3] == ["ticker", "session_date", "computation_version"]
    assert set(found["indicators"]["computation_version"].to_pylist()) == {"1.0", "reference"}
    pairs = {(row["ticker"], row["other_ticker"]): row for row in found["correlations"].to_pylist()}
    pair = pairs["NVDA", "_5EGSPC"]
    assert len(pairs) == 6 and pair["correlation"] and pair["last_session"] == FIRST
    first = {name: len(found[name]) for name in ("indicators", "percentiles", "features")}

    assert run(MARKET, settings).nothing_new

    home.put(key_of("NVDA", after_close(SECOND)), as_bytes(chart_of(SHARES[0], SECOND)))
    report = run(MARKET, settings)
    assert report.reasons == ["1 new files"] and report.clients["universe"].changed
    after = gold(home)
    assert len(after["indicators"]) == first["indicators"] + 2 * 2  # two sessions, two versions
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        assert warehouse.execute("select ticker from changes.touched_tickers").fetchall() == [("NVDA",)]
        held = (
            "select count(*), count(session_date) from silver.exchange_sessions where calendar = 'XNYS' and year = 2024"
        )
        assert warehouse.execute(held).fetchall() == [(252, 252)]
        # The split was named now. It changed no traded price, so it corrected nothing.
        assert warehouse.execute("select count(*) from silver.bar_corrections").fetchall() == [(0,)]
    strengths = [
        {(row["ticker"], row["session_date"]): row["rsi_14"] for row in each["indicators"].to_pylist()
         if row["computation_version"] == "1.0"}
        for each in (found, after)
    ]  # fmt: skip
    for key, strength in strengths[0].items():
        assert strengths[1][key] == (strength and pytest.approx(strength, rel=1e-5))


@pytest.mark.slow
def test_bad_response_needs_a_look_and_stops_no_other(home: LakeHome):
    """A CSV is read in a process of its own, where it fails alone."""
    deliver(home, FIRST)
    home.put(key_of("BAD", after_close(FIRST)), b"<html>")
    lows, early = (chart_of(random_walk(symbol, 320, seed=3), FIRST) for symbol in ("LOWS", "EARLY"))
    lows["chart"]["result"][0]["indicators"]["quote"][0]["low"] = [None] * len(lows["chart"]["result"][0]["timestamp"])
    early["chart"]["result"][0]["timestamp"][0] = -62_000_000_000  # in the year 5
    for symbol, chart in (("LOWS", lows), ("EARLY", early)):
        home.put(key_of(symbol, after_close(FIRST)), as_bytes(chart))
    for symbol, text in (("TRUCK", "Date,Open,High,Low,Close,Volume\n2024-02-27,1,2,1,2,5\n"), ("WORSE", "a,b\n1,2\n")):
        home.put(str(RawKey(IMPORT, symbol, after_close(FIRST), suffix="csv")), text.encode())
    report = run(MARKET, MARKET.of(home.settings()))
    assert report.needs_a_look and report.clients["universe"].published
    problems = {failed["file"].split("/")[2]: failed["problem"] for failed in report.failed_files}
    assert "web page" in problems.pop("BAD") and "Date" in problems.pop("WORSE") and problems == {}
    assert "TRUCK" in gold(home)["indicators"]["ticker"].to_pylist()
    assert {"LOWS", "EARLY"} <= set(gold(home)["features"]["ticker"].to_pylist())


@pytest.mark.slow
def test_build_killed_after_bars_computes_what_follows_again(tmp_path: Path):
    """The warehouse says since which session bars differ from those that values were computed from."""
    home = InFolder(tmp_path)
    settings = MARKET.of(home.settings())
    deliver(home, FIRST)
    run(MARKET, settings)
    with duckdb.connect(settings.warehouse) as warehouse:
        warehouse.execute("create schema kept")
        for name in COMPUTED:
            warehouse.execute(f"create table kept.{name} as from gold.{name}")
    deliver(home, SECOND)
    run(MARKET, settings)
    whole = gold(home)
    with duckdb.connect(settings.warehouse) as warehouse:
        for name in COMPUTED:
            warehouse.execute(f"delete from gold.{name}; insert into gold.{name} from kept.{name}")
        warehouse.execute(
            "drop schema kept cascade; insert into control.changed_since"
            " select 'silver.bars', ticker, min(session_date) from silver.bars group by ticker;"
            "delete from control.computed_tickers; update control.run_request set run_id = 'killed'"
        )
    report = run(MARKET, settings)
    assert "the last run did not finish" in report.reasons
    for name in COMPUTED:
        assert gold(home)[name].equals(whole[name]), name
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        assert warehouse.execute("from control.changed_since").fetchall() == []


@pytest.mark.slow
@pytest.mark.thorough
def test_removed_response_counts_until_all_are_read_again(tmp_path: Path, tribolake: Tribolake):
    home = InFolder(tmp_path / "lake")
    for day in (FIRST, SECOND):
        deliver(home, day)
    lake, settings = ("--lake", str(home.folder)), MARKET.of(home.settings())
    assert not run(MARKET, settings).needs_a_look
    gone, raw = key_of("NVDA", after_close(SECOND)), home.folder / "raw"
    (home.folder / gone).unlink()
    assert market_status(settings)["gone"] == [gone]
    assert "--full-refresh" in tribolake("market", "status", *lake).stdout
    raw.rename(tmp_path / "away")
    raw.mkdir()  # as a mount that is away leaves it
    assert "unread folder raw:" in tribolake("market", "run", *lake).stdout
    assert "has none below raw" in tribolake("market", "run", "--full-refresh", *lake).stderr
    assert "unread folder raw:" in tribolake("market", "status", *lake).stdout
    raw.rmdir()
    (tmp_path / "away").rename(raw)
    assert max(gold(home)["indicators"]["session_date"].to_pylist()) == SECOND
    assert not run(MARKET, settings, full_refresh=True).needs_a_look
    nvda = gold(home)["indicators"].filter(pc.equal(gold(home)["indicators"]["ticker"], "NVDA"))
    assert max(nvda["session_date"].to_pylist()) == FIRST and market_status(settings)["gone"] == []


@pytest.mark.slow
def test_rebuild_gives_the_same_bits(tmp_path: Path):
    """Also of a young share, of which the last session alone has percentiles."""
    home, young = InFolder(tmp_path), random_walk("YOUNG", 320, seed=3)
    settings = MARKET.of(home.settings())
    for day, since in ((FIRST, date(2023, 10, 2)), (SECOND, FIRST)):
        deliver(home, day)
        home.put(key_of(young.symbol, after_close(day)), as_bytes(chart_of(young, day, since)))
        run(MARKET, settings)
    incremental = gold(home)
    run(MARKET, settings, full_refresh=True)
    for name, table in gold(home).items():
        assert name == "manifest" or table.equals(incremental[name]), name


@pytest.mark.parametrize(
    ("place", "changes_oil", "changes_market"),
    [
        ("models/market/silver/bars.sql", False, True),
        ("macros/market/bar_checks.sql", False, True),
        ("seeds/market/computations.csv", False, True),
        ("python/tribolake/market/indicators.py", False, True),
        ("python/tribolake/market/fetch.py", False, False),
        ("models/oil/silver/samples.sql", True, False),
        ("seeds/oil/essays.csv", True, False),
        ("macros/oil/reading/parse_number.sql", True, False),
        ("macros/remember_run.sql", True, True),
    ],
)
def test_change_of_one_product_starts_no_run_of_the_other(
    project: Path, monkeypatch: pytest.MonkeyPatch, place: str, changes_oil: bool, changes_market: bool
):
    monkeypatch.setattr(tribolake.run.project, "PROJECT_DIR", project)
    monkeypatch.setattr(tribolake.run.project, "PACKAGE_DIR", project / "python" / "tribolake")
    before = [Fingerprints.of(product) for product in (OIL, MARKET)]
    path = project / place
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    after = [Fingerprints.of(product) for product in (OIL, MARKET)]
    assert [one != other for one, other in zip(before, after, strict=True)] == [changes_oil, changes_market]


@pytest.mark.slow
def test_demo_needs_no_network(tmp_path: Path, tribolake: Tribolake):
    shown = tribolake("market", "demo", "--lake", str(tmp_path), "--quiet", http_proxy="http://127.0.0.1:9")
    assert shown.returncode == 0, shown.stderr
    assert "MINE" in shown.stdout and "^GSPC" in shown.stdout
    assert "/chart/result/0/indicators/quote/0/close/" in shown.stdout and "1.0 against reference" in shown.stdout
    said = tribolake("market", "status", "--lake", str(tmp_path), "--json")
    assert {row["symbol"] for row in json.loads(said.stdout)["tickers"]} == {"MINE", "TRUCK", "^GSPC"}
    sql = "select distinct ticker from indicators semi join bars using (ticker, session_date) order by 1"
    asked = tribolake("query", sql, "--product", "market", "--lake", str(tmp_path), "--json")
    assert [row["ticker"] for row in json.loads(asked.stdout)["rows"]] == ["MINE", "TRUCK", "_5EGSPC"]
    listed = tribolake("query", "show tables", "--product", "market", "--lake", str(tmp_path), "--json")
    assert "quality_findings" in listed.stdout and "classified_reports" not in listed.stdout
    assert tribolake("query", "select 1", "--product", "gas", "--lake", str(tmp_path)).returncode == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("fetch", "../x"), 2),
        (("fetch",), 2),
        (("status",), 2),
        (("deliver",), 2),
        (("run",), 2),
        (("get", "indicators", "NVDA"), 2),
        (("get", "prices", "NVDA"), 2),
        (("versions", "NVDA"), 2),
        (("versions", "NVDA", "--type", "prices"), 2),
        (("import", "none.json"), 2),
        (("import", "x.json", "--fetched-at", "2999-01-01"), 2),
    ],
)
def test_command_that_cannot_be_used_says_why(tmp_path: Path, tribolake: Tribolake, words: tuple[str, ...], code: int):
    ended = tribolake("market", *words, "--lake", str(tmp_path))
    assert ended.returncode == code and ended.stderr
