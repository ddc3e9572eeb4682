"""The standard streams: closed, full, and in a locale that is not UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tribolake.cli.options import Exit

TRIBOLAKE = Path(sys.executable).with_name("tribolake")
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def call(words: str, **streams: int | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TRIBOLAKE, *words.split()], **{"stderr": subprocess.PIPE} | streams, text=True, check=False)


def test_closed_pipe_does_not_fail_a_command():
    read, write = os.pipe()
    os.close(read)
    done = call("config reference", stdout=write)
    both = call("--version", stdout=write, stderr=write)
    os.close(write)
    assert (done.returncode, done.stderr, both.returncode) == (Exit.OK, "", Exit.OK)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(("words", "code"), [("config reference", Exit.FAILED), ("run --help", Exit.OK)])
def test_full_output_is_said_and_fails_commands_that_only_print(words, code):
    with Path("/dev/full").open("w") as full:
        done = call(words, stdout=full.fileno())
    assert (done.returncode, done.stderr) == (
        code,
        "tribolake: the output cannot be written: No space left on device\n",
    )


def test_closed_streams_are_given_to_no_file(tmp_path):
    script = f"exec {TRIBOLAKE} synth --lake {tmp_path} --finning-units 1 --als-units 1 --months 1 <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", script], check=False).returncode == Exit.OK
    assert len(list(tmp_path.rglob("*.parquet"))) == 2


def test_names_are_utf_8_in_any_locale(tmp_path):
    words = [TRIBOLAKE, "config", "show", "--lake", tmp_path / "ñandú"]
    done = subprocess.run(words, capture_output=True, env=os.environ | ASCII, check=False)
    assert (done.returncode, done.stderr) == (Exit.OK, b"")
    assert "ñandú" in done.stdout.decode()
