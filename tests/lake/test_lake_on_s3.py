"""Listings of a lake on S3 that do not grow, and its credentials."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from botocore.awsrequest import AWSPreparedRequest
from tests.support.servers.server import client

from tribolake.lake import open_lake
from tribolake.lake.bronze import BronzeFile
from tribolake.lake.bucket import BucketLake
from tribolake.lake.content import ContentArchived
from tribolake.lake.ledger import Ledger, new_files
from tribolake.lake.listing import MAX_WHOLE, WholeListing, listing_starts
from tribolake.lake.store import open_store

BRONZE = "oil-analysis/bronze/cda/"


@pytest.mark.slow
def test_large_bronze_is_listed_whole_once_a_day(moto, settings_of):
    """Between these listings only recent folders are listed."""
    settings = settings_of(moto)
    lake = open_lake(settings)
    assert isinstance(lake, BucketLake)
    s3, today = client(moto), datetime.now(UTC).date()
    old = f"{BRONZE}2020-01-01/"

    def put(key: str) -> None:
        s3.put_object(Bucket=settings.s3.bucket, Key=key, Body=b"x")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(put, [f"{old}{number:05}.tmp" for number in range(MAX_WHOLE + 1)]))

    def list_it(**how: bool) -> tuple[list[str], int]:
        before = lake.store.calls["ListObjectsV2"]
        names = [file.key.rpartition("/")[2] for file in lake.list_bronze(**how)]
        return names, lake.store.calls["ListObjectsV2"] - before

    assert list_it() == ([], 3)
    for name in (f"{today}/new.xlsx", "beside the folders.xlsx", "2020-01-01/late.xlsx"):
        put(f"{BRONZE}{name}")
    assert list_it() == (["new.xlsx", "beside the folders.xlsx"], 1)
    assert list_it(whole=True) == (["late.xlsx", "new.xlsx", "beside the folders.xlsx"], 3)
    put(f"{BRONZE}2020-01-01/later.xlsx")
    known = json.loads((settings.state / "listing.json").read_text())
    yesterday = datetime.fromisoformat(known["listed_at"]) - timedelta(days=1, seconds=1)
    (settings.state / "listing.json").write_text(json.dumps(known | {"listed_at": yesterday.isoformat()}))
    assert "later.xlsx" in list_it()[0]


def test_small_or_unknown_bronze_is_listed_whole():
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert listing_starts(None, now) is None
    assert listing_starts(WholeListing(now.isoformat(), MAX_WHOLE, ("cda",)), now) is None
    assert listing_starts(WholeListing(now.isoformat(), MAX_WHOLE + 1, ("cda",)), now) == [("cda", "2026-02-15")]


def ledger_row(file: BronzeFile, status: str) -> tuple[str, str, int, datetime, str, bool, str]:
    return (file.client, file.key, file.size_bytes, file.modified_at, "s", False, status)


def test_archived_object_is_new_again_once_it_is_restored(moto, settings_of, tmp_path):
    store = open_store(settings_of(moto))
    lake = BucketLake(store, tmp_path, "oil-analysis", tmp_path)
    key = f"{BRONZE}2025-01-31/T 1.xlsx"
    store.client.put_object(Bucket=store.bucket, Key=key, Body=b"x", StorageClass="DEEP_ARCHIVE")
    (file,) = new_files(lake, Ledger.of([]))
    before = store.calls["GetObject"]
    restore = f"restore-object --bucket {store.bucket} --key '{key}'"
    with pytest.raises(ContentArchived, match=f"^archived in the class DEEP_ARCHIVE .*{restore}"):
        lake.content(file).open(10).__enter__()
    assert store.calls["GetObject"] == before + 1
    ledger = Ledger.of([ledger_row(file, "archived")])
    assert new_files(lake, ledger) == []
    store.client.restore_object(Bucket=store.bucket, Key=key, RestoreRequest={"Days": 1})
    assert new_files(lake, ledger) == [file]
    assert new_files(lake, Ledger.of([ledger_row(file, "archived"), ledger_row(file, "loaded")])) == []


def test_renewed_credentials_file_signs_the_next_request(moto, settings_of, tmp_path, monkeypatch):
    settings = settings_of(moto)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    shared = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    signed_by: list[str] = []

    def write(key: str) -> None:
        shared.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = s\n")

    def note(request: AWSPreparedRequest, **_: object) -> None:
        authorization = request.headers["Authorization"]
        signed_by.append(str(authorization, "ascii") if isinstance(authorization, bytes) else authorization)

    write("FIRST")
    store = open_store(settings)
    store.client.meta.events.register("before-send.s3", note)
    store.head("k")
    shared.write_text("[default\n")  # half written
    store.head("k")
    write("SECOND")
    store.head("k")
    assert ["FIRST/" in signed_by[0], "FIRST/" in signed_by[1], "SECOND/" in signed_by[2]] == [True] * 3
