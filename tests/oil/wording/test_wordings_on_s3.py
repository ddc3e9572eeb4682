"""Test the wordings of a lake on S3 servers, with faults of servers, kills and foreign objects."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.kept_wordings import (
    by_key,
    check_killed_folds,
    check_killed_writers,
    check_reader_during_folds,
    keep_each,
    wording,
    wordings,
)
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.faults import FaultyServer
from tests.support.servers.plan import Fault
from tests.support.servers.server import S3Server

from tribolake.errors import StoreUnavailable
from tribolake.lake.store import ObjectStore, open_store
from tribolake.oil.wording.segments import Wordings, open_wordings
from tribolake.oil.wording.wording import Wording
from tribolake.settings import load_settings

PLACE = "oil-analysis/recommendations/"
Flags = Mapping[str, Any]


@pytest.fixture
def flags_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Flags]:
    """Makes the flags of a lake in a new bucket of a server, with versions or without."""

    def make(server: S3Server, *, versioned: bool = True, **options: object) -> Flags:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        buckets = new_buckets(server)
        flags = {"state_dir": tmp_path / "state", "s3_timeout_seconds": 5, "s3_attempts": 4} | options
        name = buckets.lake if versioned else buckets.leases
        return {"lake": f"s3://{name}", "s3_endpoint": server.endpoint, "aws_region": server.region} | flags

    return make


@pytest.fixture(params=["versions", "no versions"])
def flags(request: pytest.FixtureRequest, s3_server: S3Server, flags_of: Callable[..., Flags]) -> Flags:
    """A lake in each kind of bucket of each server."""
    return flags_of(s3_server, versioned=request.param == "versions")


def lake_of(flags: Flags) -> Wordings:
    return open_wordings(load_settings(**flags))


def store_of(flags: Flags) -> ObjectStore:
    return open_store(load_settings(**flags))


def keys_of(flags: Flags) -> list[str]:
    return [stored.key.removeprefix(PLACE) for stored in store_of(flags).list(PLACE)]


def test_wordings_are_kept_found_folded_and_expired(flags):
    kept, old, new = lake_of(flags), wordings(range(6)), wordings(range(3), prompt_version="v2")
    keep_each(kept, old[:3])
    kept.keep_all([*old[3:], *new])
    assert lake_of(flags).find([one.cache_key for one in [*old, *new]]) == by_key([*old, *new])
    assert kept.fold() == 6
    assert lake_of(flags).find([one.cache_key for one in [*old, *new]]) == by_key([*old, *new])
    assert [key.partition("/")[0] for key in keys_of(flags)] == ["v1", "v2"]
    store_of(flags).put(f"{PLACE}v1/{'a' * 64}.json", b"of an earlier release")
    assert (kept.expire("v1"), lake_of(flags).count()) == (7, {"v2": 3})
    assert [key.split("/")[0] for key in keys_of(flags)] == ["_expired", "v2"]
    again = wording(1, "after")
    kept.keep(again)
    assert lake_of(flags).find([again.cache_key]) == {again.cache_key: again}


@pytest.mark.slow
def test_fold_killed_at_any_line_loses_nothing_on_s3(s3_server, flags_of):
    check_killed_folds(flags_of(s3_server), s3_server.environment, step=29, least=5)


@pytest.mark.slow
def test_killed_writer_leaves_a_whole_wording_or_none_on_s3(s3_server, flags_of):
    check_killed_writers(flags_of(s3_server), s3_server.environment)


@pytest.mark.slow
def test_reader_finds_every_wording_while_others_fold_on_s3(s3_server, flags):
    check_reader_during_folds(flags, s3_server.environment, number=12)


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        *itertools.product(
            ["PutObject", "ListObjectsV2", "GetObject", "DeleteObject"],
            [Fault.SLOW_DOWN, Fault.RESET, Fault.LOST_REPLY],
        ),
        ("GetObject", Fault.TRUNCATE),
        ("GetObject", Fault.CORRUPT),
    ],
)
def test_fault_of_a_server_loses_no_wording(moto, faulty, flags_of, operation, fault):
    proxy: FaultyServer = faulty(moto)
    flags = flags_of(proxy.server)
    proxy.plan.inject(fault, operation=operation)
    kept, many = lake_of(flags), wordings([1, 2])
    keep_each(kept, many)
    kept.fold()
    assert lake_of(flags).find([one.cache_key for one in many]) == by_key(many)
    assert proxy.injured
    assert len(keys_of(flags)) == 1


def test_foreign_objects_are_skipped_with_a_warning(flags, caplog):
    kept, store = lake_of(flags), store_of(flags)
    one, other = wordings([1, 2])
    store.put(f"{PLACE}v1/strange.jsonl", b"{}\n" + one.as_json())
    # Its writer says that it is something else: no attempt changes that.
    store.client.put_object(
        Bucket=store.bucket, Key=f"{PLACE}v1/mislabelled.jsonl", Body=b"?", Metadata={"sha256": "0" * 64}
    )
    store.put(f"{PLACE}notes/read me.txt", b"mine")
    kept.keep(other)
    with caplog.at_level(logging.WARNING):
        assert lake_of(flags).find([one.cache_key, other.cache_key]) == by_key([one, other])
    assert len([record for record in caplog.records if "skipped" in record.message]) == 2
    kept.fold(everything=True)
    assert {"notes/read me.txt", "v1/strange.jsonl", "v1/mislabelled.jsonl"} <= set(keys_of(flags))


def test_wordings_cost_few_calls(moto, flags_of):
    flags = flags_of(moto)
    calls, many = store_of(flags).calls, wordings(range(500))
    lake_of(flags).keep_all(many[:300])
    kept = lake_of(flags)

    def cost(use: Callable[[], object]) -> dict[str, int]:
        before = calls.copy()
        use()
        return dict(calls - before)

    keys = [one.cache_key for one in many]
    assert cost(lambda: kept.find(keys)) == {"ListObjectsV2": 2, "GetObject": 1}
    # A process reads a segment once.
    assert cost(lambda: kept.find(keys)) == {"ListObjectsV2": 2}
    assert cost(lambda: keep_each(kept, many[300:310])) == {"PutObject": 10, "HeadObject": 10}
    assert cost(lambda: kept.find(keys)) == {"ListObjectsV2": 2}
    folded = cost(kept.fold)
    assert folded == {"ListObjectsV2": 2, "PutObject": 1, "HeadObject": 1, "DeleteObject": 10}
    assert cost(lambda: lake_of(flags).find(keys)) == {"ListObjectsV2": 2, "GetObject": 2}


# From home to home


@pytest.mark.slow
def test_lake_that_moves_phase_by_phase_keeps_its_wordings(s3_server, flags_of, tmp_path):
    in_bucket = flags_of(s3_server)
    folder, bucket = tmp_path / "lake", load_settings(**in_bucket).s3.bucket
    folder.mkdir()
    shared = {key: value for key, value in in_bucket.items() if key not in ("lake", "state_dir")}
    phases: list[Flags] = [
        {"lake": folder},
        *({**shared, "lake": folder, "storage_mode": mode, "s3_bucket": bucket} for mode in ("dual", "s3-primary")),
        in_bucket,
    ]
    kept: list[Wording] = []
    for number, phase in enumerate(phases):
        lake = lake_of(phase)
        assert lake.find([one.cache_key for one in kept]) == by_key(kept)
        kept += keep_each(lake, wordings(range(10 * number, 10 * number + 4), f"phase {number}"))
        if number % 2:
            lake.fold()
    # And back: the folder has what was kept while the bucket came first.
    assert lake_of(phases[0]).find([one.cache_key for one in kept[:12]]) == by_key(kept[:12])
    assert lake_of(phases[2]).find([one.cache_key for one in kept]) == by_key(kept)
    assert lake_of(phases[0]).find([one.cache_key for one in kept]) == by_key(kept)


@pytest.mark.slow
def test_folder_goes_on_without_its_bucket_which_catches_up(moto, flags_of, tmp_path, caplog):
    in_bucket = flags_of(moto)
    folder = tmp_path / "lake"
    folder.mkdir()
    both = dict(in_bucket, lake=folder, storage_mode="dual", s3_bucket=load_settings(**in_bucket).s3.bucket)
    away = both | {"s3_endpoint": "http://127.0.0.1:9", "s3_attempts": 2}
    with caplog.at_level(logging.WARNING):
        many = keep_each(lake_of(away), wordings(range(40)))
    # Asked for once, not once for each of them.
    assert len([record for record in caplog.records if "cannot be reached" in record.message]) == 1
    with pytest.raises(StoreUnavailable):
        lake_of(away).expire("v1")
    assert lake_of(away).find([one.cache_key for one in many]) == by_key(many)
    assert lake_of(in_bucket).count() == {}
    kept = lake_of(both)
    assert (kept.synchronise(), kept.synchronise()) == (40, 0)
    assert lake_of(in_bucket).find([one.cache_key for one in many]) == by_key(many)
    assert kept.expire("v1") == 40
    assert (lake_of(both).count(), lake_of(in_bucket).count()) == ({}, {})
