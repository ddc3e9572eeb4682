"""Computed values are objects that are written once, link to their raw object, and are found again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.market.small_warehouse import written
from tests.support.lake_homes import InBucket, InFolder, LakeHome
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.server import S3Server, client

from tribolake.errors import ContractBroken, StoreUnavailable
from tribolake.lake.labels import read_metadata, require_allowed
from tribolake.market.bodies import as_body
from tribolake.market.keys import RawKey
from tribolake.market.market_lake import MarketLake
from tribolake.market.object_lineage import RawUses, lineage_of_object
from tribolake.market.processed import KINDS, ProcessedKey, label_of, newest_source, parse_processed
from tribolake.market.product import MARKET
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.market.symbols import ticker_of
from tribolake.run.pipeline import run

RAW = "raw/yfinance/NVDA/2025-01-15/20250115_120000.json"
AT = datetime(2025, 1, 15, 12, 30, tzinfo=UTC)

PARTS: dict[str, Any] = {
    "computed_at": "2025-01-15T12:30:00Z", "computation_version": "1.0", "undefined": {}, "sources": []
}  # fmt: skip


@pytest.fixture
def in_bucket(tmp_path: Path, moto: S3Server, bucket: NewBuckets, monkeypatch: pytest.MonkeyPatch) -> InBucket:
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    return InBucket(moto, bucket(moto).lake, tmp_path)


@pytest.fixture(params=["folder", "moto"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> LakeHome:
    return InFolder(tmp_path) if request.param == "folder" else request.getfixturevalue("in_bucket")


def lake_of(home: LakeHome) -> MarketLake:
    return MarketLake(MARKET.of(home.settings()))


def test_tags_and_metadata_are_those_of_the_plan(in_bucket: InBucket, moto: S3Server):
    """Of the plan: "Tags link processed data to source raw data", "Metadata contains computation version and source
    key"."""
    stored = lake_of(in_bucket).store_indicators("NVDA", {"sma_20": 1.5, "rsi_14": None}, RAW, AT, "1.0")
    assert stored.key == "processed/indicators/NVDA/2025-01-15/20250115_123000.json"
    s3 = client(moto)
    tags = {
        tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=in_bucket.bucket, Key=stored.key)["TagSet"]
    }
    assert tags == {
        "source": "computed",
        "ticker": "NVDA",
        "computed_at": "2025-01-15",
        "source_raw_data": RAW,
        "computation_version": "1.0",
        "computation_type": "indicators",
    }
    head = s3.head_object(Bucket=in_bucket.bucket, Key=stored.key)
    assert head["VersionId"] == stored.version_id
    expected = {
        "computed_at": "2025-01-15T12:30:00Z",
        "source": "indicators_computation",
        "ticker": "NVDA",
        "source_raw_data_key": RAW,
        "computation_version": "1.0",
        "data_classification": "computed-data",
        "indicators_computed": '["rsi_14", "sma_20"]',
    }
    assert read_metadata(head["Metadata"]).items() >= expected.items()


def test_each_computation_is_an_object_and_is_found(home: LakeHome):
    """Of the plan: "Multiple computations create multiple versions", "Retrieval methods work correctly"."""
    lake = lake_of(home)
    assert lake.get_latest_indicators("^GSPC") is None
    times = [AT, AT, AT + timedelta(seconds=1), AT + timedelta(days=1)]
    keys = [
        lake.store(
            "indicators",
            "^GSPC",
            {"rsi_14": float(n)},
            [{"key": RAW}],
            at,
            f"{n}.0",
            session_date=date(2025, 1, 10 + n),
        ).key
        for n, at in enumerate(times)
    ]
    assert len(set(keys)) == 4 and keys[1].endswith("20250115_123000_2.json")

    def value(found: dict[str, Any] | None) -> float | None:
        return found["values"]["rsi_14"] if found else None

    assert value(lake.get_latest_indicators("^gspc")) == 3
    assert value(lake.get_indicators_by_date("^GSPC", AT.date())) == 2
    assert value(lake.get_indicators_by_date("^GSPC", session=date(2025, 1, 11))) == 1
    assert value(lake.get_indicators_by_version("^GSPC", "20250115_123000_2")) == 1
    assert value(lake.get_indicators_by_version("^GSPC", "0.0")) == 0
    assert lake.get_indicators_by_version("^GSPC", "9.9") is None
    assert lake.get_latest_features("^GSPC") is None


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-4, 1), st.sampled_from(["1.0", "reference"])), max_size=30))
def test_latest_object_that_fits_is_found(tmp_path_factory: pytest.TempPathFactory, stored: list[tuple[int, int, str]]):
    """Whatever the order of sessions is: a session may be computed again, and after a later one."""
    lake = lake_of(InFolder(tmp_path_factory.mktemp("lake")))
    known: list[tuple[date, str]] = []
    for days, before, version in sorted(stored):
        at = AT + timedelta(days=days)
        known.append((at.date() + timedelta(days=before), version))
        lake.store("indicators", "NVDA", {"n": len(known)}, [{"key": RAW}], at, version, session_date=known[-1][0])
    for session in {None, AT.date(), *(session for session, _ in known)}:
        for version in (None, "1.0", "reference", "2.0"):
            found = lake.get("indicators", "NVDA", session=session, version=version)
            fitting = [n for n, one in enumerate(known, 1) if session in (None, one[0]) and version in (None, one[1])]
            assert (found["values"]["n"] if found else 0) == max(fitting, default=0)


def test_objects_that_cannot_decide_are_not_read(tmp_path: Path):
    """Objects that no reader can parse show which ones are read."""
    home = InFolder(tmp_path)
    lake = lake_of(home)
    days = [AT + timedelta(days=n) for n in range(60)]
    stored = [
        lake.store("indicators", "NVDA", {"n": n}, [{"key": RAW}], at, "1.0", session_date=at.date())
        for n, at in enumerate(days)
    ]
    for one in stored[:-1]:
        home.put(one.key, b"{")
    latest = days[-1].date()
    assert lake.get_latest_indicators("NVDA")["values"]["n"] == 59
    assert lake.get_indicators_by_date("NVDA", session=latest)["values"]["n"] == 59
    home.put(stored[-1].key, b"{")
    assert lake.get_indicators_by_date("NVDA", session=latest + timedelta(days=2)) is None  # it had not come
    with pytest.raises(ContractBroken, match=stored[-1].key):
        lake.get_indicators_by_date("NVDA", session=latest + timedelta(days=1))  # of an exchange ahead of UTC
    with pytest.raises(ValueError, match="had not come"):
        lake.store("indicators", "NVDA", {}, [{"key": RAW}], AT, "1.0", session_date=AT.date() + timedelta(days=2))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_found_by_its_own_calls(tmp_path: Path, kind: str):
    """Of the plan: "Processed percentiles stored to S3 Data Lake with proper structure", and the other two kinds."""
    lake = lake_of(InFolder(tmp_path))
    key = getattr(lake, f"store_{kind}")("NVDA", {"x": 1.0}, RAW, AT, "1.0").key
    assert key == f"processed/{kind}/NVDA/2025-01-15/20250115_123000.json"
    latest, by_date, by_version = (
        getattr(lake, f"get_{name}") for name in (f"latest_{kind}", f"{kind}_by_date", f"{kind}_by_version")
    )
    found = [
        latest("NVDA"),
        by_date("NVDA", AT.date()),
        by_version("NVDA", "20250115_123000"),
        by_version("NVDA", "1.0"),
    ]
    assert [one["key"] for one in found] == [key] * 4
    assert [getattr(lake, f"get_latest_{other}")("NVDA") for other in KINDS if other != kind] == [None, None]


def test_versions_lists_each_computation_and_each_is_found(in_bucket: InBucket, moto: S3Server):
    """Of the plan: "get_indicators_by_version() - Get specific version", "historical access to all computations".

    An object that another program wrote over keeps both versions, and each is found by its id.
    """
    lake = lake_of(in_bucket)
    stored = [lake.store_indicators("^GSPC", {"n": n}, RAW, AT + timedelta(hours=n)) for n in range(3)]
    other = lake.store_features("^GSPC", {"n": 7}, RAW, AT)
    again = client(moto).put_object(
        Bucket=in_bucket.bucket, Key=stored[0].key, Body=as_body(PARTS | {"values": {"n": 9}})
    )["VersionId"]
    found = lake.versions("^gspc", "indicators")
    assert [(one.key, one.version_id) for one in found] == [
        (stored[2].key, stored[2].version_id), (stored[1].key, stored[1].version_id),
        (stored[0].key, again), (stored[0].key, stored[0].version_id),
    ]  # fmt: skip
    assert {one.version_id for one in lake.versions("^GSPC")} == {one.version_id for one in found} | {other.version_id}
    assert found[0].computed_at == AT + timedelta(hours=2)

    def value(version: str | None, **asked: Any) -> int | None:
        body = lake.get("indicators", "^GSPC", version=version, **asked)
        return body["values"]["n"] if body else None

    assert [value(one.version_id) for one in found] == [2, 1, 9, 0]
    assert value(other.version_id) is None and value("no such version") is None
    assert value(stored[1].version_id, day=AT.date()) == 1
    assert value(stored[1].version_id, day=date(2025, 1, 16)) is None
    assert value(stored[1].version_id, session=date(2025, 1, 16)) is None
    assert lake.versions("NVDA") == []


def test_folder_lists_computations_without_ids(tmp_path: Path):
    lake = lake_of(InFolder(tmp_path))
    keys = [lake.store_percentiles("NVDA", {}, RAW, AT + timedelta(days=n)).key for n in range(2)]
    assert [(one.key, one.version_id) for one in lake.versions("NVDA")] == [(key, None) for key in reversed(keys)]
    assert lake.get_percentiles_by_version("NVDA", "no-such-id") is None


def test_command_lists_versions_and_gets_one(
    tmp_path: Path, tribolake: Callable[..., subprocess.CompletedProcess[str]]
):
    lake_of(InFolder(tmp_path)).store_indicators("NVDA", {"rsi_14": 62.1}, RAW, AT)
    ended = tribolake("market", "versions", "nvda", "--lake", str(tmp_path), "--json")
    (one,) = json.loads(ended.stdout)["versions"]
    assert (one["kind"], one["computed_at"]) == ("indicators", "2025-01-15T12:30:00Z")
    shown = tribolake("market", "get", "indicators", "NVDA", "--version", "20250115_123000", "--lake", str(tmp_path))
    assert shown.returncode == 0 and "62.10" in shown.stdout
    assert "20250115_123000" in tribolake("market", "versions", "NVDA", "--lake", str(tmp_path)).stdout


def test_latest_goes_by_time_and_past_a_thousand_objects(tmp_path: Path):
    """`_10` is after `_9`, whatever their names say, and a listing gives 1 000 a call."""
    lake = lake_of(InFolder(tmp_path))
    folder = tmp_path / ProcessedKey("features", "NVDA", AT).folder / "2025-01-15"
    folder.mkdir(parents=True)
    for n in range(1, 1012):
        key = ProcessedKey("features", "NVDA", AT, n)
        (folder / str(key).rpartition("/")[2]).write_bytes(as_body(PARTS | {"values": {"n": n}}))
    assert (lake.get_latest_features("NVDA") or {})["values"] == {"n": 1011}


def test_archived_object_says_how_to_restore_it(in_bucket: InBucket, moto: S3Server):
    key = str(ProcessedKey("indicators", "NVDA", AT))
    client(moto).put_object(Bucket=in_bucket.bucket, Key=key, Body=b"{}", StorageClass="GLACIER")
    with pytest.raises(StoreUnavailable, match="aws s3api restore-object"):
        lake_of(in_bucket).get_latest_indicators("NVDA")


def test_body_is_strict_json_on_one_line():
    values = {
        "numpy": np.float64(1.25), "whole": np.int64(3), "nothing": np.nan, "array": np.array([1.0, np.nan]),
        "day": date(2025, 1, 15), "at": AT, "yes": True, "text": "á\n",
    }  # fmt: skip
    body = as_body(values)
    assert body.count(b"\n") == 1 and body.endswith(b"\n")
    assert json.loads(body) == {
        "numpy": 1.25, "whole": 3, "nothing": None, "array": [1.0, None], "day": "2025-01-15",
        "at": "2025-01-15T12:30:00Z", "yes": True, "text": "á\n",
    }  # fmt: skip


@pytest.mark.parametrize("value", [np.inf, -np.inf, {1, 2}, object(), b"x", 1j])
def test_value_that_json_does_not_have_is_named(tmp_path: Path, value: object):
    with pytest.raises(TypeError, match="macd"):
        lake_of(InFolder(tmp_path)).store_indicators("NVDA", {"macd": value}, RAW, AT)


def test_time_without_a_zone_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="time zone"):
        lake_of(InFolder(tmp_path)).store_features("NVDA", {}, RAW, datetime(2025, 1, 15))


@given(st.floats(allow_nan=True, allow_infinity=False))
def test_floats_come_back_to_the_last_bit(value: float):
    (found,) = json.loads(as_body({"x": value}), parse_constant=pytest.fail).values()
    assert found == value or (found is None and np.isnan(value))


@example(256, "NVDA")
@example(257, "NVDA")
@given(st.integers(20, 400), st.from_regex(r"[A-Z0-9^=&]{1,32}", fullmatch=True))
def test_labels_fit_the_limits_of_s3(length: int, symbol: str):
    raw = "raw/yfinance/".ljust(length, "x")
    body = {"computed_at": "2025-01-15T12:30:00Z", "computation_type": "indicators", "ticker": ticker_of(symbol),
            "computation_version": "1.0", "values": {}, "sources": [{"key": raw, "version_id": "v" * 32}]}  # fmt: skip
    label = label_of(body)
    require_allowed(label, 70)
    assert label.tags["source_raw_data"] == (raw if len(raw) <= 256 else "metadata:source_raw_data_key")


def test_source_that_was_fetched_last_is_the_newest_wherever_it_is_from():
    keys = [
        f"raw/{key}.json"
        for key in ("yfinance/NVDA/2025-01-15/20250115_120000", "import/NVDA/2025-01-16/20250116_120000")
    ]
    assert newest_source("NVDA", [{"key": key} for key in keys])["key"] == keys[1]
    of_a_second = [str(RawKey("import", "NVDA", datetime(2025, 1, 15, tzinfo=UTC), number)) for number in range(1, 12)]
    assert newest_source("NVDA", [{"key": key} for key in of_a_second])["key"] == of_a_second[-1]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x00", b"[]", b"null", b"{}", b"[" * 100_000, as_body(PARTS), as_body(PARTS | {"values": [1]}),
        as_body(PARTS | {"values": {}, "sources": [{}]}), as_body(PARTS | {"values": {}, "session_date": "x"}),
        as_body(PARTS | {"values": {"n": 1}}).replace(b"1}", b"NaN}"),
    ],
    ids=lambda content: repr(content[:12]),
)  # fmt: skip
def test_object_that_another_program_wrote_over_is_named(tmp_path: Path, content: bytes):
    """Down from it, up from its source, and where values are asked for."""
    settings = written(tmp_path)
    raw = key_of("NVDA", datetime(2025, 1, 15, 12, tzinfo=UTC))
    (tmp_path / raw).parent.mkdir(parents=True)
    (tmp_path / raw).write_bytes(as_bytes(chart_of(random_walk("NVDA", 20), date(2025, 1, 15))))
    lake = MarketLake(settings)
    stored = lake.store_indicators("NVDA", {"n": 1.0}, raw, datetime(2025, 1, 15, 13, tzinfo=UTC))
    (tmp_path / stored.key).write_bytes(content)
    for ask in (lambda: lake.get_latest_indicators("NVDA"), lambda: lineage_of_object(settings, stored.key)):
        with pytest.raises(ContractBroken, match=f"{stored.key} is not a processed object"):
            ask()
    found = lineage_of_object(settings, raw)
    assert isinstance(found, RawUses) and found.objects == [] and stored.key in found.problems[0]


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC)), st.integers(1, 99))
def test_processed_key_is_parsed_to_what_it_was_made_of(at: datetime, number: int):
    key = ProcessedKey("features", "M_26M.NS", at.replace(microsecond=0), number)
    assert parse_processed(f"data-lake/{key}") == key


def deliver(home: LakeHome, day: date) -> None:
    home.put(key_of("NVDA", after_close(day)), as_bytes(chart_of(random_walk("NVDA", 320), day)))


@pytest.mark.slow
def test_run_stores_the_last_session_once(tmp_path: Path):
    """Of the plan: "Store indicators to data lake after computation", "Store percentiles to data lake after
    computation". Nothing new stores nothing.
    """
    home = InFolder(tmp_path)
    deliver(home, date(2024, 3, 1))
    settings = MARKET.of(home.settings())
    assert run(MARKET, settings).results["deliveries"].report["lake"]["delivered"] == 3
    found = MarketLake(settings).get_latest_indicators("NVDA")
    assert found and found["session_date"] == "2024-03-01" and found["sources"][0]["sessions"] == 305
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        of_session = "session_date = '2024-03-01' and computation_version = '1.0'"
        query = f"select rsi_14, macd from gold.indicators where {of_session}"
        assert warehouse.execute(query).fetchone() == (found["values"]["rsi_14"], found["values"]["macd"])
        query = f"select percentile from gold.percentiles where indicator = 'rsi_14' and {of_session}"
        percentiles = MarketLake(settings).get_latest_percentiles("NVDA") or {}
        assert warehouse.execute(query).fetchone() == (percentiles["values"]["rsi_14"]["percentile"],)
    before = home.keys("processed")
    assert run(MARKET, settings).nothing_new and home.keys("processed") == before

    # A delivery that the lake did not confirm is made by the next run, and nothing else is.
    with duckdb.connect(settings.warehouse) as warehouse:
        warehouse.execute("delete from control.confirmed_deliveries where kind = 'features'")
    report = run(MARKET, settings)
    assert report.reasons == ["computed values wait to be delivered"]
    assert report.results["deliveries"].report["lake"]["delivered"] == 1
    assert len(home.keys("processed/features")) == 2


@pytest.mark.slow
def test_source_of_an_object_exists_with_its_version(in_bucket: InBucket, moto: S3Server):
    """Of the plan: "Tags enable data lineage tracking (processed → raw)", "Metadata enables reprocessing (know which
    raw data was used)".
    """
    deliver(in_bucket, date(2024, 3, 1))
    run(MARKET, MARKET.of(in_bucket.settings()))
    s3 = client(moto)
    for key in in_bucket.keys("processed/"):
        found = s3.get_object_tagging(Bucket=in_bucket.bucket, Key=key)["TagSet"]
        tags = {tag["Key"]: tag["Value"] for tag in found}
        raw = s3.get_object(Bucket=in_bucket.bucket, Key=tags["source_raw_data"], VersionId=tags["source_raw_version"])
        assert raw["Body"].read() == in_bucket.read(tags["source_raw_data"])
        assert tags["session_date"] == "2024-03-01"
