"""The wordings of a lake in a folder: the first that is kept is everybody's, whatever comes later or dies midway."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import itertools
import json
import logging
import os
import stat
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.interrupted_wordings import Interrupted, check_at_every_call
from tests.support.kept_wordings import (
    FORKS,
    as_another_release,
    compact_job,
    compact_often_job,
    keep_all,
    keep_job,
    start,
    was_killed,
    wording,
    wordings,
)

from tribolake.errors import StoreUnavailable
from tribolake.oil.wording.cache import FOLDER, NoPlaceLeft, WordingCache, open_wordings
from tribolake.oil.wording.cache.in_both import WordingsInBoth
from tribolake.oil.wording.cache.in_folder import FolderObjects
from tribolake.oil.wording.cache.kept import KeptWordings
from tribolake.oil.wording.cache.names import (
    MAX_SENTENCE,
    PLACES,
    NoWording,
    NoWordings,
    Place,
    flaw,
    place_of,
    read_wording,
)
from tribolake.oil.wording.cache.table import SCHEMA, as_parquet, of_parquet
from tribolake.oil.wording.cache.write_once import Gone
from tribolake.oil.wording.wording import Configuration, Wording
from tribolake.settings import Settings, load_settings


@pytest.fixture
def place(settings: Settings) -> Path:
    """The folder of the wordings of an empty lake."""
    settings.lake.mkdir()
    return settings.lake / settings.prefix / FOLDER


@pytest.fixture
def cache(settings: Settings, place: Path) -> WordingCache:
    return open_wordings(settings)


# Of the characters that its pattern may have, but of four bytes each.
LARGE = json.dumps({"x": "\U0001f600" * 15_900}, ensure_ascii=False)
LARGE_SENTENCE = "\U0001f600" * MAX_SENTENCE


def names(place: Path) -> list[str]:
    """What stands there; what a dead writer left begins with a dot."""
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("[!.]*") if path.is_file())


def compacted_file(content: bytes, prompt_version: str = "v1") -> str:
    """The name of a compacted file with this content."""
    return f"_compacted/{prompt_version}/{hashlib.sha256(content).hexdigest()}.parquet"


def objects_in(root: Path) -> FolderObjects:
    """An empty place, for what others put there."""
    root.mkdir()
    return FolderObjects(root, root / "recommendations")


def by_key(many: list[Wording]) -> dict[str, Wording]:
    return {one.cache_key: one for one in many}


# Keep and find


def test_given_an_empty_lake_then_nothing_is_found_and_nothing_is_made(cache, place):
    assert cache.find([wording(1).cache_key, "no key", "../../etc/passwd"]) == {}
    assert cache.count() == {}
    assert cache.compact() == 0
    assert cache.expire("v1") == 0
    assert not place.exists()


def test_given_a_wording_then_it_is_found_as_it_was_kept(cache, settings, place):
    first, second = wordings([1, 2])
    assert cache.keep(first) == first
    assert cache.keep(second) == second
    assert open_wordings(settings).find([first.cache_key, "f" * 64]) == {first.cache_key: first}
    assert names(place) == sorted(f"v1/{one.cache_key}.json" for one in (first, second))
    assert Wording.of_json((place / "v1" / f"{first.cache_key}.json").read_bytes()) == first


def test_given_a_key_that_is_taken_then_what_is_there_is_returned_for_ever(cache, settings):
    first, later = wording(1), wording(1, "later")
    assert first.cache_key == later.cache_key
    cache.keep(first)
    assert cache.keep(later) == first
    cache.compact()
    assert cache.keep(later) == first
    assert cache.find([first.cache_key]) == {first.cache_key: first}
    # What the late one left beside the compacted file is nothing.
    assert cache.compact() in (0, 1)
    assert open_wordings(settings).find([first.cache_key]) == {first.cache_key: first}


def test_given_many_threads_and_one_key_then_all_of_them_get_the_same(cache):
    with ThreadPoolExecutor(16) as threads:
        kept = list(threads.map(lambda number: cache.keep(wording(1, f"thread {number}")), range(32)))
    assert len(set(kept)) == 1
    assert cache.find([kept[0].cache_key]) == {kept[0].cache_key: kept[0]}


def test_given_many_processes_and_some_keys_then_all_of_them_get_the_same_while_others_compact(settings, place):
    flags, answers = {"lake": settings.lake}, FORKS.Queue()
    numbers = range(10)
    processes = [start(keep_job, flags, {}, numbers, f"process {each}", answers) for each in range(20)]
    compacting = start(compact_often_job, flags, {}, 20)
    given = [answers.get(timeout=60) for _ in range(20 * len(numbers))]
    assert not any(was_killed(process) for process in [*processes, compacting])
    assert len(set(given)) == len(numbers)
    cache = open_wordings(settings)
    assert {(key, one.observation) for key, one in cache.find([key for key, _ in given]).items()} == set(given)
    cache.compact()
    assert {(key, one.observation) for key, one in cache.find([key for key, _ in given]).items()} == set(given)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cache_key": "../x"}, "cache_key"),
        ({"cache_key": "A" * 64}, "cache_key"),
        ({"observation": ""}, "observation"),
        ({"cause": "x" * (MAX_SENTENCE + 1)}, "cause"),
        ({"action": "half a character \ud800"}, "action"),
        ({"pattern": "[]"}, "pattern"),
        ({"pattern": "[" * 10_000}, "pattern"),
        ({"generated_at": "yesterday"}, "generated_at"),
        ({"generated_at": "2026-W01-1"}, "generated_at"),
        ({"generated_at": "20260101"}, "generated_at"),
        ({"generated_at": "2026-01-31T06:00:00"}, "generated_at"),
        ({"generated_at": "2026-01-31 06:00:00+00:00"}, "generated_at"),
        ({"generated_at": "2026-01-31T06:00:00,5+00:00"}, "generated_at"),
        ({"generated_at": "2026-01-31T06:00:00+01:00"}, "generated_at"),
        ({"generated_at": "0001-01-01T00:00:00+23:59"}, "generated_at"),
        ({"generated_at": "9999-12-31T23:59:59-23:59"}, "generated_at"),
        ({"generated_at": "9999-12-31T23:59:59+00:00"}, "generated_at"),
        ({"input_tokens": -1}, "input_tokens"),
        ({"output_tokens": True}, "output_tokens"),
        ({"configuration": Configuration("../v1", "m", 0.2, "es")}, "prompt_version"),
        ({"configuration": Configuration(".", "m", 0.2, "es")}, "prompt_version"),
        ({"configuration": Configuration("v1", "m", float("nan"), "es")}, "temperature"),
        ({"configuration": Configuration("v1", "m", 10**400, "es")}, "temperature"),
        ({"configuration": Configuration("v1", "m", 2**60 + 1, "es")}, "temperature"),
        ({"pattern": LARGE, "observation": LARGE_SENTENCE}, "65536 bytes"),
        ({"configuration": Configuration("v1", "m", 0.2, "xx")}, "language"),
    ],
)
def test_given_what_is_no_wording_then_it_is_not_kept_and_the_error_says_why(cache, place, change, reason):
    with pytest.raises(NoWording, match=reason):
        cache.keep(dataclasses.replace(wording(1), **change))
    assert not place.exists()


def test_given_a_model_that_takes_no_temperature_then_its_wordings_are_kept_and_compacted(cache):
    one = dataclasses.replace(wording(1), configuration=Configuration("v1", "m", None, "es"))
    cache.keep(one)
    cache.compact()
    assert cache.find([one.cache_key]) == {one.cache_key: one}


# Compaction


def test_given_wordings_that_stand_alone_then_they_become_one_file_per_prompt_version(cache, place):
    first, second = wordings(range(5)), wordings(range(3), prompt_version="v2")
    keep_all(cache, [*first, *second])
    assert cache.compact(at_least=4) == 5
    assert cache.compact() == 3
    found = names(place)
    assert [name.rpartition("/")[0] for name in found] == ["_compacted/v1", "_compacted/v2"]
    for name in found:
        assert hashlib.sha256((place / name).read_bytes()).hexdigest() in name
    assert cache.find([one.cache_key for one in [*first, *second]]) == by_key([*first, *second])
    assert cache.count() == {"v1": 5, "v2": 3}
    assert pq.read_table(place / found[0]).column_names == SCHEMA.names
    more = wordings(range(5, 7))
    keep_all(cache, more)
    assert cache.count() == {"v1": 7, "v2": 3}
    assert cache.compact() == 2
    assert len(names(place)) == 2
    assert cache.find([one.cache_key for one in [*first, *more]]) == by_key([*first, *more])


@pytest.mark.slow
def test_given_a_compaction_that_is_killed_at_any_line_then_nothing_is_lost_or_there_twice(tmp_path):
    old, new = wordings(range(3)), wordings(range(3, 6))
    keys = [one.cache_key for one in [*old, *new]]
    for attempt in itertools.count():
        settings = load_settings(lake=tmp_path / str(attempt))
        settings.lake.mkdir()
        cache = open_wordings(settings)
        keep_all(cache, old)
        cache.compact()
        keep_all(cache, new)
        line = 19 * attempt + 1
        is_over = not was_killed(start(compact_job, {"lake": settings.lake}, {}, kill_at=line))
        for _ in range(2):
            assert open_wordings(settings).find(keys) == by_key([*old, *new]), line
            assert cache.count() == {"v1": 6}
            assert cache.keep(wording(4, "late")) == new[1]
            cache.compact()
        assert len(names(settings.lake / settings.prefix / FOLDER)) == 1
        if is_over:
            break
    assert attempt > 10


@pytest.mark.slow
def test_given_a_writer_that_is_killed_at_any_line_then_its_wording_is_whole_or_absent(tmp_path):
    one = wording(1, "killed")
    outcomes = []
    while not outcomes or outcomes[-1][0]:
        line = 4 * len(outcomes) + 1
        settings = load_settings(lake=tmp_path / str(line))
        settings.lake.mkdir()
        killed = was_killed(start(keep_job, {"lake": settings.lake}, {}, [1], "killed", kill_at=line))
        cache = open_wordings(settings)
        found = cache.find([one.cache_key])
        assert found in ({}, {one.cache_key: one})
        outcomes.append((killed, bool(found)))
        other = wording(1, "after")
        assert cache.keep(other) == (one if found else other)
    assert len(outcomes) > 10
    assert [is_there for _, is_there in outcomes] == sorted(is_there for _, is_there in outcomes)
    assert (True, True) in outcomes


def test_given_compactions_and_writers_then_a_reader_always_finds_every_wording(settings, place):
    settings.lake.mkdir(exist_ok=True)
    cache = open_wordings(settings)
    there = wordings(range(30))
    keep_all(cache, there)
    flags = {"lake": settings.lake}
    processes = [
        start(compact_often_job, flags, {}, 40),
        start(compact_often_job, flags, {}, 40),
        start(keep_job, flags, {}, range(30, 90), ""),
    ]
    looks = 0
    while any(process.is_alive() for process in processes):
        reader = open_wordings(settings) if looks % 2 else cache
        assert reader.find([one.cache_key for one in there]) == by_key(there)
        looks += 1
    assert looks > 1
    assert not any(was_killed(process) for process in processes)
    cache.compact()
    assert cache.count() == {"v1": 90}


COMPACTION_WRITES = "tribolake.oil.wording.cache.compaction.as_parquet"


@pytest.mark.parametrize("is_mine_newer", [False, True])
def test_given_two_releases_that_compact_at_once_then_neither_removes_what_the_other_keeps(
    tmp_path, monkeypatch, is_mine_newer
):
    many, releases = wordings(range(3)), [as_parquet, as_another_release]
    mine, theirs = reversed(releases) if is_mine_newer else releases
    for call in itertools.count(1):
        objects = objects_in(tmp_path / str(call))
        for content in (as_parquet(many), as_another_release(many)):
            objects.put(compacted_file(content), content)

        def compact_as_the_other_one(objects: FolderObjects = objects) -> None:
            monkeypatch.setattr(COMPACTION_WRITES, theirs)
            KeptWordings(objects).compact()
            monkeypatch.setattr(COMPACTION_WRITES, mine)

        monkeypatch.setattr(COMPACTION_WRITES, mine)
        interrupted = Interrupted(objects, call, compact_as_the_other_one)
        KeptWordings(interrupted).compact()
        assert KeptWordings(objects).find([one.cache_key for one in many]) == by_key(many), call
        if interrupted.calls < call:
            break
        assert len(objects.listing("")) == 1
    assert call > 3


def files_in_two_orders() -> tuple[bytes, bytes]:
    """A file with one wording of a key, and one of another lake, which kept that one second.

    By name they come in this order, and before the file that says both in the order that counts.
    """
    for number in itertools.count():
        first, second = wording(number, "first"), wording(number, "second")
        contents = [as_parquet(each) for each in ([first], [second, first], [first, second])]
        if sorted(contents, key=compacted_file) == contents:
            return contents[0], contents[1]
    raise AssertionError


def test_given_files_that_say_the_same_in_another_order_then_two_compactions_do_not_remove_both(tmp_path):
    two = files_in_two_orders()
    for call in itertools.count(1):
        objects = objects_in(tmp_path / str(call))
        for content in two:
            objects.put(compacted_file(content), content)
        before = KeptWordings(objects).everything()
        interrupted = Interrupted(objects, call, KeptWordings(objects).compact)
        KeptWordings(interrupted).compact()
        assert KeptWordings(objects).everything() == before, call
        if interrupted.calls < call:
            break
    assert call > 3


def rows_of_another_release(kind: str) -> bytes:
    """A compacted file with something that this release cannot take."""
    if kind == "column":
        return as_another_release(wordings(range(3)), tone="friendly")
    other = dataclasses.replace(wording(2), configuration=Configuration("v1", "a-model", 0.2, "pt"))  # type: ignore[arg-type]
    return as_another_release([*wordings([0, 1]), other])


@pytest.mark.parametrize("kind", ["column", "row"])
def test_given_a_file_of_a_newer_release_then_a_compaction_leaves_it_and_does_not_write_for_ever(cache, place, kind):
    content = rows_of_another_release(kind)
    name = compacted_file(content)
    FolderObjects(place.parent.parent, place).put(name, content)
    keep_all(cache, wordings(range(3, 6)))
    cache.compact()
    assert (place / name).read_bytes() == content
    there = names(place)
    assert len(there) == 2
    cache.compact()
    assert names(place) == there
    keep_all(cache, wordings([6]))
    cache.compact()
    assert (place / name).read_bytes() == content
    assert len(names(place)) == 2
    found = wordings([0, 1, *range(3, 7)])
    assert cache.find([one.cache_key for one in found]) == by_key(found)


def test_given_what_a_dead_writer_left_then_it_is_nothing_and_goes_after_a_day(cache, place):
    keep_all(cache, wordings([1]))
    fresh, old = place / "v1" / ".aa.partial", place / "v1" / ".bb.partial"
    for path in (fresh, old):
        path.write_text("half of", encoding="utf-8")
    os.utime(old, (time.time() - 90_000,) * 2)
    assert cache.count() == {"v1": 1}
    cache.compact()
    assert (fresh.exists(), old.exists()) == (True, False)


# What is refused


def refuse(*refused: Wording):
    """Finds something wrong with these wordings only."""

    def validate(one: Wording) -> Sequence[str]:
        return ["it is refused"] if one in refused else []

    return validate


@pytest.mark.parametrize("compacted", [False, True])
def test_given_a_wording_that_is_refused_then_the_next_one_is_everybodys_and_nothing_is_lost(
    cache, settings, place, compacted
):
    old, new = wording(1, "old"), wording(1, "new")
    cache.keep(old)
    if compacted:
        cache.compact()
    assert cache.find([old.cache_key], refuse(old)) == {}
    assert cache.keep(new, refuse(old)) == new
    for _ in range(3):
        reader = open_wordings(settings)
        assert reader.find([old.cache_key], refuse(old)) == {old.cache_key: new}
        assert reader.keep(wording(1, "late"), refuse(old)) == new
        # Who does not refuse it has the same as before.
        assert reader.find([old.cache_key]) == {old.cache_key: old}
        assert reader.count() == {"v1": 1}
        cache.compact()
    assert len(names(place)) == 1
    assert cache.keep(wording(1, "third"), refuse(old, new)) == wording(1, "third")
    assert cache.find([old.cache_key], refuse(old)) == {old.cache_key: new}


def test_given_many_writers_after_a_refused_wording_then_all_of_them_get_the_same_while_others_compact(cache, settings):
    old = wording(1, "old")
    cache.keep(old)
    with ThreadPoolExecutor(16) as threads:
        compacting = [threads.submit(open_wordings(settings).compact) for _ in range(4)]
        kept = set(threads.map(lambda number: cache.keep(wording(1, f"{number}"), refuse(old)), range(32)))
    assert all(done.exception() is None for done in compacting)
    assert len(kept) == 1
    cache.compact()
    assert set(open_wordings(settings).find([old.cache_key], refuse(old)).values()) == kept


def test_given_a_late_writer_in_a_place_that_a_compaction_made_free_then_it_counts_for_nothing(cache, place):
    old, new, late = (wording(1, text) for text in ("old", "new", "late"))
    cache.keep(old)
    cache.compact()
    cache.keep(new, refuse(old))
    assert f"v1/{old.cache_key}-2.json" in names(place)
    (place / "v1" / f"{old.cache_key}.json").write_bytes(late.as_json())
    assert cache.find([old.cache_key], refuse(old)) == {old.cache_key: new}
    cache.compact()
    assert cache.find([old.cache_key], refuse(old)) == {old.cache_key: new}
    assert cache.find([old.cache_key], refuse(old, new)) == {}


@pytest.mark.parametrize("use", ["find", "keep", "compact"])
def test_given_a_compaction_and_a_late_writer_at_any_moment_then_the_first_is_still_everybodys(cache, place, use):
    objects = FolderObjects(place.parent.parent, place)
    assert check_at_every_call(objects, use) >= 3


def test_given_a_wording_that_its_own_guards_refuse_then_it_is_not_kept(cache, place):
    with pytest.raises(NoWording, match="it is refused"):
        cache.keep(wording(1), refuse(wording(1)))
    assert not place.exists()


def test_given_an_export_with_a_refused_wording_then_another_lake_takes_the_next_one(cache, tmp_path):
    old, new, file = wording(1, "old"), wording(1, "new"), tmp_path / "wordings.parquet"
    cache.keep(old)
    cache.keep(new, refuse(old))
    assert cache.export_to(file) == 2
    (tmp_path / "other").mkdir()
    other = open_wordings(load_settings(lake=tmp_path / "other"))
    other.keep(old)
    done = other.import_from(file, refuse(old))
    assert (done.taken, [refused.cache_key for refused in done.refused]) == (1, [old.cache_key])
    assert other.find([old.cache_key], refuse(old)) == {old.cache_key: new}


def test_given_a_copy_that_was_away_then_it_gets_what_stands_behind_a_refused_wording(settings, tmp_path):
    old, new = wording(1, "old"), wording(1, "new")
    truth, copy = (
        KeptWordings(FolderObjects(tmp_path, tmp_path / name / "recommendations")) for name in ("truth", "copy")
    )
    keep_all(truth, [old])
    keep_all(copy, [old])
    truth.keep(new, refuse(old))
    assert WordingsInBoth(truth, copy).bring_in_line() == 1
    assert copy.find([old.cache_key], refuse(old)) == {old.cache_key: new}
    assert copy.find([old.cache_key]) == {old.cache_key: old}
    assert WordingsInBoth(truth, copy).bring_in_line() == 0


def test_given_a_row_in_the_copy_that_cannot_be_kept_then_all_other_keys_are_in_line(tmp_path):
    truth, copy = objects_in(tmp_path / "truth"), objects_in(tmp_path / "copy")
    good = wording(1)
    KeptWordings(truth).keep(good)
    content = as_parquet([dataclasses.replace(wording(2), pattern=LARGE, observation=LARGE_SENTENCE), wording(3)])
    copy.put(compacted_file(content), content)
    both = WordingsInBoth(KeptWordings(truth), KeptWordings(copy))
    keys = [one.cache_key for one in wordings([1, 2, 3])]
    assert both.find(keys) == by_key([good, wording(3)])
    assert KeptWordings(copy).find(keys) == by_key([good, wording(3)])


def test_given_a_key_whose_places_in_the_copy_are_taken_then_all_other_keys_are_in_line(tmp_path, caplog):
    truth, copy = objects_in(tmp_path / "truth"), objects_in(tmp_path / "copy")
    many = wordings(range(5))
    keep_all(KeptWordings(truth), many)
    for number in range(1, PLACES + 1):
        copy.put(Place("v1", many[3].cache_key, number).name, b"x")
    # More than there are places: as far as names tell, the copy has too few.
    content = as_parquet(wording(3, f"{number}") for number in range(PLACES + 1))
    truth.put(compacted_file(content), content)
    both = WordingsInBoth(KeptWordings(truth), KeptWordings(copy))
    with caplog.at_level(logging.WARNING):
        assert both.bring_in_line() == 4
    assert many[3].cache_key in caplog.text
    assert both.keep(wording(3, "late")) == wording(3, "0")
    assert both.keep(wording(9)) == wording(9)
    assert KeptWordings(copy).find([wording(9).cache_key]) == by_key([wording(9)])


# Other users of the folder, and trouble of the disk


def test_given_a_user_who_keeps_his_files_to_himself_then_others_can_read_his_wordings(cache, place):
    before = os.umask(0o077)
    try:
        cache.keep(wording(1))
    finally:
        os.umask(before)
    path = place / "v1" / f"{wording(1).cache_key}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE, errno.EIO])
def test_given_a_wording_that_cannot_be_read_today_then_its_key_gets_no_other_one(cache, place, monkeypatch, number):
    one, other = wording(1), wording(1, "other")
    cache.keep(one)
    open_file = os.open

    def fail(path: Any, *rest: Any, **named: Any) -> int:
        if str(path).endswith(".json"):
            raise OSError(number, os.strerror(number))
        return open_file(path, *rest, **named)

    with monkeypatch.context() as disk:
        disk.setattr(os, "open", fail)
        for use in (lambda: cache.find([one.cache_key]), lambda: cache.keep(other), cache.compact):
            with pytest.raises(OSError, match=os.strerror(number)):
                use()
    assert names(place) == [f"v1/{one.cache_key}.json"]
    assert cache.keep(other) == one


def test_given_a_wording_that_is_always_gone_when_it_is_read_then_it_does_not_count_as_absent(cache, monkeypatch):
    cache.keep(wording(1))

    def overtaken(*_: Any) -> bytes:
        raise Gone

    with monkeypatch.context() as disk:
        disk.setattr(FolderObjects, "read", overtaken)
        with pytest.raises(StoreUnavailable, match="try again"):
            cache.find([wording(1).cache_key])
    assert cache.find([wording(1).cache_key])


# What others put there


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"[" * 60_000,
        b"x" * 70_000,
        wording(2).as_json(),
        wording(1, prompt_version="v2").as_json(),
        json.dumps(json.loads(wording(1).as_json()) | {"observation": ["a"]}).encode(),
        json.dumps(json.loads(wording(1).as_json()) | {"more": 1}).encode(),
        json.dumps(json.loads(wording(1).as_json()) | {"configuration": 3}).encode(),
        json.dumps(json.loads(wording(1).as_json()) | {"action": "x" * 3_000}).encode(),
    ],
    ids=lambda content: f"{len(content)} bytes",
)
def test_given_something_else_in_the_place_of_a_wording_then_it_is_passed_over_with_a_warning(
    cache, place, settings, caplog, content
):
    one, other = wording(1), wording(5)
    (place / "v1").mkdir(parents=True)
    (place / "v1" / f"{one.cache_key}.json").write_bytes(content)
    cache.keep(other)
    with caplog.at_level(logging.WARNING):
        assert cache.find([one.cache_key, other.cache_key]) == {other.cache_key: other}
    assert one.cache_key in caplog.text
    # Its key is not lost for ever: the wording stands beside it, and again the first one counts.
    assert cache.keep(one) == one
    assert open_wordings(settings).keep(wording(1, "later")) == one
    cache.compact()
    assert open_wordings(settings).find([one.cache_key, other.cache_key]) == by_key([one, other])
    # What stands behind something unusable stays where it is: as a row it would move up, and others would follow it.
    alone = [f"v1/{one.cache_key}-2.json", f"v1/{one.cache_key}.json"]
    assert [name for name in names(place) if name.endswith(".json")] == alone


@pytest.mark.parametrize("number", [b"1" + b"0" * 400, b"%d" % (2**60 + 1)])
def test_given_a_number_that_no_column_holds_then_the_wording_is_passed_over_by_all(
    cache, place, settings, tmp_path, number
):
    good, bad = wordings([1, 2])
    cache.keep(good)
    content = bad.as_json().replace(b'"temperature":0.2', b'"temperature":' + number)
    assert number in content
    (place / "v1" / f"{bad.cache_key}.json").write_bytes(content)
    assert cache.find([good.cache_key, bad.cache_key]) == {good.cache_key: good}
    assert cache.compact() == 1
    assert cache.export_to(tmp_path / "wordings.parquet") == 1
    assert cache.keep(bad) == bad


def test_given_an_object_of_another_prompt_version_then_it_hides_no_wording_with_its_key(cache, place):
    one = wording(1)
    cache.keep(one)
    foreign = dataclasses.replace(one, configuration=Configuration("a0", "m", 0.2, "es"), observation="Otra.")
    (place / "a0").mkdir()
    (place / "a0" / f"{one.cache_key}.json").write_bytes(foreign.as_json())
    for _ in range(2):
        assert cache.find([one.cache_key], refuse(foreign)) == {one.cache_key: one}
        cache.compact()
    keep_all(cache, [wording(1, "second", prompt_version="v1")])
    assert cache.count() == {"a0": 1, "v1": 1}


def test_given_something_unusable_before_a_refused_wording_then_no_later_writer_gets_in_front_of_anybody(cache, place):
    first, second, third = (wording(1, text) for text in ("first", "second", "third"))
    (place / "v1").mkdir(parents=True)
    (place / "v1" / f"{first.cache_key}.json").write_bytes(b"{}")
    assert cache.keep(first) == first
    cache.compact()
    assert cache.keep(second, refuse(first)) == second
    cache.compact()
    assert cache.keep(third, refuse(first, second)) == third
    assert cache.find([first.cache_key], refuse(first)) == {first.cache_key: second}


def test_given_places_that_are_all_taken_then_the_error_says_what_frees_them(cache):
    refused = [wording(1, f"{number}") for number in range(PLACES)]
    for number, one in enumerate(refused):
        cache.keep(one, refuse(*refused[:number]))
    with pytest.raises(NoPlaceLeft, match="recommendations expire v1"):
        cache.keep(wording(1, "good"), refuse(*refused))
    assert cache.keep(wording(2)) == wording(2)


def test_given_a_folder_in_the_place_of_a_wording_then_it_is_passed_over(cache, place):
    (place / "v1" / f"{wording(1).cache_key}.json").mkdir(parents=True)
    assert cache.keep(wording(1)) == wording(1)
    assert cache.find([wording(1).cache_key]) == {wording(1).cache_key: wording(1)}


def test_given_links_pipes_and_foreign_names_then_none_of_them_is_followed_or_read(cache, place, caplog, tmp_path):
    one, other = wordings([1, 2])
    cache.keep(other)
    (tmp_path / "elsewhere.json").write_bytes(one.as_json())
    (place / "v1" / f"{one.cache_key}.json").symlink_to(tmp_path / "elsewhere.json")
    os.mkfifo(place / "v1" / f"{'0' * 64}.json")
    (place / "v1" / "notes.txt").write_text("mine", encoding="utf-8")
    (place / "v1" / "folder.json").symlink_to(tmp_path)
    (place / os.fsdecode(b"\xff.json")).write_bytes(b"{}")
    with caplog.at_level(logging.WARNING):
        assert cache.find([one.cache_key, "0" * 64, other.cache_key]) == {other.cache_key: other}
        assert cache.compact() == 1
    assert "notes.txt" in caplog.text
    assert (place / "v1" / "notes.txt").exists()
    assert (tmp_path / "elsewhere.json").exists()


def test_given_compacted_files_of_others_then_they_are_passed_over(cache, place, caplog):
    kept = wordings(range(4))
    keep_all(cache, kept)
    cache.compact()
    folder = place / "_compacted" / "v1"
    foreign = {
        "a parquet under another name": ("f" * 64, as_parquet(wordings([8]))),
        "no parquet": (hashlib.sha256(b"PAR1").hexdigest(), b"PAR1"),
    }
    strange = as_parquet([wording(1, prompt_version="v2"), wording(7)])
    foreign["rows of another version"] = (hashlib.sha256(strange).hexdigest(), strange)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"cache_key": [kept[0].cache_key]}), sink)
    columns = sink.getvalue().to_pybytes()
    foreign["too few columns"] = (hashlib.sha256(columns).hexdigest(), columns)
    for name, content in foreign.values():
        (folder / f"{name}.parquet").write_bytes(content)
    found = cache.find([one.cache_key for one in [*kept, wording(7), wording(1, prompt_version="v2"), wording(8)]])
    # A row that is as it should be cannot be told from one of ours.
    assert found == by_key([*kept, wording(7)])
    assert len([record for record in caplog.records if "passed over" in record.message]) == 4


@given(st.binary(max_size=300) | st.text().map(str.encode) | st.from_type(type(None)).map(lambda _: b"null"))
def test_given_any_bytes_then_they_are_a_wording_or_refused(content):
    with pytest.raises(NoWording):
        read_wording(content, Place("v1", wording(1).cache_key, 1))


@given(st.text(alphabet="abc./-_0123456789\\\n\0", max_size=90))
def test_given_any_name_then_it_stands_for_a_place_below_the_folder_or_for_none(name):
    found = place_of(name)
    assert found is None or found.name == name


def test_given_a_wording_then_its_columns_are_all_that_it_consists_of():
    fields = {each.name for each in dataclasses.fields(Wording)} - {"configuration"}
    assert set(SCHEMA.names) == fields | {each.name for each in dataclasses.fields(Configuration)}
    assert flaw(wording(1)) is None


# Expiry


def test_given_a_prompt_version_that_expires_then_it_alone_is_gone_and_its_keys_are_free(cache, settings):
    old, new = wordings(range(6)), wordings(range(4), prompt_version="v2")
    keep_all(cache, [*old[:3], *new])
    cache.compact()
    keep_all(cache, [*old[3:], wording(1, "late")])
    assert cache.expire("v1") == 6
    assert cache.expire("v1") == 0
    assert cache.count() == {"v2": 4}
    assert open_wordings(settings).find([one.cache_key for one in [*old, *new]]) == by_key(new)
    again = wording(1, "after")
    assert cache.keep(again) == again


def dated(number: int, at: str, prompt_version: str = "v1") -> Wording:
    return dataclasses.replace(wording(number, prompt_version=prompt_version), generated_at=at)


OLD, NEW = "2020-01-31T06:00:00+00:00", "2199-01-31T06:00:00+00:00"


def test_given_copies_on_two_machines_then_what_expires_on_one_does_not_come_back_from_the_other(tmp_path):
    truth, mine, theirs = (objects_in(tmp_path / name) for name in ("truth", "mine", "theirs"))
    old, other = [dated(number, OLD) for number in range(4)], dated(5, OLD, "v2")
    here = WordingsInBoth(KeptWordings(truth), KeptWordings(mine))
    keep_all(here, [*old, other])
    keys = [one.cache_key for one in [*old, other]]
    there = KeptWordings(theirs)
    assert WordingsInBoth(KeptWordings(truth), there).bring_in_line() == 5
    there.compact()
    assert here.expire("v1") == 4
    # Worded again, and by another machine something that only its copy has.
    again, since = dated(0, NEW), dated(6, NEW)
    here.keep(again)
    there.keep(since)
    for _ in range(2):
        assert WordingsInBoth(KeptWordings(truth), there).find(keys) == by_key([again, other])
        for each in (KeptWordings(truth), KeptWordings(theirs)):
            assert each.find([*keys, since.cache_key]) == by_key([again, other, since])
    assert WordingsInBoth(KeptWordings(truth), there).bring_in_line() == 0


def test_given_a_machine_that_dies_at_any_call_then_the_next_one_ends_with_what_has_not_expired(tmp_path):
    expired, since, in_both = [dated(number, OLD) for number in range(3)], dated(3, NEW), dated(4, NEW)
    keys = [one.cache_key for one in [*expired, since, in_both]]

    def die() -> None:
        raise StoreUnavailable("it died")

    for call in itertools.count(1):
        (tmp_path / str(call)).mkdir()
        truth, copy = (objects_in(tmp_path / str(call) / name) for name in ("truth", "copy"))
        keep_all(KeptWordings(copy), [*expired, since, in_both])
        KeptWordings(copy).compact()
        KeptWordings(truth).keep(in_both)
        truth.put("_expired/v1/20260101T000000Z", b"")
        interrupted = Interrupted(copy, call, die)
        WordingsInBoth(KeptWordings(truth), KeptWordings(interrupted)).bring_in_line()
        WordingsInBoth(KeptWordings(truth), KeptWordings(copy)).bring_in_line()
        for each in (truth, copy):
            assert KeptWordings(each).find(keys) == by_key([since, in_both]), call
        if interrupted.calls < call:
            break
    assert call > 5


def test_given_an_old_release_that_copies_what_has_expired_then_it_is_removed_again(tmp_path):
    truth, copy = (KeptWordings(objects_in(tmp_path / name)) for name in ("truth", "copy"))
    old = dated(1, OLD)
    WordingsInBoth(truth, copy).keep(old)
    WordingsInBoth(truth, copy).expire("v1")
    copy.keep(old)
    WordingsInBoth(truth, copy).bring_in_line()
    assert (truth.count(), copy.count()) == ({}, {})
    # Somebody who has it in a file may want it all the same.
    assert WordingsInBoth(truth, copy).keep(old) == old
    WordingsInBoth(truth, copy).bring_in_line()
    assert (truth.count(), copy.count()) == ({"v1": 1}, {"v1": 1})


def test_given_marks_with_foreign_names_then_nothing_expires(tmp_path, caplog):
    truth, copy = objects_in(tmp_path / "truth"), KeptWordings(objects_in(tmp_path / "copy"))
    copy.keep(dated(1, OLD))
    for name in ("v1/20269999T000000Z", "v1/99990101T000000Z", "v1/later", "-/20260101T000000Z", "20260101T000000Z"):
        truth.put(f"_expired/{name}", b"")
    with caplog.at_level(logging.WARNING):
        assert WordingsInBoth(KeptWordings(truth), copy).find([wording(1).cache_key]) == by_key([dated(1, OLD)])
    assert len([record for record in caplog.records if "none of ours" in record.message]) == 5


@pytest.mark.parametrize("name", ["", "..", "v1/../v2", "/v1", "_compacted", "v" * 65, "v1\n"])
def test_given_a_name_that_is_no_prompt_version_then_nothing_expires(cache, name):
    keep_all(cache, wordings([1]))
    with pytest.raises(ValueError, match="no prompt version"):
        cache.expire(name)
    assert cache.count() == {"v1": 1}


# Export and import


def test_given_an_export_then_another_lake_takes_the_same_wordings(cache, tmp_path):
    every = [*wordings(range(5)), *wordings(range(2), prompt_version="v2")]
    keep_all(cache, every[:4])
    cache.compact()
    keep_all(cache, every[4:])
    file = tmp_path / "wordings.parquet"
    assert cache.export_to(file) == 7
    first = file.read_bytes()
    cache.compact()
    cache.export_to(file)
    assert file.read_bytes() == first
    (tmp_path / "other").mkdir()
    other = open_wordings(load_settings(lake=tmp_path / "other"))
    mine = wording(1, "the other lake's own")
    other.keep(mine)
    done = other.import_from(file, lambda _: ())
    assert (done.taken, done.known, done.refused) == (6, 1, ())
    assert other.find([one.cache_key for one in every]) == by_key(every) | {mine.cache_key: mine}
    assert other.import_from(file, lambda _: ()).known == 7


def test_given_rows_that_cannot_be_used_then_they_are_refused_with_reasons_and_the_others_taken(cache, tmp_path):
    file = tmp_path / "foreign.parquet"
    rows = of_parquet(as_parquet(wordings(range(6)))).to_pylist()
    numbers = {row["cache_key"]: position for position, row in enumerate(rows)}
    rows[0]["cache_key"] = "../../escape"
    rows[1]["observation"] = "x" * 5_000
    rows[2]["prompt_version"] = None
    rows.append(dict(rows[4], observation="Otra."))
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), file)

    def no_sixth_row(one: Wording) -> list[str]:
        return ["it names a number"] if numbers[one.cache_key] == 5 else []

    done = cache.import_from(file, no_sixth_row)
    assert (done.taken, done.known) == (2, 0)
    assert [(refused.row, refused.reasons) for refused in done.refused] == [
        (1, ("its cache_key is not 64 hexadecimal digits",)),
        (2, ("its observation is no text of 1 to 2000 characters",)),
        (3, ("its prompt_version is no text of 1 to 200 characters",)),
        (6, ("it names a number",)),
        (7, ("an earlier row has its key",)),
    ]
    assert cache.count() == {"v1": 2}


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a table at all", b"PAR1" * 100])
def test_given_a_file_that_is_no_table_then_the_error_says_so_and_nothing_changes(cache, tmp_path, place, content):
    file = tmp_path / "x.parquet"
    file.write_bytes(content)
    with pytest.raises(NoWordings, match="no table"):
        cache.import_from(file, lambda _: ())
    assert not place.exists()
