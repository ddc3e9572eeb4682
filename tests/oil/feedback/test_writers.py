"""Test writers of feedback that are killed, and writers that write at once."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.server import S3Server

from tribolake.lake.objects import FolderObjects
from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.entry import new_entry
from tribolake.oil.feedback.shelf import add_entry, read_feedback
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.slow
WRITERS, ENTRIES, KILLS = 8, 100, 5
REPORT = {
    "client": "CDA", "laboratory": "finning", "sampleNumber": "1", "sampleOccurrence": "", "unitId": "T_09",
    "componentName": "motor",
}  # fmt: skip
SPAWN = multiprocessing.get_context("spawn")


def write(lake: str, state: Path, name: str, most: int, stored: Connection | None = None) -> None:
    """Store entries one after the other, in a process of its own. Each that is stored is told."""
    settings = load_settings(lake=lake, state_dir=state)
    for number in range(most):
        entry = new_entry(REPORT, "seen", name, datetime.now(UTC), note=f"{number}")
        add_entry(settings, entry)
        if stored:
            stored.send(entry.entry_id)


def write_at_once(lake: str, state: Path) -> None:
    writers = [SPAWN.Process(target=write, args=(lake, state, f"writer {n}", ENTRIES)) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * WRITERS


def check_all_are_there(settings: Settings) -> None:
    found = read_feedback(open_objects(settings))
    assert found.unreadable == ()
    said = {(entry.written_by, entry.note) for entry in found.entries}
    assert len(found.entries) == len(said) == len({entry.entry_id for entry in found.entries}) == WRITERS * ENTRIES


def test_killed_writer_leaves_whole_entries(settings: Settings):
    chance = random.Random(35)  # noqa: S311 - moments to kill at
    told = set()
    for kill in range(KILLS):
        stored, theirs = SPAWN.Pipe(duplex=False)
        writer = SPAWN.Process(target=write, args=(str(settings.lake), settings.state, f"{kill}", 100_000, theirs))
        writer.start()
        theirs.close()
        told.add(stored.recv())
        time.sleep(chance.uniform(0, 0.05))
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
        while stored.poll():
            try:
                told.add(stored.recv())
            except EOFError:
                break
        found = read_feedback(FolderObjects(settings.lake, settings.prefix))
        assert found.unreadable == ()
        assert told <= {entry.entry_id for entry in found.entries}


def test_writers_at_once_lose_nothing_in_a_folder(settings: Settings):
    write_at_once(str(settings.lake), settings.state)
    check_all_are_there(settings)


@pytest.mark.thorough
def test_writers_at_once_lose_nothing_in_a_bucket(moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    lake = f"s3://{new_buckets(moto).lake}"
    write_at_once(lake, tmp_path / "state")
    check_all_are_there(load_settings(lake=lake, state_dir=tmp_path / "state"))
