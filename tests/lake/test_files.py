"""Files are put into place whole, whatever stands there."""

from __future__ import annotations

from pathlib import Path

from tribolake.lake.files import partial_path, replace_durably


def test_finished_file_takes_the_place_of_a_folder(tmp_path: Path):
    path = tmp_path / "report.parquet"
    path.mkdir()
    (path / "of another program").write_text("x")
    partial = partial_path(path)
    partial.write_bytes(b"finished")
    replace_durably(partial, path)
    assert path.read_bytes() == b"finished"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
