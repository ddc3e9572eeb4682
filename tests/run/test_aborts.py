"""DuckDB ends the process if the disk refuses even to cut its log: a sentence, and the code of a failure."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import ctypes
from pathlib import Path
from tribolake.run.warehouse import open_warehouse

with open_warehouse(Path({path!r})):
    ctypes.CDLL("libstdc++.so.6")["_ZSt9terminatev"]()  # as DuckDB does
"""


def test_abort_in_duckdb_is_a_sentence_and_a_failure(tmp_path):
    program = PROGRAM.format(path=str(tmp_path / "w.duckdb"))
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("tribolake: the disk of the warehouse is full or fails")
    assert ended.stderr.count("\n") == 1
