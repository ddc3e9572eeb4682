"""The wordings of a lake on S3 servers: the first that is kept is everybody's, whatever conditions a server knows."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.interrupted_wordings import check_at_every_call
from tests.support.kept_wordings import (
    FORKS,
    compact_job,
    compact_often_job,
    keep_all,
    keep_job,
    start,
    was_killed,
    wording,
    wordings,
)
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.faults import FaultyServer
from tests.support.servers.plan import Fault
from tests.support.servers.server import S3Server

from tribolake.errors import StoreUnavailable
from tribolake.lake.store import ObjectStore, open_store
from tribolake.lake.versions import list_versions, put_new, read_version
from tribolake.oil.wording.cache import WordingCache, open_wordings
from tribolake.oil.wording.cache.in_bucket import BucketObjects
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
    """A lake in each kind of bucket of each server: Ceph ignores conditions where there are versions."""
    return flags_of(s3_server, versioned=request.param == "versions")


def lake_of(flags: Flags) -> WordingCache:
    return open_wordings(load_settings(**flags))


def store_of(flags: Flags) -> ObjectStore:
    return open_store(load_settings(**flags))


def by_key(many: list[Wording]) -> dict[str, Wording]:
    return {one.cache_key: one for one in many}


def versions(flags: Flags) -> list[str]:
    return [version.key.removeprefix(PLACE) for version in list_versions(store_of(flags), PLACE)]


def everything_in(flags: Flags) -> int:
    """Versions and marks of removed ones, whoever's."""
    found = store_of(flags).client.list_object_versions(Bucket=load_settings(**flags).s3.bucket, Prefix=PLACE)
    return len(found.get("Versions", [])) + len(found.get("DeleteMarkers", []))


# What is first stays first


def test_given_an_object_that_is_stored_twice_then_the_first_is_told_from_the_second(flags):
    store = store_of(flags)
    assert put_new(store, "a/key", b"first") is not None
    put_new(store, "a/key", b"second")
    store.put("a/other", b"x")
    found = [version for version in list_versions(store, "a/") if version.key == "a/key"]
    assert read_version(store, found[0], 100) == b"first"
    # By another hand. Where there are versions it leaves a mark, which hides them from some and counts for nothing.
    has_versions = found[0].version_id != "null"
    store.client.delete_object(Bucket=store.bucket, Key="a/key")
    left = [version for version in list_versions(store, "a/") if version.key == "a/key"]
    assert left == (found if has_versions else [])


def test_given_a_wording_that_somebody_deleted_then_all_who_ask_get_the_same(flags):
    first, later = wording(1), wording(1, "later")
    lake_of(flags).keep(first)
    store_of(flags).delete(f"{PLACE}v1/{first.cache_key}.json")
    kept = lake_of(flags).keep(later)
    assert lake_of(flags).find([first.cache_key]) == {first.cache_key: kept}


@pytest.mark.slow
def test_given_more_versions_than_a_page_then_the_first_of_each_key_comes_first(rgw, flags_of):
    store = store_of(flags_of(rgw))
    with ThreadPoolExecutor(8) as threads:
        for content in (b"1", b"22", b"333"):
            list(
                threads.map(
                    lambda number: store.client.put_object(
                        Bucket=store.bucket,
                        Key=f"p/{number:04}",
                        Body=content,  # noqa: B023
                    ),
                    range(500),
                )
            )
    before = store.calls["ListObjectVersions"]
    found = list(list_versions(store, "p/"))
    assert store.calls["ListObjectVersions"] - before == 2
    assert [(version.key, version.size_bytes) for version in found] == [
        (f"p/{number:04}", size) for number in range(500) for size in (1, 2, 3)
    ]


def test_given_a_key_that_is_taken_then_what_is_there_is_returned_for_ever(flags):
    cache, first, later = lake_of(flags), wording(1), wording(1, "later")
    assert cache.keep(first) == first
    assert cache.keep(later) == first
    assert lake_of(flags).find([first.cache_key]) == {first.cache_key: first}
    cache.compact()
    assert cache.keep(later) == first
    # A late writer that died before he looked: his is the newest version, and the only one that stands alone.
    put_new(store_of(flags), f"{PLACE}v1/{later.cache_key}.json", later.as_json())
    assert lake_of(flags).find([first.cache_key]) == {first.cache_key: first}
    assert cache.compact() == 1
    assert lake_of(flags).find([first.cache_key]) == {first.cache_key: first}
    # Nothing that a listing would have to go through remains.
    assert everything_in(flags) == 1


@pytest.mark.slow
def test_given_many_processes_and_some_keys_then_all_of_them_get_the_same_while_others_compact(s3_server, flags):
    answers, numbers = FORKS.Queue(), range(6)
    environment = s3_server.environment
    processes = [start(keep_job, flags, environment, numbers, f"process {each}", answers) for each in range(20)]
    compacting = start(compact_often_job, flags, environment, 6)
    given = [answers.get(timeout=120) for _ in range(20 * len(numbers))]
    assert not any(was_killed(process) for process in [*processes, compacting])
    assert len(set(given)) == len(numbers)
    keys = {key for key, _ in given}
    for cache in (lake_of(flags), lake_of(flags)):
        assert {(key, one.observation) for key, one in cache.find(keys).items()} == set(given)
        cache.compact()
    assert {(key, one.observation) for key, one in lake_of(flags).find(keys).items()} == set(given)


@pytest.mark.slow
@pytest.mark.parametrize("use", ["find", "keep", "compact"])
def test_given_a_compaction_and_a_late_writer_at_any_moment_then_the_first_is_still_everybodys(flags, use):
    objects = BucketObjects(store_of(flags), PLACE)
    assert check_at_every_call(objects, use) >= 3


@pytest.mark.slow
def test_given_a_wording_that_is_refused_then_the_next_one_is_everybodys_whatever_comes_at_once(flags):
    old, key = wording(1, "old"), wording(1).cache_key

    def refuse(one: Wording) -> list[str]:
        return ["it is refused"] if one == old else []

    cache = lake_of(flags)
    cache.keep(old)
    with ThreadPoolExecutor(8) as threads:
        kept = set(threads.map(lambda number: cache.keep(wording(1, f"{number}"), refuse), range(16)))
    assert len(kept) == 1
    for _ in range(2):
        assert set(lake_of(flags).find([key], refuse).values()) == kept
        assert lake_of(flags).keep(wording(1, "late"), refuse) in kept
        assert lake_of(flags).find([key]) == {key: old}
        cache.compact()
    assert len(versions(flags)) == 1


def test_given_a_version_that_is_second_in_the_place_of_a_refused_wording_then_it_counts_for_nothing(rgw, flags_of):
    """Ceph stores it, and its writer removes it a moment later."""
    flags = flags_of(rgw)
    old, late = wording(1, "old"), wording(1, "late")
    cache = lake_of(flags)
    cache.keep(old)
    assert put_new(store_of(flags), f"{PLACE}v1/{old.cache_key}.json", late.as_json())
    assert cache.find([old.cache_key], lambda one: ["it is refused"] if one == old else []) == {}


def test_given_a_prompt_version_that_expires_then_it_alone_is_gone_for_ever_and_its_keys_are_free(flags):
    cache, old, new = lake_of(flags), wordings(range(6)), wordings(range(3), prompt_version="v2")
    keep_all(cache, [*old[:3], *new])
    cache.compact()
    keep_all(cache, old[3:])
    for late in (old[0], old[4]):
        put_new(store_of(flags), f"{PLACE}v1/{late.cache_key}.json", wording(0, "late").as_json())
    assert cache.expire("v1") == 6
    assert cache.count() == {"v2": 3}
    # What is left, and the mark that says until when `v1` has expired.
    assert [name.split("/")[:2] for name in versions(flags)] == [["_compacted", "v2"], ["_expired", "v1"]]
    assert everything_in(flags) == 2
    again = wording(1, "after")
    assert cache.keep(again) == again
    assert lake_of(flags).find([one.cache_key for one in [*old, *new]]) == by_key([*new, again])


# What dies midway


@pytest.mark.slow
def test_given_a_compaction_that_is_killed_at_any_line_then_nothing_is_lost_or_there_twice(s3_server, flags_of):
    flags = flags_of(s3_server)
    numbers, attempts, is_killed = itertools.count(), 0, True
    every: list[Wording] = []
    while is_killed:
        new = wordings(itertools.islice(numbers, 3))
        keep_all(lake_of(flags), new)
        every += new
        line = 11 * attempts + 1
        is_killed = was_killed(start(compact_job, flags, s3_server.environment, kill_at=line))
        attempts += 1
        cache = lake_of(flags)
        assert cache.find([one.cache_key for one in every]) == by_key(every), line
        assert cache.count() == {"v1": len(every)}
        assert cache.keep(wording(len(every) - 1, "late")) == every[-1]
        cache.compact()
    assert attempts > 10
    assert lake_of(flags).find([one.cache_key for one in every]) == by_key(every)
    assert everything_in(flags) == 1


@pytest.mark.slow
def test_given_a_writer_that_is_killed_at_any_line_then_its_wording_is_whole_or_absent(s3_server, flags_of):
    flags = flags_of(s3_server)
    outcomes: list[tuple[bool, bool]] = []
    while not outcomes or outcomes[-1][0]:
        number = len(outcomes)
        mine, other = wording(number, "killed"), wording(number, "after")
        process = start(keep_job, flags, s3_server.environment, [number], "killed", kill_at=2 * number + 1)
        killed, found = was_killed(process), lake_of(flags).find([mine.cache_key])
        assert found in ({}, {mine.cache_key: mine})
        outcomes.append((killed, bool(found)))
        assert lake_of(flags).keep(other) == (mine if found else other)
    assert len(outcomes) > 10
    assert [is_there for _, is_there in outcomes] == sorted(is_there for _, is_there in outcomes)
    assert (True, True) in outcomes


@pytest.mark.slow
def test_given_compactions_and_writers_then_a_reader_always_finds_every_wording(s3_server, flags):
    there, cache = wordings(range(12)), lake_of(flags)
    keep_all(cache, there)
    processes = [
        start(compact_often_job, flags, s3_server.environment, 8),
        start(compact_often_job, flags, s3_server.environment, 8),
        start(keep_job, flags, s3_server.environment, range(12, 32), ""),
    ]
    looks = 0
    while any(process.is_alive() for process in processes):
        reader = lake_of(flags) if looks % 2 else cache
        assert reader.find([one.cache_key for one in there]) == by_key(there)
        looks += 1
    assert looks > 1
    assert not any(was_killed(process) for process in processes)
    assert cache.count() == {"v1": 32}


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        *itertools.product(
            ["PutObject", "ListObjectVersions", "GetObject"], [Fault.SLOW_DOWN, Fault.RESET, Fault.LOST_REPLY]
        ),
        ("GetObject", Fault.TRUNCATE),
        ("GetObject", Fault.CORRUPT),
    ],
)
def test_given_a_fault_then_a_wording_is_kept_once_and_found_whole(moto, faulty, flags_of, operation, fault):
    proxy: FaultyServer = faulty(moto)
    flags = flags_of(proxy.server)
    proxy.plan.inject(fault, operation=operation)
    one = wording(1)
    assert lake_of(flags).keep(one) == one
    assert lake_of(flags).find([one.cache_key]) == {one.cache_key: one}
    assert proxy.injured
    assert everything_in(flags) == 1


# What others put there


def test_given_foreign_objects_then_they_are_passed_over_with_a_warning(flags, caplog):
    cache, store = lake_of(flags), store_of(flags)
    one, other = wordings([1, 2])
    store.put(f"{PLACE}v1/{one.cache_key}.json", b"{}")
    store.put(f"{PLACE}v1/{'a' * 64}.json", b"x" * 70_000)
    # Its writer says that it is something else: that is no reason to wait for it.
    store.client.put_object(
        Bucket=store.bucket, Key=f"{PLACE}v1/{'b' * 64}.json", Body=b"?", Metadata={"sha256": "0" * 64}
    )
    store.put(f"{PLACE}notes/read me.txt", b"mine")
    store.put(f"{PLACE}_compacted/v1/{'c' * 64}.parquet", b"PAR1")
    cache.keep(other)
    before = store.calls.copy()
    with caplog.at_level(logging.WARNING):
        assert cache.find([one.cache_key, "a" * 64, "b" * 64, other.cache_key]) == {other.cache_key: other}
    assert (store.calls - before)["GetObject"] == 5
    assert len([record for record in caplog.records if "passed over" in record.message]) == 5
    assert cache.keep(one) == one
    assert lake_of(flags).keep(wording(1, "later")) == one
    cache.compact()
    assert lake_of(flags).find([one.cache_key, other.cache_key]) == by_key([one, other])
    assert "notes/read me.txt" in versions(flags)


# What it costs


@pytest.mark.slow
def test_given_500_keys_then_they_cost_few_calls_whatever_the_history(moto, flags_of):
    flags = flags_of(moto)
    old, wanted = wordings(range(150)), wordings(range(600, 1100))
    source = load_settings(**flags)
    with ThreadPoolExecutor(8) as threads:  # as compactions of other runs left them
        list(threads.map(lambda one: put_new(store_of(flags), f"{PLACE}v1/{one.cache_key}.json", one.as_json()), old))
    lake_of(flags).compact()
    keep_all(lake_of(flags), wanted[:3])
    lake_of(flags).compact()
    calls = open_store(source).calls

    def cost(cache: WordingCache, keys: list[str], found: int) -> dict[str, int]:
        before = calls.copy()
        assert len(cache.find(keys)) == found
        return dict(calls - before)

    keys = [one.cache_key for one in wanted]
    cache = lake_of(flags)
    assert cost(cache, keys, 3) == {"ListObjectVersions": 2, "GetObject": 1}
    # What was compacted is read once by a process.
    assert cost(cache, keys, 3) == {"ListObjectVersions": 2}
    before = calls.copy()
    keep_all(cache, wanted[3:20])
    assert calls - before == {"PutObject": 17, "ListObjectVersions": 34, "GetObject": 17}
    assert cost(cache, keys, 20) == {"ListObjectVersions": 2, "GetObject": 17}
    cache.compact()
    assert cost(lake_of(flags), keys, 20) == {"ListObjectVersions": 2, "GetObject": 1}
    assert cost(lake_of(flags), [one.cache_key for one in old], 150) == {"ListObjectVersions": 2, "GetObject": 1}


# From home to home


@pytest.mark.slow
def test_given_a_lake_that_moves_phase_by_phase_then_it_keeps_its_wordings(s3_server, flags_of, tmp_path):
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
        cache = lake_of(phase)
        assert cache.find([one.cache_key for one in kept]) == by_key(kept)
        new = wordings(range(10 * number, 10 * number + 4), f"phase {number}")
        assert keep_all(cache, new) == new
        kept += new
        for one in kept:
            assert cache.keep(wording(int(one.pattern.split("component ")[1].split('"')[0]), "again")) == one
        if number % 2:
            cache.compact()
    # And back: the folder has what was kept while the bucket came first.
    assert lake_of(phases[0]).find([one.cache_key for one in kept[:12]]) == by_key(kept[:12])
    assert lake_of(phases[2]).find([one.cache_key for one in kept]) == by_key(kept)
    assert lake_of(phases[0]).find([one.cache_key for one in kept]) == by_key(kept)


@pytest.mark.slow
def test_given_a_bucket_that_is_away_then_the_folder_goes_on_and_the_bucket_catches_up(
    moto, flags_of, tmp_path, caplog
):
    in_bucket = flags_of(moto)
    folder = tmp_path / "lake"
    folder.mkdir()
    both = dict(in_bucket, lake=folder, storage_mode="dual", s3_bucket=load_settings(**in_bucket).s3.bucket)
    away = both | {"s3_endpoint": "http://127.0.0.1:9", "s3_attempts": 2}
    many = wordings(range(40))
    with caplog.at_level(logging.WARNING):
        assert keep_all(lake_of(away), many) == many
    # Asked for once, not once for each of them.
    assert len([record for record in caplog.records if "left behind" in record.message]) == 1
    with pytest.raises(StoreUnavailable):
        lake_of(away).expire("v1")
    assert lake_of(away).find([one.cache_key for one in many]) == by_key(many)
    assert lake_of(in_bucket).count() == {}
    cache = lake_of(both)
    assert cache.bring_in_line() == 40
    assert cache.bring_in_line() == 0
    assert lake_of(in_bucket).find([one.cache_key for one in many]) == by_key(many)
    assert cache.expire("v1") == 40
    assert (lake_of(both).count(), lake_of(in_bucket).count()) == ({}, {})


def test_given_an_export_then_a_lake_in_a_bucket_takes_the_same_wordings(moto, flags_of, tmp_path):
    folder = tmp_path / "lake"
    folder.mkdir()
    source, every = lake_of({"lake": folder}), wordings(range(12))
    keep_all(source, every)
    file = tmp_path / "wordings.parquet"
    assert source.export_to(file) == 12
    target = lake_of(flags_of(moto))
    mine = wording(1, "the bucket's own")
    target.keep(mine)
    done = target.import_from(file, lambda _: ())
    assert (done.taken, done.known) == (11, 1)
    assert target.find([one.cache_key for one in every]) == by_key(every) | {mine.cache_key: mine}
