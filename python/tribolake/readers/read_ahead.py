"""Read new files while dbt is still being imported. The staging folder keeps what came of them for the models."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from tribolake.readers.confined import ReadingTask, read_files
from tribolake.readers.reading import Reading, ReadingLimits


def read_ahead(tasks: Mapping[str, ReadingTask], limits: ReadingLimits, record: Path) -> None:
    """Begin to read files in the background.

    Args:
        tasks: what to read, each under a name.
        limits: what reading one file may cost.
        record: a new file that takes one line per reading. Its name belongs to one run: no other run believes it.
    """
    # Held until the last reading is written; the system releases it when the process is killed.
    lines = record.open("w", encoding="utf-8")
    fcntl.flock(lines, fcntl.LOCK_EX)

    def read() -> None:
        with lines:
            for name, reading in zip(tasks, read_files(list(tasks.values()), limits), strict=True):
                lines.write(json.dumps([name, asdict(reading)]) + "\n")

    threads = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    threads.submit(read)
    threads.shutdown(wait=False)


def readings_of(tasks: Mapping[str, ReadingTask], limits: ReadingLimits, record: Path) -> dict[str, Reading]:
    """Wait for what is read ahead, and read what is not in its record.

    Returns:
        The reading of each task, by its name.
    """
    ahead = {}
    if record.exists():
        with record.open(encoding="utf-8") as lines:
            fcntl.flock(lines, fcntl.LOCK_SH)
            ahead = {name: Reading(**reading) for name, reading in map(json.loads, lines)}
    missing = {name: task for name, task in tasks.items() if name not in ahead}
    return ahead | dict(zip(missing, read_files(list(missing.values()), limits), strict=True))
