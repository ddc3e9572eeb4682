"""Arrivals are found by listing and comparing. File names are never trusted."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tribolake.lake.folder import FolderLake
from tribolake.lake.ledger import LEDGER_QUERY, Ledger, new_files
from tribolake.oil.reading import read_arrivals
from tribolake.readers.layout import SheetLayout


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path, "oil-analysis")


def put(lake: FolderLake, key: str, content: bytes = b"x") -> Path:
    path = lake.home / "bronze" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_listing_reads_client_and_date_from_the_path(lake):
    put(lake, "cda/2026-01-31/T-09.xlsx")
    put(lake, "EMIN/muestras.parquet")
    found = lake.list_bronze()
    assert [(file.client, str(file.partition_date), file.key) for file in found] == [
        ("emin", "None", "oil-analysis/bronze/EMIN/muestras.parquet"),
        ("cda", "2026-01-31", "oil-analysis/bronze/cda/2026-01-31/T-09.xlsx"),
    ]


@pytest.mark.parametrize("name", ["~$T-09.xlsx", ".hidden.xlsx", "T-09.xlsx.part", "T-09.tmp"])
def test_lock_file_or_unfinished_copy_is_not_an_arrival(lake, name):
    put(lake, f"cda/{name}")
    assert lake.list_bronze() == []


def test_links_are_followed_once_and_only_if_allowed(lake, tmp_path):
    elsewhere = tmp_path / "nas" / "cda"
    elsewhere.mkdir(parents=True)
    (elsewhere / "T-10.xlsx").write_bytes(b"x")
    put(lake, "cda/T-09.xlsx")
    bronze = lake.home / "bronze"
    (bronze / "cda" / "T-11.xlsx").symlink_to(elsewhere / "T-10.xlsx")
    (bronze / "nas").symlink_to(elsewhere)
    (bronze / "cda" / "round").symlink_to(bronze / "cda")
    names = [file.key.split("/bronze/")[1] for file in lake.list_bronze()]
    assert names == ["cda/T-09.xlsx", "cda/T-11.xlsx", "nas/T-10.xlsx"]
    strict = FolderLake(lake.root, lake.prefix, follow_links=False)
    assert [file.key.split("/bronze/")[1] for file in strict.list_bronze()] == ["cda/T-09.xlsx"]


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
    layouts = {"cda": (SheetLayout("OIL", "x"),)}
    named, nameless = read_arrivals(settings, "run", lake.list_bronze(), Ledger.of([]), layouts)
    assert "neither an Excel workbook" in str(named["message"])
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
                                   sha256 varchar, status varchar, is_transient boolean, arrived_at timestamptz);
            create table retries (file_key varchar, asked_at timestamptz)
        """)
        for sha256, status, is_transient, arrived_at in arrivals:
            connection.execute(
                "insert into arrivals values ('cda', 'k', 1, timestamptz '2026-01-01', ?, ?, ?, ?)",
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
