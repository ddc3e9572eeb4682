"""Tell whether a file is at rest: readable, and not open for writing on this machine."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path


def is_at_rest(path: Path) -> bool:
    """Return True if a file can be read and, as far as the system knows, no program has it open for writing.

    This tells a copy that pauses from a copy that has ended. For the owner of a file on a local disk the system grants
    a read lease only if there is no writer: see fcntl(2), F_SETLEASE. The lease is returned at once. A program that
    opens the file for writing in between waits for microseconds. This process then gets SIGIO, which it must ignore.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        # Any other error: no leases here (a network mount, another owner's file). Size and time must suffice.
        return error.errno != errno.EAGAIN
    finally:
        os.close(file)
    return True
