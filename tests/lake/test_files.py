"""Files are put into place whole, whatever stands there."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tribolake.lake.files import make_folder, partial_path, place_folder, replace_durably


def test_finished_file_takes_the_place_of_a_folder(tmp_path: Path):
    path = tmp_path / "report.parquet"
    path.mkdir()
    (path / "of another program").write_text("x")
    partial = partial_path(path)
    partial.write_bytes(b"finished")
    replace_durably(partial, path)
    assert path.read_bytes() == b"finished"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("round_", range(20))
def test_threads_that_make_folders_keep_the_files_of_each_other(tmp_path: Path, round_: int):
    """Reproduces the history of a client that was gone: its folder was renamed as if another program had put it."""
    folders = [tmp_path / f"{level}" / client / table for level in "ab" for client in "cd" for table in "efgh"]

    def write(folder: Path) -> None:
        make_folder(folder, tmp_path)
        (folder / "rows").write_text("x")

    with ThreadPoolExecutor(len(folders)) as threads:
        list(threads.map(write, folders))
    assert [folder for folder in folders if not (folder / "rows").is_file()] == []


@pytest.mark.parametrize("kind", ["file", "dangling link", "pipe"])
def test_what_stands_in_the_place_of_a_folder_is_renamed(tmp_path: Path, kind: str):
    place = tmp_path / "gold"
    match kind:
        case "file":
            place.write_text("x")
        case "dangling link":
            place.symlink_to("nowhere")
        case _:
            os.mkfifo(place)
    make_folder(place / "cda", tmp_path)
    assert (place / "cda").is_dir()
    assert os.path.lexists(tmp_path / ".gold.before")


def test_folder_that_a_dead_writer_left_is_removed_by_the_next_one(tmp_path: Path):
    (tmp_path / ".run-2.partial").mkdir()
    (tmp_path / ".run-2.partial" / "rows.parquet").write_bytes(b"half")
    finished = tmp_path / "rows.parquet"
    finished.write_bytes(b"whole")
    place_folder([finished], tmp_path / "run-9")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.parquet", "run-9"]
