"""Errors whose messages say what to do."""

from __future__ import annotations

import errno
import re

DAMAGED = "Move the warehouse away, or restore a copy of it: the next run builds it again from bronze"
DAMAGED_WAREHOUSE = re.compile(r"Corrupt database file|not a valid DuckDB database|checksum .* does not match")
# A file stands in the place of a folder, a folder in that of a file, or a link to itself.
OTHER_KIND = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO})

# What DuckDB and the system say of a disk that is full, fails or refuses, and of a limit of the user, however deep in a
# message, and what to do.
DISK = (
    (
        re.compile(r"No space left on device|No more space|disk is full|Disk quota exceeded", re.IGNORECASE),
        "the disk is full. Free some space, and start the command again",
    ),
    (
        re.compile(r"Input/output error|fsync failed"),
        "the disk fails. Look for its error in the system's log, then run again",
    ),
    (
        re.compile(r"Read-only file system"),
        "the disk can only be read. It was mounted so, or it failed and the system's log says why",
    ),
    (
        re.compile(r"File too large"),
        "a limit of this user, or the file system, forbids files of this size. Raise it (`ulimit -f`, `LimitFSIZE`)",
    ),
    (
        re.compile(r"Too many open files"),
        "a limit of this user or of the system. Raise it (`ulimit -n`, `LimitNOFILE`)",
    ),
    (
        re.compile(r"can't start new thread|Resource temporarily unavailable"),
        "this user has too many processes and threads. End some, or raise the limit (`ulimit -u`, `TasksMax`)",
    ),
    (
        re.compile(r"Permission denied|Operation not permitted"),
        "this user may not. Give the user the right, or run as one who has it. Commands that only show need to read "
        "the lake, others also to write in it",
    ),
)


class TribolakeError(Exception):
    """A failure whose message tells the reader what to do."""


class ConfigurationError(TribolakeError):
    """The command or a setting cannot be used (exit 2)."""


class BronzeFileUnreadable(TribolakeError):
    """A laboratory file cannot be read. It becomes a failed arrival. Other files are not affected."""


class RunFailed(TribolakeError):
    """A run stopped before it published anything (exit 1)."""


class LakeIsBusy(TribolakeError):
    """Another run holds the lake's lock (exit 3)."""


class ContractBroken(TribolakeError):
    """A file breaks the published contract and is not published."""


class StoreUnavailable(TribolakeError):
    """An object store refuses or fails a call. Nothing is left half done (exit 1)."""


def is_interrupt(error: BaseException) -> bool:
    """Return whether Ctrl-C led to an error. In a query of DuckDB it becomes a RuntimeError."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def is_of_the_disk(message: str) -> bool:
    """Return whether an error is the disk's. Then no content is to blame, and no file is damaged."""
    return any(pattern.search(message) for pattern, _ in DISK)


def with_advice(message: str) -> str:
    """Return what a message says of the disk, with what to do. Any other message stays as it is."""
    for line in reversed(message.splitlines()):
        for pattern, advice in DISK:
            if pattern.search(line):
                return line if advice in line else f"{line}: {advice}"
    return message


def explain(error: BaseException) -> str:
    """Return what went wrong, and what to do about it, as far as the error tells."""
    text = str(error)
    if is_of_the_disk(text):
        return with_advice(text)
    if DAMAGED_WAREHOUSE.search(text) and DAMAGED not in text:
        return f"the warehouse is damaged ({text.splitlines()[0]}). {DAMAGED}"
    if isinstance(error, OSError) and error.errno in OTHER_KIND:
        return f"{text}. Another program put it there: move it away, then start the command again"
    if isinstance(error, TribolakeError | OSError):
        return text
    kind = type(error).__name__
    return f"{kind}: {text.partition(chr(10))[0]}. This is a fault of tribolake: TRIBOLAKE_DEBUG=1 shows where"
