"""Arrivals are found by listing and comparing. File names are never trusted."""

from __future__ import annotations

import csv
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote_plus

import duckdb
import pytest

from tribolake.lake import folder
from tribolake.lake.files import EARLIEST, LATEST
from tribolake.lake.folder import FolderLake
from tribolake.lake.ignored import SEED, kind_of_ignored
from tribolake.lake.inbox import Inbox
from tribolake.lake.ledger import LEDGER_QUERY, Ledger, new_files
from tribolake.oil.reading import read_arrivals
from tribolake.readers.layout import FileLayout, SheetLayout
from tribolake.watch.messages import WatchedPlaces, arrived_keys


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path, "oil-analysis")


def put(lake: FolderLake, key: str, content: bytes = b"x") -> Path:
    path = lake.home / "bronze" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


WATCHED = WatchedPlaces("mine", [Inbox.below("oil-analysis")])


def event_of(key: str) -> str:
    created = {"bucket": {"name": "mine"}, "object": {"key": quote_plus(key)}}
    return json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": created}]})


def ignored_rows() -> list[tuple[str, str]]:
    with SEED.open(encoding="utf-8", newline="") as file:
        return [(row["pattern"], row["kind"]) for row in csv.DictReader(file)]


def example_of(pattern: str) -> str:
    """Return a name that matches a pattern."""
    digits = re.sub(r"\[0-9[^]]*\]", "7", pattern).replace("[12]", "1").replace("[[]", "[")
    return digits.replace("*", "x")


def test_listing_reads_client_and_date_from_the_path(lake):
    put(lake, "cda/2026-01-31/T-09.xlsx")
    put(lake, "EMIN/muestras.parquet")
    found = lake.list_bronze()
    assert [(file.client, str(file.partition_date), file.key) for file in found] == [
        ("emin", "None", "oil-analysis/bronze/EMIN/muestras.parquet"),
        ("cda", "2026-01-31", "oil-analysis/bronze/cda/2026-01-31/T-09.xlsx"),
    ]


IGNORED = [
    "~$T-09.xlsx", ".hidden.xlsx", "T-09.xlsx.part", "T-09.tmp", "T-09.xlsx.crdownload", "T-09.xlsx.filepart",
    "Thumbs.db", "THUMBS.DB", "desktop.ini", "Icon\r", "Icon\uf00d", ".DS_Store", "._T-09.xlsx", ".nfs000000001",
    "T-09.sync-conflict-20260131-101112-ABCDEFG.xlsx", "T-09 (Ana's conflicted copy 2026-01-31).xlsx",
    "T-09 (copia en conflicto de Ana 2026-01-31).xlsx", "T-09 (SFConflict ana@mina.cl 2026-01-31-10-11-12).xlsx",
    "T-09_conflict-20260131-101112.xlsx", "T-09 [conflicted].xlsx", "T-09-DESKTOP-4AB12CD.xlsx",
    "~syncthing~T-09.xlsx.tmp", ".owncloudsync.log", "T-09~20260131-101112.xlsx", "T-09.xlsx~", "T-09.xlsx.bak",
    "T-09 (2026_01_31 10_11_12 UTC).xlsx", "T-09.xlsx 2026-01-31 101112.xlsx", "bronze_$folder$",
]  # fmt: skip
IGNORED_FOLDERS = [
    "$RECYCLE.BIN", ".Trash-1000", ".stversions", ".stversions.old", "stversions", ".stfolder", "@eaDir", "#recycle",
    "@Recycle", ".snapshot", "~snapshot", "#snapshot", ".dropbox.cache", "System Volume Information", "__MACOSX",
    "@GMT-2026.01.31-10.11.12", "lost+found", "cda.sync-conflict-20260131-101112-ABCDEFG",
]  # fmt: skip


@pytest.mark.parametrize("name", IGNORED)
def test_name_that_a_program_leaves_is_no_delivery(lake, name):
    put(lake, f"cda/2026-01-31/{name}")
    looked = lake.look()
    assert (looked.files, sum(looked.passed_over.values())) == ([], 1)
    assert arrived_keys(event_of(f"oil-analysis/bronze/cda/2026-01-31/{name}"), WATCHED) == []


@pytest.mark.parametrize("name", IGNORED_FOLDERS)
@pytest.mark.parametrize("place", ["{}/2026-01-31", "cda/{}", "cda/2026-01-31/{}/more"])
def test_folder_that_a_program_leaves_is_no_delivery(lake, name, place):
    put(lake, f"{place.format(name)}/T-09.xlsx")
    looked = lake.look()
    assert (looked.files, sum(looked.passed_over.values())) == ([], 1)
    assert arrived_keys(event_of(f"oil-analysis/bronze/{place.format(name)}/T-09.xlsx"), WATCHED) == []


@pytest.mark.parametrize(
    "name",
    ["T-09.xlsx", "T-09 (1).xlsx", "T-09 - copia.xlsx", "Copy of T-09.xlsx", "Iconos.xlsx", "20260131.csv",
     "T-09.v2.xlsx", "conflicto hidráulico.xlsx", "#9.xlsx", "T-09~1.xlsx", "partes.xlsx",
     "muestras 2026-01-31 101112.xlsx"],
)  # fmt: skip
def test_name_that_a_person_gives_is_a_delivery(lake, name):
    put(lake, f"cda/2026-01-31/{name}")
    assert [file.key.rpartition("/")[2] for file in lake.list_bronze()] == [name]
    assert arrived_keys(event_of(f"oil-analysis/bronze/cda/2026-01-31/{name}"), WATCHED) != []


def test_every_row_of_the_seed_is_the_first_for_a_name():
    seen = {pattern: kind_of_ignored([example_of(pattern)]) for pattern, _ in ignored_rows()}
    assert seen == dict(ignored_rows())


def test_link_in_a_client_folder_is_followed_inside_it_only(lake, tmp_path):
    elsewhere = tmp_path / "nas" / "cda"
    elsewhere.mkdir(parents=True)
    (elsewhere / "T-10.xlsx").write_bytes(b"x")
    put(lake, "cda/2026-01-31/T-09.xlsx")
    put(lake, "cda/.stversions/T-08.xlsx")
    put(lake, "emin/M-01.parquet")
    bronze = lake.home / "bronze"
    (bronze / "cda" / "T-11.xlsx").symlink_to(bronze / "cda" / "2026-01-31" / "T-09.xlsx")
    (bronze / "cda" / "latest").symlink_to("2026-01-31")
    (bronze / "cda" / "round").symlink_to(bronze / "cda")
    outside = {
        "nas": elsewhere, "aaa": bronze / "cda", "cda/T-12.xlsx": elsewhere / "T-10.xlsx", "emin/zzz": bronze / "cda",
        "cda/emin": bronze / "emin", "cda/all": bronze, "cda/nas": elsewhere, "cda/gone.xlsx": bronze / "cda" / "no",
        "cda/old.xlsx": bronze / "cda" / ".stversions" / "T-08.xlsx", "loose.xlsx": elsewhere / "T-10.xlsx",
        "cda/self": bronze / "cda" / "self",
    }  # fmt: skip
    for name, target in outside.items():
        (bronze / name).symlink_to(target)
    looked = lake.look()
    assert [file.key.split("/bronze/")[1] for file in looked.files] == [
        "cda/2026-01-31/T-09.xlsx", "cda/T-11.xlsx", "emin/M-01.parquet"
    ]  # fmt: skip
    assert [key.split("/bronze/")[1] for key in looked.skipped_links] == sorted(outside)
    strict = FolderLake(lake.root, lake.prefix, follow_links=False)
    assert [file.key.split("/bronze/")[1] for file in strict.list_bronze()] == [
        "cda/2026-01-31/T-09.xlsx", "emin/M-01.parquet"
    ]  # fmt: skip


@pytest.mark.parametrize("seconds", [253402300800, -62135596801, 1e18, -1e18])
def test_time_outside_of_what_python_holds_is_clamped(lake, seconds, monkeypatch):
    # Only some file systems can store such times.
    stat = os.stat_result((*put(lake, "cda/T-09.xlsx").stat()[:8], int(seconds), 0))
    monkeypatch.setattr(folder, "_stat_of_file", lambda _: stat)
    (file,) = lake.list_bronze()
    assert file.modified_at == (LATEST if seconds > 0 else EARLIEST)


@pytest.mark.parametrize("key", ["../secret.xlsx", "/etc/passwd", "oil-analysis/../../secret"])
def test_key_that_leads_out_of_the_lake_is_refused(lake, key):
    with pytest.raises(ValueError, match="not a key of this lake"):
        lake.path(key)


def test_file_name_that_is_not_text_fails_alone(settings):
    lake = FolderLake(settings.lake, settings.prefix)
    put(lake, "cda/T-09.xlsx")
    Path(os.fsdecode(os.fsencode(lake.home / "bronze" / "cda") + b"/T-\xff.xlsx")).write_bytes(b"x")
    (lake.home / "bronze" / "cda" / "nowhere.xlsx").symlink_to(lake.root / "nothing")
    os.mkfifo(lake.home / "bronze" / "cda" / "pipe.xlsx")
    layouts = {"cda": FileLayout((SheetLayout("OIL", "Sample"),))}
    named, nameless = read_arrivals(settings, "run", lake.list_bronze(), Ledger.of([]), layouts)
    assert "the text file has no 'Sample' column" in str(named["message"])
    assert "cannot be opened" in str(nameless["message"])
    assert "T-\ufffd.xlsx" in str(nameless["file_key"])


def ledger_row(file, sha256="s", status="loaded", size=None, modified=None):
    return (file.client, file.key, size or file.size_bytes, modified or file.modified_at, sha256, False, status)


def test_known_file_is_new_only_after_its_size_or_time_changed(lake):
    path = put(lake, "cda/T-09.xlsx")
    (file,) = lake.list_bronze()
    ledger = Ledger.of([ledger_row(file)])
    assert new_files(lake, ledger) == []
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))
    assert len(new_files(lake, ledger)) == 1


def test_failed_file_is_new_only_after_a_retry_request(lake):
    put(lake, "cda/T-09.xlsx")
    (file,) = lake.list_bronze()
    row = ledger_row(file, status="failed")
    assert new_files(lake, Ledger.of([row])) == []
    assert new_files(lake, Ledger.of([row], retry_failed=True)) == [file]


def test_known_file_with_time_in_another_zone_is_not_new(lake):
    put(lake, "cda/T-09.xlsx")
    (file,) = lake.list_bronze()
    local = file.modified_at.astimezone(datetime.now(UTC).astimezone().tzinfo) + timedelta(0)
    assert new_files(lake, Ledger.of([ledger_row(file, modified=local)])) == []


def test_arrival_of_an_undeclared_client_fails_with_advice(settings):
    lake = FolderLake(settings.lake, settings.prefix)
    put(lake, "quellaveco/T-1.xlsx")
    put(lake, "Bad Name;drop/T-1.xlsx")
    bad, undeclared = read_arrivals(settings, "run", lake.list_bronze(), Ledger.of([]), {})
    assert (bad["status"], undeclared["status"]) == ("failed", "failed")
    assert "use a-z, 0-9, - and _" in str(bad["message"])
    assert "add a row to seeds/oil/clients.csv" in str(undeclared["message"])


def ledger_of(*arrivals: tuple[str, str, bool, str], retried_at: str | None = None) -> Ledger:
    """Make the ledger of one file's arrivals: (content, status, is_transient, arrived_at)."""
    with duckdb.connect() as connection:
        connection.execute("""
            create table arrivals (client varchar, file_key varchar, size_bytes bigint, modified_at timestamptz,
                                   sha256 varchar, status varchar, is_transient boolean, message varchar,
                                   arrived_at timestamptz);
            create table retries (file_key varchar, asked_at timestamptz)
        """)
        for sha256, status, is_transient, arrived_at in arrivals:
            connection.execute(
                "insert into arrivals values ('cda', 'k', 1, timestamptz '2026-01-01', ?, ?, ?, null, ?)",
                [sha256, status, is_transient, arrived_at],
            )
        if retried_at:
            connection.execute("insert into retries values ('k', ?)", [retried_at])
        return Ledger.of(connection.execute(LEDGER_QUERY.format(arrivals="arrivals", retries="retries")).fetchall())


def test_file_with_wrong_content_waits_for_a_retry_request():
    failed = ("s", "failed", False, "2026-01-02")
    assert len(ledger_of(failed).files) == 1
    assert len(ledger_of(failed, retried_at="2026-01-03").files) == 0
    assert len(ledger_of(failed, ("s", "failed", False, "2026-01-04"), retried_at="2026-01-03").files) == 1


def test_file_that_could_not_be_opened_is_tried_five_times():
    attempts = [("", "failed", True, f"2026-01-0{day}") for day in range(1, 6)]
    assert len(ledger_of(*attempts[:4]).files) == 0
    assert len(ledger_of(*attempts).files) == 1
    assert len(ledger_of(*attempts[:2], ("s", "loaded", False, "2026-01-07")).files) == 1
