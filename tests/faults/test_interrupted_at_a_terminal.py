"""Ctrl-C at a terminal, SIGTERM or SIGHUP, in every stage of a run: 130, a line and no traceback."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tribolake.oil.synth import write_sample_lake

SECONDS = 120
# What a run shows when it begins a stage, the seconds after that at which it is ended, and how. None is Ctrl-C.
MOMENTS = (
    ("discover", 0.0, None),
    ("discover", 0.0, signal.SIGTERM),
    ("first run", 0.0, signal.SIGHUP),
    ("stg_", 0.0, None),
    ("stg_", 0.5, signal.SIGTERM),
    ("int_", 0.5, None),
    ("publish", 0.0, signal.SIGTERM),
    ("history", 0.0, None),
)


def interrupted(words: list[str], stage: str, after: float, by: signal.Signals | None) -> tuple[int, str]:
    """Run a command at a terminal and end it in a stage. Returns its exit code and what it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_take_the_terminal,  # noqa: PLW1509 - one thread
    )
    os.close(theirs)
    shown = b""
    pressed = False
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        try:
            came = os.read(ours, 2**16)
        except OSError:  # the terminal has no process any more
            break
        if not came:
            break
        shown += came
        if not pressed and stage.encode() in shown:
            time.sleep(after)
            if by is None:
                os.write(ours, b"\x03")
            else:
                process.send_signal(by)
            pressed = True
    os.close(ours)
    code = process.wait(SECONDS)
    assert pressed, shown
    return code, shown.decode(errors="replace")


def _take_the_terminal() -> None:
    import fcntl  # noqa: PLC0415 - in the child
    import termios  # noqa: PLC0415

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no terminal of this kind")
def test_interrupt_ends_with_130_in_every_stage(tmp_path: Path, tribolake):
    write_sample_lake(tmp_path, finning_units=1, als_units=1, months=2, dirty=False)
    words = [sys.executable, "-m", "tribolake", "run", "--lake", str(tmp_path)]
    for stage, after, by in MOMENTS:
        code, shown = interrupted(words, stage, after, by)
        assert code == 130, (stage, code, shown)
        assert "Traceback" not in shown, (stage, shown)
        assert "no message" not in shown, (stage, shown)
        assert "tribolake: stopped before it ended" in shown, (stage, shown)
    ended = tribolake("run", "--lake", str(tmp_path))
    assert ended.returncode in (0, 4), ended.stdout + ended.stderr
    assert tribolake("verify", "--lake", str(tmp_path)).returncode == 0
