"""Is a file at rest: readable, and open for writing by no program of this machine?"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path


def is_at_rest(path: Path) -> bool:
    """Whether a file can be read and, where the system can tell, nobody has it open for writing.

    A copy that pauses for longer than files take to settle is so told from one that has ended. The system tells the
    owner of a file on a local disk: it grants a read lease only where there is no writer, see fcntl(2), F_SETLEASE.
    The lease is given back at once; a program that opens the file for writing in between waits for microseconds, and
    this process gets SIGIO, which it must ignore.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        # Any other answer: no leases here (a network mount, somebody else's file), size and time must do.
        return error.errno != errno.EAGAIN
    finally:
        os.close(file)
    return True
