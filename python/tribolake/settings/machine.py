"""Memory of this machine, or of the container that this process runs in."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
# DuckDB has a quarter of the memory, within these bounds. Readers of files and dbt have the rest.
SHARE = 4
LEAST_MB, MOST_MB = 450, 4096


def machine_memory_mb() -> int:
    """Return the memory that there is, free or not."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # other versions of cgroups, or the word max
            found.append(int(path.read_text(encoding="ascii")))
    return min(found) // 2**20


def database_memory(machine_mb: int) -> str:
    """Return the memory for DuckDB on a machine with so much."""
    return f"{min(max(machine_mb // SHARE, LEAST_MB), MOST_MB)}MB"
