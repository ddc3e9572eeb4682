"""Test what an entry of feedback may say, that it is written once, and that bad objects harm none of the others."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.errors import ConfigurationError
from tribolake.lake.objects import FolderObjects, ObjectExists
from tribolake.oil.feedback.entry import KINDS, OF_KIND, Entry, new_entry, standing
from tribolake.oil.feedback.shelf import MOST_BYTES, add_entry, folder_of, key_of, read_feedback
from tribolake.oil.feedback.ulid import new_ulid
from tribolake.settings import Settings

HOME = "oil-analysis"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPORT = {
    "client": "CDA",
    "laboratory": "finning",
    "sampleNumber": "2026-000123",
    "sampleOccurrence": "",
    "unitId": "../T_09\x00",
    "componentName": "motor diésel",
}
SAYS = {
    "seen": {},
    "confirmed": {"finding": "cojinete gastado", "cost_usd": 12000.5, "hours_saved": 8},
    "false_alarm": {},
    "nothing_found": {},
    "assigned": {"assigned_to": "turno B"},
    "due": {"due_on": date(2026, 3, 9)},
    "withdrawn": {"withdraws": new_ulid(NOW)},
}


def entry_of(kind: str = "seen", at: datetime = NOW, **said: object) -> Entry:
    return new_entry(REPORT, kind, "A. Rojas", at, **(SAYS[kind] | said))  # type: ignore[arg-type]


def objects_of(settings: Settings) -> FolderObjects:
    return FolderObjects(settings.lake, settings.prefix)


@pytest.mark.parametrize("kind", KINDS)
def test_entry_of_each_kind_is_read_as_it_was_written(settings: Settings, kind: str):
    entry = entry_of(kind, note="line\r\nand  line")
    key = add_entry(settings, entry)
    assert key == f"{HOME}/feedback/cda/2026-03-01/{entry.entry_id}.json"
    found = read_feedback(objects_of(settings), "cda")
    assert (found.entries, found.unreadable) == ((entry,), ())
    assert entry.note == "line and line"
    assert entry.unit_id == REPORT["unitId"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OF_KIND)
def test_field_of_one_kind_is_refused_in_another(kind: str, name: str):
    owner, is_needed = OF_KIND[name]
    if kind == owner:
        if is_needed:
            with pytest.raises(ConfigurationError, match=name):
                entry_of(kind, **{name: None})
    else:
        with pytest.raises(ConfigurationError, match=name):
            entry_of(kind, **{name: SAYS[owner][name]})


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("seen", {"note": "x" * 2001}),
        ("seen", {"note": "half a pair \ud800"}),
        ("seen", {"anything": "else"}),
        ("confirmed", {"finding": "x" * 501}),
        ("confirmed", {"cost_usd": -1.0}),
        ("confirmed", {"cost_usd": float("inf")}),
        ("confirmed", {"cost_usd": float("nan")}),
        ("confirmed", {"hours_saved": 1e10}),
        ("assigned", {"assigned_to": "x" * 81}),
        ("due", {"due_on": "soon"}),
        ("withdrawn", {"withdraws": "../../gold"}),
    ],
)
def test_entry_that_says_too_much_is_refused(kind: str, said: dict):
    with pytest.raises(ConfigurationError, match="cannot be stored"):
        entry_of(kind, **said)


@pytest.mark.parametrize("report", [{"client": "../gold"}, {"client": "a/b"}, {"client": ""}, {"unitId": "x" * 1001}])
def test_report_whose_name_cannot_be_stored_is_refused(report: dict):
    with pytest.raises(ConfigurationError):
        new_entry(REPORT | report, "seen", "A. Rojas", NOW)


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_writer_without_a_usable_name_is_refused(name: str):
    with pytest.raises(ConfigurationError, match="written_by"):
        new_entry(REPORT, "seen", name, NOW)


@pytest.mark.parametrize("client", ["../gold", "a/b", "", ".", "CDA", "a\n", "x" * 65])
def test_no_key_has_an_unchecked_client(client: str):
    with pytest.raises(ConfigurationError):
        folder_of(HOME, client)


def test_longest_entry_can_be_read_again(settings: Settings):
    control = "\x01"  # six bytes in JSON
    report = REPORT | dict.fromkeys(("laboratory", "sampleNumber", "sampleOccurrence"), control * 1000)
    report |= {"unitId": control * 1000, "componentName": control * 1000}
    entry = new_entry(report, "confirmed", control * 80, NOW, note=control * 2000, finding=control * 500)
    add_entry(settings, entry)
    assert len(entry.as_json()) < MOST_BYTES
    assert read_feedback(objects_of(settings), "cda").entries == (entry,)


def test_entry_is_never_overwritten(settings: Settings):
    entry = entry_of(note="first")
    add_entry(settings, entry)
    add_entry(settings, entry)
    with pytest.raises(ObjectExists):
        add_entry(settings, entry.model_copy(update={"note": "second"}))
    assert [one.note for one in read_feedback(objects_of(settings), "cda").entries] == ["first"]


def test_lake_without_feedback_has_none(settings: Settings):
    assert read_feedback(objects_of(settings)) == read_feedback(objects_of(settings), "cda")
    assert not read_feedback(objects_of(settings)).entries


def bad_contents(entry: Entry) -> dict[str, bytes]:
    said = json.loads(entry.as_json())
    return {
        "empty": b"",
        "torn": entry.as_json()[:40],
        "not JSON": b"\xff\xfe{",
        "a list": b"[]",
        "deep": b"[" * 20_000,
        "too large": entry.as_json() + b" " * MOST_BYTES,
        "later release": json.dumps(said | {"format": 2}).encode(),
        "unknown field": json.dumps(said | {"admin": True}).encode(),
        "number for a text": json.dumps(said | {"note": 3}).encode(),
        "text for a number": json.dumps(said | {"kind": "confirmed", "finding": "f", "cost_usd": "3"}).encode(),
        "no time zone": json.dumps(said | {"written_at": "2026-03-01T12:00:00"}).encode(),
        "another client": json.dumps(said | {"client": "emin"}).encode(),
        "another day": json.dumps(said | {"written_at": "2026-03-02T12:00:00Z"}).encode(),
        "another id": json.dumps(said | {"entry_id": new_ulid(NOW)}).encode(),
    }


def test_objects_that_are_not_entries_are_counted_and_harm_no_other(settings: Settings):
    good = entry_of()
    add_entry(settings, good)
    home = settings.lake / HOME / "feedback"
    names = list(bad_contents(good))
    for name in names:
        written = entry_of()
        path = home / "cda" / "2026-03-01" / f"{written.entry_id}.json"
        path.write_bytes(bad_contents(written)[name])
    (home / "cda" / "readme.txt").write_text("notes")
    (home / "CDA").mkdir()
    (home / "CDA" / "x.json").write_text("{}")
    (home / "cda" / "2026-03-01" / ".01.partial").write_text("a writer is about to rename it")
    (home / "cda" / "2026-03-01" / "link.json").symlink_to("/etc/hostname")
    found = read_feedback(objects_of(settings))
    assert found.entries == (good,)
    assert len(found.unreadable) == len(names) + 2
    assert all(one.problem and "\n" not in one.problem for one in found.unreadable)


@given(content=st.binary(max_size=300) | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(
    lambda value: json.dumps(value).encode()
))  # fmt: skip
def test_no_content_stops_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    root = tmp_path_factory.getbasetemp() / "any content"
    path = root / HOME / "feedback" / "cda" / "2026-03-01" / f"{'0' * 26}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    found = read_feedback(FolderObjects(root, HOME))
    assert (len(found.entries), len(found.unreadable)) == (0, 1)


def test_known_entries_are_not_read_again(settings: Settings):
    entry = entry_of()
    key = add_entry(settings, entry)
    known: dict = {}
    read_feedback(objects_of(settings), "cda", known)
    Path(settings.lake, key).chmod(0o644)
    Path(settings.lake, key).write_text("altered")
    assert read_feedback(objects_of(settings), "cda", known).entries == (entry,)
    Path(settings.lake, key).unlink()
    assert read_feedback(objects_of(settings), "cda", known).entries == ()


def test_withdrawn_entry_stays_and_no_longer_stands():
    first, other = entry_of("false_alarm"), entry_of("seen")
    back = entry_of("withdrawn", withdraws=first.entry_id)
    of_the_withdrawal = entry_of("withdrawn", withdraws=back.entry_id)
    assert standing((first, other, back)) == (other,)
    assert standing((first, other, back, of_the_withdrawal)) == (other,)
    elsewhere = back.model_copy(update={"client": "emin"})
    assert standing((first, elsewhere)) == (first,)


@given(moments=st.lists(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)), min_size=2))
def test_ulids_sort_by_time(moments: list[datetime]):
    spaced = sorted({moment.replace(microsecond=0) for moment in moments})
    names = [new_ulid(moment) for moment in spaced]
    assert names == sorted(names)
    assert len(set(names)) == len(names)
    assert all(key_of(HOME, entry_of(at=moment)) for moment in spaced[:3])


def test_day_of_a_key_is_that_of_utc():
    evening_in_lima = datetime.fromisoformat("2026-02-28T20:00:00-05:00")
    assert "/2026-03-01/" in key_of(HOME, entry_of(at=evening_in_lima))
