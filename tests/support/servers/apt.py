"""Programs of the distribution that slow tests need."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

MAY_INSTALL = "TRIBOLAKE_TEST_INSTALL"  # 1 lets tests install programs. What cannot be installed then is a failure.


class ProgramsMissing(Exception):
    """Programs are missing and cannot be installed here. The message names the command to install them."""


def install_packages(programs: Sequence[str], packages: Sequence[str]) -> None:
    """Install packages that have the programs, as root on Debian, if tests may install programs.

    A program whose name begins with `lib` is a library, such as `libpango-1.0.so.0`.

    Raises:
        ProgramsMissing: programs are missing and were not installed.
    """
    if not _missing(programs):
        return
    command = ("apt-get", "install", "--no-install-recommends", "-y", "-qq", *packages)
    advice = f"no {', '.join(_missing(programs))}: as root run `{' '.join(command)}`, or set {MAY_INSTALL}=1"
    if os.environ.get(MAY_INSTALL) != "1" or os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ProgramsMissing(advice)
    print(f"installing {', '.join(packages)} (a minute)", file=sys.__stderr__, flush=True)
    # Two test workers may install at the same time, and the second `apt-get` would fail at the lock of the first.
    with FileLock(Path(tempfile.gettempdir()) / "tribolake-test-install.lock"):
        if not _missing(programs):
            return
        for words in (("apt-get", "update", "-qq"), command):
            environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
            ended = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
            if ended.returncode:
                raise ProgramsMissing(f"{advice} (tried, with the error: {ended.stderr.strip()[-300:]})")


def _missing(programs: Sequence[str]) -> list[str]:
    return [name for name in programs if not (_has_library(name) if name.startswith("lib") else shutil.which(name))]


def _has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
