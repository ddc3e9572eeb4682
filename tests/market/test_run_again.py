"""A run of market is computed again from exactly the raw objects that it used: identical, or why not."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr
from tests.market.small_warehouse import written
from tests.support.lake_homes import InBucket
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.server import S3Server, client

from tribolake.errors import ConfigurationError
from tribolake.lake.files import sha256_of
from tribolake.market.market_lake import MarketLake
from tribolake.market.processed import parse_processed
from tribolake.market.product import MARKET
from tribolake.market.reprocess import _differing, reprocess_run
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.run.pipeline import run
from tribolake.run.warehouse import open_warehouse
from tribolake.settings import Settings
from tribolake.trace.bronze_copy import BronzeGone

pytestmark = pytest.mark.slow

FIRST, SECOND = date(2024, 2, 28), date(2024, 3, 1)
SHARES = [random_walk("NVDA", 320, splits={SECOND: 4.0}), random_walk("^GSPC", 320, seed=2)]
Tribolake = Callable[..., subprocess.CompletedProcess[str]]
KINDS = ("indicators", "percentiles", "features")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, str, str]:
    """A lake in which a second response of NVDA named a split. Its index was fetched once."""
    settings = written(tmp_path_factory.mktemp("lake"))
    runs = []
    for day, shares in ((FIRST, SHARES), (SECOND, SHARES[:1])):
        for share in shares:
            path = settings.lake / key_of(share.symbol, after_close(day))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(as_bytes(chart_of(share, day)))
        runs.append(run(MARKET, settings).run_id)
    return settings, runs[0], runs[1]


@pytest.fixture
def two_runs(published: tuple[Settings, str, str], tmp_path: Path) -> tuple[Settings, str, str]:
    """A copy of the lake, and the runs."""
    settings, first, second = published
    return written(shutil.copytree(settings.lake, tmp_path / "lake", symlinks=True)), first, second


def everything(settings: Settings) -> dict[str, bytes]:
    files = (path for path in settings.lake.rglob("*") if path.is_file() and "_state" not in path.parts)
    return {str(path): path.read_bytes() for path in files}


def test_run_is_identical_and_says_why_not(two_runs: tuple[Settings, str, str], tmp_path: Path):
    settings, first, second = two_runs
    before = everything(settings)
    # It would be refused: nothing of a lake of its own is delivered to Aurora.
    with_aurora = settings.changed(aurora_url=SecretStr("postgresql://nobody:secret@127.0.0.1:1/none"))
    for run_id, tickers in ((first, {"NVDA", "_5EGSPC"}), (second, {"NVDA"})):
        found = reprocess_run(with_aurora, run_id)
        assert found.is_identical and not found.notes, found
        assert {file.outcome for client in found.tables.clients for file in client.files} <= {"identical", "same rows"}
        assert {tuple(one.key.split("/")[1:3]) for one in found.objects} == {(k, t) for k in KINDS for t in tickers}
    assert everything(settings) == before

    # An object and a table that are not what the run computed: each difference is named.
    key = next(one.key for one in MarketLake(settings).versions("NVDA", "indicators"))
    body = json.loads((settings.lake / key).read_text())
    body["values"]["rsi_14"] += 1e-9
    body["sources"][0]["sessions"] += 1
    body["code"] = "another"
    (settings.lake / key).write_text(json.dumps(body))
    found = reprocess_run(settings, second, into=tmp_path / "again")
    assert {one.key: one.differing for one in found.objects if one.differing} == {key: ("rsi_14", "sources")}
    assert not found.is_identical and "by the code another" in found.notes[0]
    assert found.as_dict()["is_identical"] is False and Path(found.tables.lake) == tmp_path / "again"


def test_features_of_an_earlier_release_name_the_sources_of_the_ticker_only(published: tuple[Settings, str, str]):
    """With the code of now an object without those of its benchmark is not what the run computed."""
    body = MarketLake(published[0]).get_latest_features("NVDA") or {}
    parsed = parse_processed(body["key"])
    assert parsed and {source["key"].split("/")[2] for source in body["sources"]} == {"NVDA", "_5EGSPC"}
    own = [source for source in body["sources"] if "/NVDA/" in source["key"]]
    fewer = [own[0] | {"sessions": own[0]["sessions"] - 1}, *own[1:]]
    with open_warehouse(published[0].warehouse, read_only=True) as warehouse:
        for code, sources, differing in (
            (body["code"], body["sources"], []), (body["code"], own, ["sources"]), ("earlier", own, []),
            ("earlier", fewer, ["sources"]), ("earlier", body["sources"][1:], ["sources"]),
        ):  # fmt: skip
            assert list(_differing(warehouse, parsed, body | {"code": code, "sources": sources})) == differing


def test_response_that_is_gone_ends_with_its_name(two_runs: tuple[Settings, str, str], tribolake: Tribolake):
    settings, first, second = two_runs
    key = key_of("NVDA", after_close(SECOND))
    (settings.lake / key).unlink()
    with pytest.raises(BronzeGone, match=key):
        reprocess_run(settings, second)
    words = "market", "reprocess", "--lake", str(settings.lake), "--as-of"
    said = tribolake(*words, first, "--json")
    assert said.returncode == 0 and len(json.loads(said.stdout)["objects"]) == 2 * len(KINDS)


def test_command_shows_what_differs(two_runs: tuple[Settings, str, str], tribolake: Tribolake):
    settings, first, second = two_runs
    words = "market", "reprocess", "--lake", str(settings.lake), "--as-of"
    assert "6 of 6 processed objects are the same" in tribolake(*words, first).stdout
    (settings.lake / "processed" / "features" / "_5EGSPC").rename(settings.lake / "elsewhere")
    assert "3 of 3 processed objects are the same" in tribolake(*words, second).stdout
    assert "4 of 4 processed objects" not in tribolake(*words, first).stdout
    assert tribolake(*words, "20200101T000000000000Z-abcd").returncode == 2
    assert tribolake(*words, first, "--apply").returncode == 2
    assert tribolake("market", "reprocess", "--lake", str(settings.lake), "--into", "x").returncode == 2


def test_unknown_run_is_refused(two_runs: tuple[Settings, str, str]):
    for run_id in ("20200101T000000000000Z-abcd", "../../etc"):
        with pytest.raises(ConfigurationError):
            reprocess_run(two_runs[0], run_id)


def test_versions_that_the_run_used_are_fetched(
    tmp_path: Path, moto: S3Server, bucket: NewBuckets, monkeypatch: pytest.MonkeyPatch
):
    """Another program wrote over a raw object. Its manifest names the version that was used."""
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    home = InBucket(moto, bucket(moto).lake, tmp_path)
    key = key_of("NVDA", after_close(FIRST))
    home.put(key, as_bytes(chart_of(SHARES[0], FIRST)))
    settings = MARKET.of(home.settings())
    run_id = run(MARKET, settings).run_id
    client(moto).put_object(Bucket=home.bucket, Key=key, Body=b"{}")
    found = reprocess_run(settings, run_id)
    assert found.is_identical and len(found.objects) == len(KINDS)


def test_published_rows_that_differ_are_counted(two_runs: tuple[Settings, str, str]):
    """As by a defect of the code of that time: the published file is not what these responses give."""
    settings, _, second = two_runs
    folder = settings.lake / "market" / "gold" / "universe" / "_versions" / second
    path, manifest = folder / "indicators.parquet", folder / "_manifest.json"
    rows = pq.read_table(path)
    rows = rows.set_column(rows.column_names.index("atr_14"), "atr_14", pc.add(rows["atr_14"], 1.0))
    path.unlink()  # it may have other names
    pq.write_table(rows, path)
    said = json.loads(manifest.read_text())
    (file,) = (file for file in said["files"] if file["name"] == path.name)
    file |= {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    manifest.unlink()
    manifest.write_text(json.dumps(said))
    found = reprocess_run(settings, second)
    (universe,) = found.tables.clients
    different = [file for file in universe.files if file.outcome == "differs"]
    assert [file.name for file in different] == ["indicators.parquet"] and set(different[0].columns) == {"atr_14"}
