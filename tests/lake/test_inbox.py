"""An inbox says where the files of a product arrive, and which names are no delivery."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.lake_homes import InBucket, InFolder
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.server import S3Server

from tribolake.lake import open_lake
from tribolake.lake.inbox import Inbox

PRICES = Inbox("raw", depth=2, kind_of_ignored=lambda parts: "hidden" if parts[0].startswith(".") else None)
FIRST, SECOND = "raw/web/ICON/2020-01-31/a.json", "raw/web/0700.HK/2020-01-31/a.json"


@pytest.fixture(params=["folder", "moto"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: NewBuckets):
    if request.param == "folder":
        return InFolder(tmp_path)
    moto: S3Server = request.getfixturevalue("moto")
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    return InBucket(moto, bucket(moto).lake, tmp_path)


def keys(home, **options) -> list[str]:
    return [file.key for file in open_lake(home.settings(), PRICES).list_bronze(**options)]


def test_inbox_lists_its_folder_by_its_own_rules(home):
    """`Icon` is no delivery of a laboratory, but may be one of another product."""
    for key in (FIRST, SECOND, "raw/web/.hidden/x", "oil-analysis/bronze/cda/x.csv"):
        home.put(key, b"x")
    found = open_lake(home.settings(), PRICES).look()
    assert [(file.client, file.key) for file in found.files] == [("web", key) for key in sorted((FIRST, SECOND))]
    assert sum(found.passed_over.values()) == 1
    assert [file.key for file in open_lake(home.settings()).list_bronze()] == ["oil-analysis/bronze/cda/x.csv"]


def test_large_inbox_lists_recent_dates_and_new_folders(
    tmp_path: Path, moto: S3Server, monkeypatch: pytest.MonkeyPatch, bucket: NewBuckets
):
    """Old dates of known folders wait for the daily listing. A folder that is new does not, whatever its name."""
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    home = InBucket(moto, bucket(moto).lake, tmp_path)
    home.put(FIRST, b"x")
    assert keys(home) == [FIRST]
    state = home.settings().state / "listing.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"objects": 5000}))
    today = datetime.now(UTC).date().isoformat()
    recent = f"raw/web/ICON/{today}/b.json"
    for key in (recent, SECOND, "raw/web/ICON/2020-02-01/late.json"):
        home.put(key, b"x")
    assert sorted(keys(home)) == sorted([recent, SECOND])
    assert len(keys(home, whole=True)) == 4
