"""Roles of the stack on a gateway that applies them: enough for what each task does, and no more."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.market.yahoo_server import yahoo_server
from tests.support.lake_homes import InBucket, fill
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.server import DASHBOARD, S3Server, client, refused
from tests.support.stack_template import read_template, resources_of
from typer.testing import CliRunner

from tribolake.cli.app import app
from tribolake.market.sample import after_close, as_bytes, chart_of, random_walk
from tribolake.oil.synth import write_sample_lake

pytestmark = pytest.mark.slow
DAYS = (date(2024, 2, 29), date(2024, 3, 1))
ROOT = "data-lake/"
SYMBOLS = "market/symbols.txt"
THEIRS = ("oil-analysis/bronze/cda/x.csv", "logs/changes.jsonl", "raw/other", f"{ROOT}other", "marketing")


def policy_of(role: str, bucket: str, user: str) -> str:
    """Return the policies of a role as the policy of a bucket, for a user who may do nothing else."""
    resources = resources_of(read_template(), BucketName=bucket, MarketRoot=ROOT, MarketSymbolsKey=SYMBOLS)
    statements = [
        one | {"Principal": {"AWS": [f"arn:aws:iam:::user/{user}"]}}
        for policy in resources[role]["Properties"]["Policies"]
        for one in policy["PolicyDocument"]["Statement"]
        if f"arn:aws:s3:::{bucket}" in json.dumps(one["Resource"])
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Task:
    """A task of the stack: its bucket, and commands with its environment and as a user with its role."""

    def __init__(self, server: S3Server, bucket: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server, self.bucket, self.folder, self.monkeypatch = server, bucket, folder, monkeypatch

    def has_role(self, role: str) -> None:
        client(self.server).put_bucket_policy(Bucket=self.bucket, Policy=policy_of(role, self.bucket, DASHBOARD))
        given = self.server.as_user(DASHBOARD).environment | {
            "STORAGE_MODE": "s3",
            "S3_BUCKET": self.bucket,
            "TRIBOLAKE_MARKET_ROOT": ROOT,
            "TRIBOLAKE_STATE_DIR": str(self.folder / "state"),
        }
        for name, value in given.items():
            self.monkeypatch.setenv(name, value)

    def prints(self, *words: str, code: int = 0) -> dict[str, Any]:
        done = CliRunner().invoke(app, [*words, "--json"])
        assert done.exit_code == code, (words, done.stdout, done.stderr)
        said: dict[str, Any] = json.loads(done.stdout)
        return said


@pytest.fixture
def task(rgw: S3Server, bucket: NewBuckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    return Task(rgw, bucket(rgw).lake, tmp_path, monkeypatch)


@pytest.mark.thorough
def test_role_of_the_oil_task_is_enough_for_a_new_lake(task: Task, tmp_path: Path):
    write_sample_lake(tmp_path / "sample", finning_units=1, als_units=2, months=6)
    fill(InBucket(task.server, task.bucket, tmp_path), tmp_path / "sample")
    task.has_role("TaskRole")
    assert set(task.prints("run", code=4)["clients"]) == {"cda", "emin"}
    assert task.prints("run")["nothing_new"]


@pytest.mark.thorough
def test_role_of_the_market_task_is_enough_for_each_command(task: Task, tmp_path: Path):
    task.has_role("MarketRole")
    runs = []
    for day in DAYS:
        for seed, symbol in enumerate(("NVDA", "^GSPC"), 1):
            path = tmp_path / "chart.json"
            path.write_bytes(as_bytes(chart_of(random_walk(symbol, 320, seed), day)))
            at = f"{after_close(day):%Y-%m-%dT%H:%M:%S}"
            task.prints("market", "import", str(path), "--fetched-at", at)
        runs.append(task.prints("market", "run"))
    assert [one["deliveries"]["lake"]["delivered"] for one in runs] == [6, 6]
    assert task.prints("market", "run")["nothing_new"]
    assert len(task.prints("market", "versions", "NVDA")["versions"]) == 6
    first, last = map(str, DAYS)
    latest = task.prints("market", "get", "indicators", "NVDA")
    assert latest["session_date"] == last
    for words in (("features", "NVDA", "--session", first), ("indicators", "NVDA", "--as-known-on", first)):
        assert task.prints("market", "get", *words)["session_date"] == first
    assert not task.prints("market", "lineage", "NVDA", last, "rsi_14")["problems"]
    for key in (latest["key"], latest["sources"][0]["key"]):
        assert key.startswith(ROOT)
        task.prints("market", "lineage", key)
    task.prints("market", "reprocess", "--as-of", runs[0]["run_id"])
    task.prints("market", "reprocess", "--computation-version", "reference", "--against", "1.0", "--apply")
    task.prints("market", "deliver")
    assert task.prints("market", "status")["current_version"] == "reference"
    assert task.prints("query", "select count(*) as n from bars", "--product", "market")["rows"]


def test_role_of_the_market_task_may_nothing_else(task: Task):
    for key in THEIRS:
        client(task.server).put_object(Bucket=task.bucket, Key=key, Body=b"theirs")
    task.has_role("MarketRole")
    s3, lake = client(task.server.as_user(DASHBOARD)), task.bucket
    kept, removable = (f"{ROOT}raw/yfinance/x", f"{ROOT}processed/indicators/x"), "market/gold/x"
    for key in (*kept, removable):
        s3.put_object(Bucket=lake, Key=key, Body=b"ours", Tagging="source=computed" if key in kept else "")
        assert s3.get_object(Bucket=lake, Key=key)["Body"].read() == b"ours"
        (version,) = client(task.server).list_object_versions(Bucket=lake, Prefix=key)["Versions"]
        assert refused(s3.delete_object, Bucket=lake, Key=key, VersionId=version["VersionId"])
        assert refused(s3.delete_object, Bucket=lake, Key=key) == (key in kept)
    for key in THEIRS:
        assert refused(s3.get_object, Bucket=lake, Key=key), key
        assert refused(s3.put_object, Bucket=lake, Key=key, Body=b"ours"), key
        assert refused(s3.delete_object, Bucket=lake, Key=key), key
    for prefix in ("oil-analysis/", "logs/", "raw/", "marke", ROOT):
        assert refused(s3.list_objects_v2, Bucket=lake, Prefix=prefix), prefix
    for call in (s3.get_bucket_policy, s3.delete_bucket_policy, s3.delete_bucket_lifecycle, s3.delete_bucket):
        assert refused(call, Bucket=lake), call
    assert refused(s3.put_bucket_versioning, Bucket=lake, VersioningConfiguration={"Status": "Suspended"})


def test_role_of_the_fetch_adds_responses_and_may_nothing_else(task: Task, monkeypatch: pytest.MonkeyPatch):
    lake = task.bucket
    for key in (*THEIRS, SYMBOLS, "market/gold/x", f"{ROOT}processed/indicators/x"):
        client(task.server).put_object(Bucket=lake, Key=key, Body=b"NVDA\n^GSPC # an index")
    task.has_role("MarketFetchRole")
    with yahoo_server() as yahoo:
        body = as_bytes(chart_of(random_walk("NVDA", 40), DAYS[0]))
        yahoo.replies = {symbol: lambda _: (200, body) for symbol in ("NVDA", "^GSPC")}
        monkeypatch.setenv("TRIBOLAKE_MARKET_ENDPOINT", yahoo.address)
        monkeypatch.setenv("TRIBOLAKE_MARKET_PAUSE_SECONDS", "0")
        words = ("market", "fetch", "--file", f"s3://{lake}/{SYMBOLS}")
        first, again = (task.prints(*words)["symbols"] for _ in range(2))
    assert [one["outcome"] for one in (*first, *again)] == ["staged"] * 2 + ["unchanged"] * 2
    assert all(one["key"].startswith(f"{ROOT}raw/yfinance/") for one in first)
    s3 = client(task.server.as_user(DASHBOARD))
    assert refused(s3.delete_object, Bucket=lake, Key=first[0]["key"])
    for key in (*THEIRS, "market/gold/x", f"{ROOT}processed/indicators/x"):
        assert refused(s3.get_object, Bucket=lake, Key=key), key
    for key in (*THEIRS, SYMBOLS, "market/gold/x", f"{ROOT}processed/indicators/x"):
        assert refused(s3.put_object, Bucket=lake, Key=key, Body=b"ours"), key
        assert refused(s3.delete_object, Bucket=lake, Key=key), key
    for prefix in ("market/", "oil-analysis/", f"{ROOT}processed/"):
        assert refused(s3.list_objects_v2, Bucket=lake, Prefix=prefix), prefix
