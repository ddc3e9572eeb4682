"""Test `tribolake doctor`: findings and advice about a lake and an installation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import duckdb
import pytest
from packaging.requirements import Requirement
from tests.support.s3_fixtures import new_buckets

from tribolake.cli.options import Exit
from tribolake.doctor import Check, examine
from tribolake.doctor.installation import _other_version
from tribolake.lake.aws import NO_CREDENTIALS
from tribolake.lake.custody import lock_machine
from tribolake.lake.lease import Lease
from tribolake.lake.store import open_store
from tribolake.settings import Settings, load_settings


@pytest.fixture
def lake(settings: Settings) -> Settings:
    """A lake in a folder, without a run."""
    (settings.lake / settings.prefix / "bronze").mkdir(parents=True)
    return settings


@pytest.fixture
def on_s3(moto, tmp_path, monkeypatch) -> Callable[..., Settings]:
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)

    def settings(bucket: str = "") -> Settings:
        return load_settings(lake=f"s3://{bucket or new_buckets(moto).lake}", state_dir=tmp_path / "state")

    return settings


def checks_of(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in examine(settings)}


def advice_of(settings: Settings) -> dict[str, str]:
    return {name: check.advice for name, check in checks_of(settings).items() if check.advice}


def test_healthy_lake_gets_no_advice_and_stays_unchanged(lake, tribolake):
    before = list(lake.lake.rglob("*"))
    done = tribolake("doctor", "--lake", str(lake.lake), "--json")
    assert done.returncode == Exit.OK, done.stdout
    assert [check for check in json.loads(done.stdout)["checks"] if check["advice"]] == []
    assert list(lake.lake.rglob("*")) == before


def test_missing_lake_gets_advice_and_is_not_made(settings, tribolake):
    done = tribolake("doctor", "--lake", str(settings.lake), TRIBOLAKE_S3_BUKET="x")
    assert done.returncode == Exit.NEEDS_A_LOOK
    assert f"put files under {settings.lake}/oil-analysis/bronze/CLIENT/DATE" in done.stdout
    assert "TRIBOLAKE_S3_BUKET is unknown: did you mean TRIBOLAKE_S3_BUCKET?" in done.stdout
    assert not settings.lake.exists()


def test_notify_address_that_apprise_refuses_has_its_position(lake):
    advice = advice_of(lake.changed(notify=("json://127.0.0.1", "nothing:secret")))
    assert list(advice) == ["notify"]
    assert "address 2 of TRIBOLAKE_NOTIFY" in advice["notify"]
    assert "secret" not in advice["notify"]


def test_broken_warehouse_gets_advice_to_move_it(lake):
    lake.state.mkdir()
    lake.warehouse.write_text("no database", encoding="utf-8")
    assert "move the file away" in advice_of(lake)["warehouse"]


def test_warehouse_of_another_layout_is_named(lake):
    lake.state.mkdir()
    duckdb.connect(lake.warehouse).close()
    check = checks_of(lake)["warehouse"]
    assert "of another layout: the next run builds it again" in check.found
    assert not check.advice


def test_run_under_way_is_named(lake):
    with lock_machine(lake):
        checks = checks_of(lake)
    assert "a run on this machine" in checks["held by"].found
    assert checks_of(lake)["held by"].found == "no run"


def test_clock_that_differs_from_the_store_gets_advice(lake, monkeypatch):
    now = time.time() - 60
    monkeypatch.setattr(time, "time", lambda: now)
    assert "set the clock" in advice_of(lake)["clock"]


def test_package_of_another_version_than_the_lock_is_found():
    assert _other_version(Requirement(f"duckdb=={duckdb.__version__}")) == ""
    assert _other_version(Requirement("duckdb==0.1")) == f"duckdb {duckdb.__version__} (==0.1)"
    assert _other_version(Requirement("no-such-package==1")) == "no-such-package is missing"


def test_working_bucket_gets_no_advice_and_keeps_no_probe(on_s3):
    settings = on_s3()
    store = open_store(settings)
    with Lease(store, f"{settings.prefix}/_state/leases/", 60).hold():
        checks = checks_of(settings)
    assert {name: check.advice for name, check in checks.items() if check.advice} == {}
    assert checks["held by"].found.startswith("process ")
    assert [found.key for found in store.list("")] == []


def test_missing_bucket_and_missing_credentials_are_named(on_s3, monkeypatch):
    assert "NoSuchBucket" in advice_of(on_s3("no-such-bucket"))["bucket"]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert advice_of(on_s3("another-bucket"))["credentials"] == NO_CREDENTIALS
