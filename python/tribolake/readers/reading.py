"""What came of reading one file, as the reading process tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tribolake.settings import Settings

# A reader of a busy machine has this time to start.
START_SECONDS = 30
# Exit code of a reader that has no memory left. Python's own code 1 says that a reader could not work at all.
OUT_OF_MEMORY = 64


@dataclass(frozen=True)
class ReadingLimits:
    """What reading one file may cost; `memory_mb` and `processor_seconds` hold for the process that reads."""

    max_file_mb: int
    max_inflated_mb: int
    memory_mb: int
    processor_seconds: int

    @classmethod
    def of(cls, settings: Settings) -> ReadingLimits:
        """Return what the settings allow."""
        reader = settings.reader
        return cls(reader.max_file_mb, reader.max_inflated_mb, reader.memory_mb, reader.seconds)

    @property
    def wall_seconds(self) -> int:
        """Time by the clock. A reader that uses its processor never needs so long: this one waits for a file."""
        return START_SECONDS + 2 * self.processor_seconds


@dataclass(frozen=True)
class Reading:
    """What came of a file: its fingerprint and row count, or the reason why it cannot be read.

    A transient problem is not in the file: the network or the permissions may be repaired before the next attempt.
    """

    sha256: str
    rows: int
    problem: str | None
    is_transient: bool = False
    version_id: str | None = None  # of the object that was read, in a bucket that keeps versions
    unread_sheets: Sequence[Sequence[Any]] = ()  # [name, filled rows] of each sheet that no layout reads


def cannot_be_opened(error: OSError) -> Reading:
    problem = f"cannot be opened ({error.strerror or error}). Check its name and permissions, then copy it again"
    return Reading("", 0, problem, is_transient=True)
