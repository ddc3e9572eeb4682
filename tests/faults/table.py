"""Tables of faults: what is injected in which step of a run, and what is expected."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from tests.faults.laboratory import FAULTS, Armed, Call

DISK = (
    "No space left|Disk quota exceeded|Input/output error|fsync failed|Read-only file system|Permission denied"
    "|File too large.*ulimit -f|Too many open files.*ulimit -n"
)


@dataclass(frozen=True)
class Step:
    """A part of a run. It begins with the first call that `begins` describes: a kind and a pattern of paths."""

    name: str
    begins: str

    def is_begun_by(self, call: Call) -> bool:
        kind, _, where = self.begins.partition(" ")
        return call.kind == kind and fnmatchcase(call.path, where)


@dataclass(frozen=True)
class Row:
    """Faults in a step, and what is expected of each.

    `state` is what readers see, of all clients or by client: the old or the new version, either of the two, or any that
    is whole. `recovers` says what the next run makes as it is without the fault: all, or the gold.
    """

    step: str
    calls: tuple[str, ...]
    faults: tuple[str, ...]
    state: str | dict[str, str]
    points: int | None = None  # so many of the calls; None means all
    codes: tuple[int, ...] = (4,)  # exit codes, unless the process is killed
    words: str = DISK  # in its output, unless it is killed or only the clock jumps
    where: str = "*"
    recovers: str = "all"
    then: tuple[int, ...] = (0,)  # exit codes of the next run

    def state_of(self, client: str) -> str:
        return self.state if isinstance(self.state, str) else self.state[client]


@dataclass(frozen=True)
class Case:
    """One fault of a row."""

    row: Row
    fault: str

    def __str__(self) -> str:
        return f"{self.row.step}-{'+'.join(self.row.calls)}-{self.fault}".replace(" ", "_")

    @property
    def kills(self) -> bool:
        return self.fault.startswith("kill")

    @property
    def needs_words(self) -> bool:
        return not (self.kills or self.fault.startswith("clock"))


@dataclass(frozen=True)
class Table:
    steps: tuple[Step, ...]
    rows: tuple[Row, ...]

    @classmethod
    def read(cls, path: Path) -> Table:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        steps = tuple(Step(**one) for one in found["steps"])
        rows = tuple(Row(**{name: _frozen(value) for name, value in one.items()}) for one in found["rows"])
        assert {row.step for row in rows} == {step.name for step in steps}, "a step without a row, or a row without one"
        assert {fault for row in rows for fault in row.faults} <= FAULTS.keys()
        return cls(steps, rows)

    def cases(self) -> list[Case]:
        return [Case(row, fault) for row in self.rows for fault in row.faults]

    def armed(self, case: Case, calls: Sequence[Call], root: Path) -> Iterator[Armed]:
        """Yield a fault for each of the calls that a case takes from a traced run."""
        row, windows = case.row, self._windows(calls)
        begin, end = windows[row.step]
        before = sum(call.matches(row.calls, row.where) for call in calls[:begin])
        inside = sum(call.matches(row.calls, row.where) for call in calls[begin:end])
        assert inside, f"{row.step} has no call of {row.calls}"
        points = min(inside, row.points or inside)
        for point in range(points):
            nth = before + math.ceil((point + 0.5) * inside / points)
            yield Armed(str(root), row.calls, row.where, nth, case.fault)

    def try_each(
        self, case: Case, calls: Sequence[Call], lake: Path, copied: Path, check: Callable[[Path, Armed], None]
    ) -> None:
        """Call `check(lake, armed)` for each fault of a case, on a new copy of a lake each time. Tell all failures."""
        wrong = []
        for armed in self.armed(case, calls, lake):
            shutil.copytree(copied, lake, symlinks=True)
            try:
                check(lake, armed)
            except AssertionError as error:
                wrong.append(f"at call {armed.nth}: {error}")
            shutil.rmtree(lake)
        assert not wrong, "\n".join(wrong)

    def _windows(self, calls: Sequence[Call]) -> dict[str, tuple[int, int]]:
        begins, at = [], 0
        for step in self.steps:
            at = next((i for i in range(at, len(calls)) if step.is_begun_by(calls[i])), -1)
            assert at >= 0, f"{step.name} does not begin: there is no call {step.begins}"
            begins.append(at)
        ends = [*begins[1:], len(calls)]
        return {step.name: (begin, end) for step, begin, end in zip(self.steps, begins, ends, strict=True)}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
