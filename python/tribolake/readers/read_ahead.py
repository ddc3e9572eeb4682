"""Read new files while dbt is still being imported: the models find them read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from tribolake.readers.confined import Reading, ReadingLimits, ReadingTask, read_files


class ReadAhead:
    """Readings under way in this process; a file that nobody asked for ahead is read when it is wanted."""

    def __init__(self) -> None:
        self._readings: Future[dict[ReadingTask, Reading]] | None = None

    def start(self, tasks: Sequence[ReadingTask], limits: ReadingLimits) -> None:
        """Begin to read in the background."""
        threads = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._readings = threads.submit(_read_all, tasks, limits)
        threads.shutdown(wait=False)

    def take(self, tasks: Sequence[ReadingTask], limits: ReadingLimits) -> Mapping[ReadingTask, Reading]:
        """The readings of these files, each read once."""
        ahead = self._readings.result() if self._readings is not None else {}
        self._readings = None
        missing = [task for task in tasks if task not in ahead]
        return {**ahead, **_read_all(missing, limits)}


READ_AHEAD = ReadAhead()


def _read_all(tasks: Sequence[ReadingTask], limits: ReadingLimits) -> dict[ReadingTask, Reading]:
    return dict(zip(tasks, read_files(tasks, limits), strict=True))
