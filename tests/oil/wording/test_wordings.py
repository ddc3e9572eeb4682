"""Test the wordings of a lake in a folder: later runs find them after kills, and next to foreign files."""

from __future__ import annotations

import dataclasses
import errno
import json
import logging
import os
import stat
import threading
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
from tests.support.kept_wordings import (
    by_key,
    check_killed_folds,
    check_killed_writers,
    check_reader_during_folds,
    exported,
    keep_each,
    wording,
    wordings,
)

from tribolake.lake.objects import FolderObjects
from tribolake.oil.wording.segment import FOLDER, segment_names
from tribolake.oil.wording.segments import MANY_SEGMENTS, Wordings, open_wordings
from tribolake.oil.wording.transfer import SCHEMA, NotAnExport, export_wordings, import_wordings
from tribolake.oil.wording.wording import Configuration, Wording, WordingUnusable
from tribolake.settings import Settings, load_settings

HOME = "oil-analysis"
OLD, NEW = "2020-01-31T06:00:00+00:00", "2199-01-31T06:00:00+00:00"
# Of the characters that its pattern may have, but of four bytes each.
LARGE = json.dumps({"x": "\U0001f600" * 15_900}, ensure_ascii=False)


@pytest.fixture
def place(settings: Settings) -> Path:
    """The folder of the wordings of an empty lake."""
    settings.lake.mkdir()
    return settings.lake / settings.prefix / FOLDER


@pytest.fixture
def kept(settings: Settings, place: Path) -> Wordings:
    return open_wordings(settings)


def names(place: Path) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


def put(place: Path, name: str, *rows: Wording | bytes) -> Path:
    """Put a segment there, as another run or another program does."""
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join((row if isinstance(row, bytes) else row.as_json()) + b"\n" for row in rows))
    return path


def places_in(folder: Path, *names: str) -> list[FolderObjects]:
    for name in names:
        (folder / name).mkdir(parents=True)
    return [FolderObjects(folder / name, HOME) for name in names]


def dated(number: int, at: str, text: str = "", prompt_version: str = "v1") -> Wording:
    return dataclasses.replace(wording(number, text, prompt_version), generated_at=at)


def refuse(*refused: Wording):
    """Object to these wordings only."""

    def validate(one: Wording) -> Sequence[str]:
        return ["it is refused"] if one in refused else []

    return validate


# Keep and find


def test_empty_lake_has_nothing_and_gets_nothing(kept, place):
    assert kept.find([wording(1).cache_key, "no key", "../../etc/passwd"]) == {}
    assert (kept.count(), kept.fold(), kept.expire("v1")) == ({}, 0, 0)
    assert not place.exists()


def test_kept_wording_is_found_as_it_was_by_later_runs(kept, settings, place):
    first, second = keep_each(kept, wordings([1, 2]))
    assert open_wordings(settings).find([first.cache_key, "f" * 64]) == {first.cache_key: first}
    assert len(names(place)) == 2
    assert all(name.startswith("v1/") and name.endswith(".jsonl") for name in names(place))
    assert kept.find([second.cache_key]) == {second.cache_key: second}


def test_segments_are_named_after_their_run(settings, place):
    open_wordings(settings, "20260131T060000000000Z-ab12").keep(wording(1))
    (name,) = names(place)
    assert name.startswith("v1/20260131T060000000000Z-ab12-")


def test_earliest_wording_of_a_key_counts(kept, place):
    put(place, "v1/a.jsonl", dated(1, NEW, "late"), dated(2, OLD, "early"))
    put(place, "v1/b.jsonl", dated(1, OLD, "early"), dated(2, NEW, "late"))
    found = kept.find([wording(1).cache_key, wording(2).cache_key])
    assert found == by_key([dated(1, OLD, "early"), dated(2, OLD, "early")])


def test_first_segment_counts_within_a_second(kept, place, settings):
    put(place, "v1/b.jsonl", wording(1, "second"))
    put(place, "v1/a.jsonl", wording(1, "first"), wording(1, "also first"))
    for _ in range(2):
        assert open_wordings(settings).find([wording(1).cache_key]) == by_key([wording(1, "first")])
        kept.fold(everything=True)


def test_refused_wording_gives_way_to_the_next_and_stays(kept, settings):
    old, new = wording(1, "old"), dataclasses.replace(wording(1, "new"), generated_at=NEW)
    keep_each(kept, [old, new])
    for _ in range(2):
        assert open_wordings(settings).find([old.cache_key], refuse(old)) == {old.cache_key: new}
        assert open_wordings(settings).find([old.cache_key]) == {old.cache_key: old}
        assert open_wordings(settings).count() == {"v1": 1}
        kept.fold(everything=True)


@pytest.mark.parametrize("error", [None, OSError(errno.ENOSPC, "the disk is full")], ids=["written", "disk full"])
def test_wordings_of_the_same_moment_share_a_write(kept, place, settings, monkeypatch, error):
    """Wordings that arrive during a write share the next one. If that fails, it fails for all of them."""
    released, put_now, began = threading.Event(), FolderObjects.put, threading.Event()

    def slowly(self: FolderObjects, key: str, content: bytes) -> None:
        began.set()
        released.wait(10)
        if error:
            raise error
        put_now(self, key, content)

    with monkeypatch.context() as disk, ThreadPoolExecutor(30) as threads:
        disk.setattr(FolderObjects, "put", slowly)
        done = [threads.submit(kept.keep, wording(0))]
        began.wait(10)
        done += [threads.submit(kept.keep, wording(number)) for number in range(1, 30)]
        while len(kept._group.rows) < 29:
            time.sleep(0.01)
        assert not any(each.done() for each in done)
        released.set()
        assert {each.exception() for each in done} == {error}
    assert len(names(place)) == (0 if error else 2)
    kept.keep(wording(0))
    assert open_wordings(settings).count() == {"v1": 1 if error else 30}


WRONG_FIELDS = {
    "cache_key": ["../x", "A" * 64],
    "reply": ["", '{"x": "' + "x" * 8_000 + '"}', 3],
    "pattern": ["[]", "[" * 10_000],
    "generated_at": [
        *("yesterday", "2026-W01-1", "2026-01-31T06:00:00", "2026-01-31 06:00:00+00:00"),
        *("2026-01-31T06:00:00,5+00:00", "2026-01-31T06:00:00+01:00"),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59+00:00"),
    ],
    "input_tokens": [-1],
    "output_tokens": [True],
}
WRONG_CONFIGURATIONS = {
    "prompt_version": [Configuration(version, "m", 0.2, "es") for version in ("../v1", ".")],
    "temperature": [Configuration("v1", "m", number, "es") for number in (float("nan"), 10**400, 2**60 + 1)],
    "language": [Configuration("v1", "m", 0.2, "xx")],
}
UNUSABLE = [
    *(({name: value}, name) for name, values in WRONG_FIELDS.items() for value in values),
    *(({"configuration": each}, reason) for reason, several in WRONG_CONFIGURATIONS.items() for each in several),
    ({"pattern": LARGE, "reply": json.dumps({"x": "\U0001f600" * 7_000}, ensure_ascii=False)}, "65536 bytes"),
]


@pytest.mark.parametrize(("change", "reason"), UNUSABLE)
def test_unusable_wording_is_not_kept_and_the_error_says_why(kept, place, change, reason):
    with pytest.raises(WordingUnusable, match=reason):
        kept.keep(dataclasses.replace(wording(1), **change))
    with pytest.raises(WordingUnusable, match=reason):
        kept.keep_all([dataclasses.replace(wording(1), **change)])
    assert not place.exists()


def test_wording_without_a_temperature_is_kept(kept, settings):
    one = dataclasses.replace(wording(1), configuration=Configuration("v1", "m", None, "es"))
    kept.keep(one)
    assert open_wordings(settings).find([one.cache_key]) == {one.cache_key: one}


# Folding


def test_run_folds_its_own_segments_by_prompt_version(kept, settings, place):
    put(place, "v1/other.jsonl", wording(9))
    many = keep_each(kept, [*wordings(range(5)), *wordings(range(3), prompt_version="v2")])
    assert kept.fold() == 8
    assert [name.partition("/")[0] for name in names(place)] == ["v1", "v1", "v2"]
    assert "v1/other.jsonl" in names(place)
    assert kept.fold() == 0
    for reader in (kept, open_wordings(settings)):
        assert reader.find([one.cache_key for one in many]) == by_key(many)
        assert reader.count() == {"v1": 6, "v2": 3}


def test_run_folds_the_segments_of_all_where_they_are_many(kept, place):
    for number in range(MANY_SEGMENTS):
        put(place, f"v1/{number:04}.jsonl", wording(number))
    put(place, "v2/untouched.jsonl", wording(0, prompt_version="v2"))
    assert kept.fold() == 0
    kept.keep(wording(MANY_SEGMENTS))
    assert kept.fold() == MANY_SEGMENTS + 1
    assert len(names(place)) == 2
    assert kept.count() == {"v1": MANY_SEGMENTS + 1, "v2": 1}


def test_reader_finds_every_wording_while_others_fold(settings, place):
    check_reader_during_folds({"lake": settings.lake}, {}, number=25)


@pytest.mark.slow
def test_fold_killed_at_any_line_loses_nothing(settings, place):
    check_killed_folds({"lake": settings.lake}, {}, step=23, least=10)


@pytest.mark.slow
def test_killed_writer_leaves_a_whole_wording_or_none(settings, place):
    check_killed_writers({"lake": settings.lake}, {})


def test_partial_file_is_ignored_and_removed_after_a_day(kept, place):
    kept.keep(wording(1))
    fresh, old = place / "v1" / ".aa.partial", place / "v1" / ".bb.partial"
    for path in (fresh, old):
        path.write_text("half of", encoding="utf-8")
    os.utime(old, (time.time() - 90_000,) * 2)
    assert kept.count() == {"v1": 1}
    kept.fold()
    assert (fresh.exists(), old.exists()) == (True, False)


# What others put there


BAD_CHANGES = [
    *({"reply": ["a"]}, {"reply": '{"x": "half a character \ud800"}'}, {"reply": "[]"}),
    *({"more": 1}, {"configuration": 3}),
]
BAD_LINES = [
    *(b"\xff\xfe", b"null", b"[]", b"{}", b"[" * 60_000, b"x" * 70_000),
    wording(1, prompt_version="v2").as_json(),
    *(json.dumps(json.loads(wording(1).as_json()) | change).encode() for change in BAD_CHANGES),
    wording(1).as_json().replace(b'"temperature":0.2', b'"temperature":1' + b"0" * 400),
]


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: f"{len(line)} bytes")
def test_bad_line_is_skipped_and_counted(kept, place, settings, caplog, line):
    one, other = wording(1), wording(5)
    path = put(place, "v1/strange.jsonl", line, other)
    with caplog.at_level(logging.WARNING):
        assert kept.find([one.cache_key, other.cache_key]) == {other.cache_key: other}
    assert kept.bad_lines == 1
    assert "1 lines of 'v1/strange.jsonl'" in caplog.text
    content = path.read_bytes()
    keep_each(kept, [one, wording(2)])
    # A newer release may understand it: a fold leaves that segment as it is.
    kept.fold(everything=True)
    assert path.read_bytes() == content
    assert len(names(place)) == 2
    assert open_wordings(settings).count() == {"v1": 3}


@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_any_bytes_are_a_wording_or_unusable(content):
    with pytest.raises(WordingUnusable):
        Wording.of_json(content)


def test_links_pipes_and_foreign_names_are_not_read(kept, place, settings, tmp_path):
    one, other = wordings([1, 2])
    kept.keep(other)
    elsewhere = put(tmp_path, "elsewhere.jsonl", one)
    (place / "v1" / "link.jsonl").symlink_to(elsewhere)
    (place / "v2").symlink_to(tmp_path)
    os.mkfifo(place / "v1" / "pipe.jsonl")
    (place / "v1" / "folder.jsonl").mkdir()
    put(place, "v1/notes.txt", one)
    put(place, ".hidden/x.jsonl", one)
    (place / os.fsdecode(b"\xff.jsonl")).write_bytes(b"{}")
    assert open_wordings(settings).find([one.cache_key, other.cache_key]) == {other.cache_key: other}
    assert kept.expire("v1") == 1
    assert (place / "v1" / "notes.txt").exists()
    assert elsewhere.exists()


def test_oversized_segment_is_skipped(kept, place, monkeypatch, caplog):
    kept.keep(wording(1))
    put(place, "v1/large.jsonl", *wordings(range(20)))
    monkeypatch.setattr("tribolake.oil.wording.segment.MAX_SEGMENT_BYTES", 5_000)
    with caplog.at_level(logging.WARNING):
        assert open_wordings(load_settings(lake=place.parents[1])).count() == {"v1": 1}
    assert "more than 5000 bytes" in caplog.text


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE, errno.EIO])
def test_segment_that_cannot_be_read_today_is_an_error(kept, settings, monkeypatch, number):
    """If its wordings counted as absent, they would be paid for twice."""
    kept.keep(wording(1))
    open_file = os.open

    def fail(path: Any, *rest: Any, **named: Any) -> int:
        if str(path).endswith(".jsonl"):
            raise OSError(number, os.strerror(number))
        return open_file(path, *rest, **named)

    with monkeypatch.context() as disk:
        disk.setattr(os, "open", fail)
        with pytest.raises(OSError, match=os.strerror(number)):
            open_wordings(settings).find([wording(1).cache_key])
    assert open_wordings(settings).count() == {"v1": 1}


def test_private_umask_does_not_hide_segments_from_other_users(kept, place):
    before = os.umask(0o077)
    try:
        kept.keep(wording(1))
    finally:
        os.umask(before)
    assert stat.S_IMODE((place / names(place)[0]).stat().st_mode) == 0o644


# Expiry, and lakes of earlier releases


def test_expiry_removes_one_prompt_version_and_frees_its_keys(kept, settings, place):
    old, new = wordings(range(6)), wordings(range(4), prompt_version="v2")
    kept.keep_all([*old[:3], *new])
    keep_each(kept, old[3:])
    assert (kept.expire("v1"), kept.expire("v1"), kept.count()) == (6, 0, {"v2": 4})
    assert open_wordings(settings).find([one.cache_key for one in [*old, *new]]) == by_key(new)
    assert [name.split("/")[0] for name in names(place)] == ["_expired", "v2"]
    again = wording(1, "after")
    kept.keep(again)
    assert open_wordings(settings).find([again.cache_key]) == {again.cache_key: again}


def test_wordings_of_earlier_releases_are_unread_and_expire(kept, place, settings):
    many = wordings(range(6))
    for one, suffix in ((many[0], ""), (many[1], ""), (many[1], "-2")):
        put(place, f"v1/{one.cache_key}{suffix}.json", one)
    for version, rows in (("v1", many[2:]), ("v2", wordings(range(3), prompt_version="v2"))):
        (place / "_compacted" / version).mkdir(parents=True)
        exported(rows, place / "_compacted" / version / f"{'a' * 64}.parquet")
    put(place, f"_compacted/v2/{'b' * 64}.parquet", b"not a table")
    assert kept.find([one.cache_key for one in many]) == {}
    kept.keep(wording(7))
    assert kept.find([one.cache_key for one in [*many, wording(7)]]) == by_key([wording(7)])
    assert kept.fold(everything=True) == 0
    assert kept.count() == {"v1": 7, "v2": 3}
    assert kept.expire("v1") == 7
    assert open_wordings(settings).count() == {"v2": 3}
    assert {name.split("/")[0] for name in names(place)} == {"_compacted", "_expired"}


@pytest.mark.parametrize("name", ["", "..", "v1/../v2", "/v1", "_compacted", "v" * 65, "v1\n"])
def test_name_that_is_not_a_prompt_version_expires_nothing(kept, name):
    kept.keep(wording(1))
    with pytest.raises(ValueError, match="not a prompt version"):
        kept.expire(name)
    assert kept.count() == {"v1": 1}


# The lake and its copy


def test_copy_gets_what_the_lake_keeps_folds_and_expires(tmp_path):
    lake, copy = places_in(tmp_path, "lake", "copy")
    kept = Wordings(lake, copy)
    keep_each(kept, wordings(range(3)))
    assert segment_names(copy) == segment_names(lake)
    kept.fold()
    assert segment_names(copy) == segment_names(lake)
    assert len(segment_names(copy)) == 1
    assert kept.expire("v1") == 3
    assert segment_names(copy) == segment_names(lake) == []


def test_lake_and_copy_get_the_segments_that_they_lack(tmp_path):
    lake, copy = places_in(tmp_path, "lake", "copy")
    keep_each(Wordings(lake), wordings([0, 1]))
    keep_each(Wordings(copy), wordings([2]))
    kept = Wordings(lake, copy)
    assert (kept.synchronise(), kept.synchronise()) == (3, 0)
    for place in (lake, copy):
        assert Wordings(place).find([one.cache_key for one in wordings(range(3))]) == by_key(wordings(range(3)))


def test_folded_segments_do_not_return_from_another_copy(tmp_path):
    lake, mine, theirs = places_in(tmp_path, "lake", "mine", "theirs")
    keep_each(Wordings(lake, mine), wordings(range(4)))
    Wordings(lake, theirs).synchronise()
    Wordings(lake, mine).fold(everything=True)
    (folded,) = segment_names(lake)
    for _ in range(2):
        Wordings(lake, theirs).synchronise()
        assert segment_names(lake) == segment_names(theirs) == [folded]


def test_segment_of_a_copy_that_cannot_be_read_whole_stays_there(tmp_path):
    lake, copy = places_in(tmp_path, "lake", "copy")
    path = put(copy.root / HOME / FOLDER, "v1/newer.jsonl", b'{"of": "a newer release"}')
    Wordings(lake, copy).synchronise()
    assert (segment_names(lake), path.exists()) == ([], True)


@pytest.mark.parametrize("folds", [False, True])
def test_expired_wordings_do_not_return_from_another_copy(tmp_path, folds):
    lake, mine, theirs = places_in(tmp_path, "lake", "mine", "theirs")
    old, other = [dated(number, OLD) for number in range(4)], dated(5, OLD, prompt_version="v2")
    here = Wordings(lake, mine)
    keep_each(here, [*old, other])
    keys = [one.cache_key for one in [*old, other]]
    Wordings(lake, theirs).synchronise()
    if folds:
        Wordings(theirs).fold(everything=True)
    assert here.expire("v1") == 4
    # Worded again, and by another machine a wording that only its copy has.
    again, since = dated(0, NEW), dated(6, NEW)
    here.keep(again)
    Wordings(theirs).keep(since)
    for _ in range(2):
        assert Wordings(lake, theirs).find(keys) == by_key([again, other])
        for place in (lake, theirs):
            assert Wordings(place).find([*keys, since.cache_key]) == by_key([again, other, since])
    assert Wordings(lake, theirs).synchronise() == 0


def test_marks_with_foreign_names_expire_nothing(tmp_path):
    lake, copy = places_in(tmp_path, "lake", "copy")
    Wordings(copy).keep(dated(1, OLD))
    for name in ("v1/20269999T000000Z", "v1/later", "-/20260101T000000Z", "20260101T000000Z"):
        put(lake.root / HOME / FOLDER, f"_expired/{name}")
    assert Wordings(lake, copy).find([wording(1).cache_key]) == by_key([dated(1, OLD)])


# Export and import


def test_exported_wordings_are_taken_by_another_lake(kept, tmp_path):
    every = [*wordings(range(5)), *wordings(range(2), prompt_version="v2")]
    keep_each(kept, every)
    file = tmp_path / "wordings.parquet"
    assert export_wordings(kept, file) == 7
    first = file.read_bytes()
    kept.fold(everything=True)
    export_wordings(kept, file)
    assert file.read_bytes() == first
    (tmp_path / "other").mkdir()
    other = open_wordings(load_settings(lake=tmp_path / "other"))
    mine = wording(1, "the other lake's own")
    other.keep(mine)
    done = import_wordings(other, file, lambda _: ())
    assert (done.taken, done.known, done.refused) == (6, 1, ())
    assert other.find([one.cache_key for one in every]) == by_key(every) | {mine.cache_key: mine}
    assert import_wordings(other, file, lambda _: ()).known == 7


def test_unusable_rows_are_refused_and_others_taken(kept, tmp_path):
    file = exported(sorted(wordings(range(6)), key=lambda one: one.cache_key), tmp_path / "foreign.parquet")
    rows = pq.read_table(file).to_pylist()
    numbers = {row["cache_key"]: position for position, row in enumerate(rows)}
    rows[0]["cache_key"] = "../../escape"
    rows[1]["reply"] = "x" * 9_000
    rows[2]["prompt_version"] = None
    rows.append(dict(rows[4], reply="{}"))
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), file)

    def no_sixth_row(one: Wording) -> list[str]:
        return ["it names a number"] if numbers[one.cache_key] == 5 else []

    done = import_wordings(kept, file, no_sixth_row)
    assert (done.taken, done.known) == (2, 0)
    assert [(refused.row, refused.reasons) for refused in done.refused] == [
        (1, ("its cache_key: String should match pattern '^[0-9a-f]{64}$'",)),
        (2, ("its reply: String should have at most 8000 characters",)),
        (3, ("its configuration.prompt_version: Input should be a valid string",)),
        (6, ("it names a number",)),
        (7, ("an earlier row has its key",)),
    ]
    assert kept.count() == {"v1": 2}


def test_columns_of_an_export_stay_as_they_are():
    assert SCHEMA.names == [
        "cache_key", "prompt_version", "model", "temperature", "language", "pattern", "reply", "generated_at",
        "input_tokens", "output_tokens",
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a table at all", b"PAR1" * 100])
def test_file_that_is_not_a_table_changes_nothing(kept, tmp_path, place, content):
    file = tmp_path / "x.parquet"
    file.write_bytes(content)
    with pytest.raises(NotAnExport, match="not a table"):
        import_wordings(kept, file, lambda _: ())
    assert not place.exists()
