"""The process that reads untrusted files. It imports little, because every run with new files starts it."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from tribolake.errors import BronzeFileUnreadable
from tribolake.lake.content import require_listed
from tribolake.readers.layout import FileLayout
from tribolake.readers.reading import OUT_OF_MEMORY, Reading, ReadingLimits, cannot_be_opened


def _content(path: str, size_bytes: int | None) -> bytes:
    """Read a file to the end that it has now. Some files never end, and some wait until somebody writes.

    Raises:
        OSError: it cannot be read, or it is not as it was listed.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - a descriptor
        status = os.fstat(file.fileno())
        require_listed(status, size_bytes)
        content = file.read(status.st_size + 1) or b""
    if len(content) != status.st_size:
        raise OSError(f"it has another length than its {status.st_size:,} bytes")
    return content


def _parse(content: bytes, sha256: str, asked: Mapping[str, Any], limits: ReadingLimits) -> Reading:
    from tribolake.readers.reader import stage  # noqa: PLC0415 - only the child needs the reading libraries

    staged = Path(f"{asked['staged_prefix']}{sha256}.parquet")
    layout = FileLayout.of_json(asked["layout"])
    try:
        rows, unread = stage(content, layout, limits.max_inflated_mb, staged, streams=asked["streams"])
        return Reading(sha256, rows, None, unread_sheets=[[sheet.sheet, sheet.rows] for sheet in unread])
    except BronzeFileUnreadable as error:
        return Reading(sha256, 0, str(error))
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno:  # of this machine: parsers raise errors without a number
            return Reading(
                "", 0, f"its rows cannot be staged ({os.strerror(error.errno)}). A later run tries again", True
            )
        return Reading(sha256, 0, f"cannot be read ({type(error).__name__}: {error}). Copy or export it again")


class _NoPandas(MetaPathFinder):
    """pyarrow imports pandas at its first array: more than a second that reading a file does not need."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ImportError(fullname)


def serve(limits: ReadingLimits) -> None:
    """Limit this process, then answer each task on stdin with a reading on stdout."""
    sys.meta_path.insert(0, _NoPandas())
    memory_bytes = limits.memory_mb * 2**20
    most = resource.getrlimit(resource.RLIMIT_AS)[1]  # of the run; this process cannot have more
    if most != resource.RLIM_INFINITY:
        memory_bytes = min(memory_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        asked = json.loads(line)
        spent = resource.getrusage(resource.RUSAGE_SELF)
        deadline = int(spent.ru_utime + spent.ru_stime) + limits.processor_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (deadline, resource.RLIM_INFINITY))
        try:
            _serve_one(asked, limits)
        except MemoryError as error:
            raise SystemExit(OUT_OF_MEMORY) from error  # no answer: the parent tries a reader of this file alone


def _serve_one(asked: Mapping[str, Any], limits: ReadingLimits) -> None:
    """Answer with two lines: the SHA-256 of the content, then the reading.

    The first one is written before the content is parsed. Should that end this process, the parent knows the content.
    """
    content, reading = b"", None
    try:
        if "address" in asked:
            from tribolake.readers.fetching import fetched  # noqa: PLC0415 - most readers fetch nothing

            content = fetched(asked["address"])
        else:
            content = _content(asked["path"], asked["size_bytes"])
    except OSError as error:
        reading = cannot_be_opened(error)
    sha256 = "" if reading else hashlib.sha256(content).hexdigest()
    print(sha256, flush=True)  # noqa: T201 - the parent reads it
    reading = reading or _parse(content, sha256, asked, limits)
    print(json.dumps(asdict(reading)), flush=True)  # noqa: T201


if __name__ == "__main__":
    serve(ReadingLimits(**json.loads(sys.argv[1])))
