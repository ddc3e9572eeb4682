"""A model of power loss. Operations on a folder are recorded, then folders that a crash could leave are made.

The model assumes little, so that a test that passes holds on every file system:

- The content of a file is the last synced one, or one written later, cut short or with zeros in it.
- A name in a folder has its state of the last sync of the folder, or a later one. Names are independent: after a
  rename the file can be at its new name, at its old name, at both or at neither.
- Syncing a file does not sync its name. Syncing a folder does not sync the content of its files.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

# Other changes of the folder (open, write, DuckDB's COPY) are seen at the next call of one of these.
OBSERVED = ("fsync", "mkdir", "rename", "replace", "link", "symlink", "unlink", "remove", "rmdir")
ROOT = 0
MIXED = (0.2, 0.5, 0.8, 0.95)


@dataclass(frozen=True)
class Written:
    """A file got this content."""

    file: int
    content: bytes


@dataclass(frozen=True)
class Named:
    """A name in a folder became a file or folder (its number), a symbolic link (its text), or nothing."""

    folder: int
    name: str
    target: int | str | None


@dataclass(frozen=True)
class Synced:
    """The content of a file or the names of a folder were synced to the disk."""

    what: int


@dataclass(frozen=True)
class Recorded:
    """The ledger recorded durably that a run published."""

    run: str


Operation = Written | Named | Synced | Recorded


@dataclass
class Recorder:
    """Records a folder. `operations` were done to it since the first look."""

    root: Path
    operations: list[Operation] = field(default_factory=list)
    before: list[Operation] = field(default_factory=list)  # make the folder of the first look
    paths: dict[int, str] = field(default_factory=dict)
    calls: int = 0
    stop_before: int | None = None  # number of the first call that does not happen
    one_at_a_time: threading.RLock = field(default_factory=threading.RLock)  # the publisher writes in two threads
    _numbers: dict[int, int] = field(default_factory=dict)
    _names: dict[tuple[int, str], int | str] = field(default_factory=dict)
    _contents: dict[int, bytes] = field(default_factory=dict)

    def ledger(self, run: str) -> None:
        self.look()
        self.operations.append(Recorded(run))

    def sync(self, descriptor: int) -> None:
        number = self._numbers.get(os.fstat(descriptor).st_ino)
        if number is not None:
            self.operations.append(Synced(number))

    def look(self) -> None:
        """Add operations for changes since the last look."""
        names: dict[tuple[int, str], int | str] = {}
        contents: dict[int, bytes] = {}
        seen = {self.root.stat().st_ino}
        self._numbers.setdefault(self.root.stat().st_ino, ROOT)
        self._scan(self.root, ROOT, names, contents, seen)
        for number, content in contents.items():
            if self._contents.get(number) != content:  # an empty file is a file too, not a folder
                self.operations.append(Written(number, content))
        for place in sorted(self._names.keys() | names.keys()):
            if self._names.get(place) != names.get(place):
                self.operations.append(Named(*place, names.get(place)))
        # The system reuses the inode number of a removed file.
        self._numbers = {inode: number for inode, number in self._numbers.items() if inode in seen}
        self._names, self._contents = names, contents

    def _scan(
        self,
        folder: Path,
        number: int,
        names: dict[tuple[int, str], int | str],
        contents: dict[int, bytes],
        seen: set[int],
    ) -> None:
        for found in os.scandir(folder):
            path = Path(found.path)
            if found.is_symlink():
                names[number, found.name] = str(path.readlink())
                continue
            inode = found.inode()
            seen.add(inode)
            own = self._numbers.setdefault(inode, len(self.paths) + 1)
            self.paths.setdefault(own, str(path.relative_to(self.root)))
            names[number, found.name] = own
            if found.is_dir():
                self._scan(path, own, names, contents, seen)
            elif own not in contents:
                contents[own] = path.read_bytes()


class Stopped(BaseException):
    """The recorded program was stopped at a point where a kill could stop it."""


@contextmanager
def recording(root: Path) -> Iterator[Recorder]:
    """Record what this process does to a folder. Its earlier content counts as synced."""
    recorder = Recorder(root)
    recorder.look()
    recorder.before = [*recorder.operations, *(Synced(number) for number in (ROOT, *recorder.paths))]
    recorder.operations = []
    with mock.patch.multiple(os, **{name: _observed(recorder, name) for name in OBSERVED}):
        yield recorder
    recorder.look()


def _observed(recorder: Recorder, name: str) -> Callable[..., Any]:
    real = getattr(os, name)

    def call(*arguments: Any, **options: Any) -> Any:
        with recorder.one_at_a_time:
            recorder.look()
            recorder.calls += 1
            if recorder.calls == recorder.stop_before:
                raise Stopped
            result = real(*arguments, **options)
            if name == "fsync":
                recorder.sync(arguments[0])
            else:
                recorder.look()
            return result

    return call


class Disk:
    """Possible states after a crash: all states of each file and name since they were synced."""

    def __init__(self) -> None:
        self.files: dict[int, list[bytes]] = {}
        self.folders: dict[int, dict[str, list[int | str | None]]] = {ROOT: {}}

    def apply(self, operation: Operation) -> None:
        match operation:
            case Written(file, content):
                self.files.setdefault(file, [b""]).append(content)
            case Named(folder, name, target):
                self.folders.setdefault(folder, {}).setdefault(name, [None]).append(target)
            case Synced(what):
                if what in self.files:
                    self.files[what] = self.files[what][-1:]
                for name, targets in self.folders.get(what, {}).items():
                    self.folders[what][name] = targets[-1:]
            case Recorded():
                pass

    def crash(self, chance: random.Random, survival: float) -> Found:
        """Make one possible folder. `survival` is the probability that an unsynced change is there."""
        contents: dict[int, bytes] = {}

        def look(folder: int) -> Found:
            found: Found = {}
            for name, targets in sorted(self.folders.get(folder, {}).items()):
                target = _one_of(targets, chance, survival)
                if isinstance(target, str):
                    found[name] = target
                elif target in self.files:
                    if target not in contents:
                        contents[target] = _survived(self.files[target], chance, survival)
                    found[name] = (target, contents[target])
                elif target is not None:
                    found[name] = look(target)
            return found

        return look(ROOT)


Found = dict[str, Any]  # name -> text of a link, (number, content) of a file, or content of a folder


def _one_of(states: list[Any], chance: random.Random, survival: float) -> Any:
    """Choose the last state if it survived, else an earlier one. Without survival it is the synced one."""
    if len(states) == 1 or chance.random() < survival:
        return states[-1]
    return chance.choice(states[:-1]) if survival else states[0]


def _survived(contents: list[bytes], chance: random.Random, survival: float) -> bytes:
    """Choose a content that was written, or the last one, cut short or ending in zeros."""
    whole = _one_of(contents, chance, survival)
    last = contents[-1]
    if whole == last or not survival or chance.random() < 1 / 3:
        return whole
    synced = len(contents[0]) if last.startswith(contents[0]) else 0  # appending does not lose earlier content
    at = chance.randint(synced, len(last))
    return last[:at] + (bytes(len(last) - at) if chance.random() < 1 / 2 else b"")


def materialise(found: Found, folder: Path) -> None:
    """Write the folder that a crash left."""
    _materialise(found, folder, {})


def _materialise(found: Found, folder: Path, made: dict[int, Path]) -> None:
    folder.mkdir()
    for name, what in found.items():
        path = folder / name
        if isinstance(what, str):
            path.symlink_to(what)
        elif isinstance(what, dict):
            _materialise(what, path, made)
        elif what[0] in made:
            path.hardlink_to(made[what[0]])
        else:
            path.write_bytes(what[1])
            made[what[0]] = path


@dataclass(frozen=True)
class Crash:
    """A folder after a crash, and the runs that the ledger had recorded."""

    found: Found
    recorded: tuple[str, ...]
    after: int  # number of operations before the crash

    def __hash__(self) -> int:
        return hash((_frozen(self.found), self.recorded))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Crash) and (self.found, self.recorded) == (other.found, other.recorded)


def _frozen(found: Found) -> Any:
    return tuple((name, _frozen(what) if isinstance(what, dict) else what) for name, what in found.items())


def crashes(
    operations: Iterable[Operation],
    seed: int,
    mixtures: int,
    pure: Sequence[float] = (0.0, 1.0),
    before: Iterable[Operation] = (),
) -> Iterator[Crash]:
    """Make different folders that a crash after any of the operations may leave, in their order.

    Args:
        operations: the recorded operations.
        seed: the same seed gives the same folders.
        mixtures: number of folders after each operation in which some unsynced changes survive.
        pure: survival in further folders: with 0 no unsynced change survives, with 1 all do, as after a kill.
        before: operations before the first one, which are on the disk.
    """
    chance = random.Random(seed)  # noqa: S311 - choice of crashes, not a secret
    disk = Disk()
    for operation in before:
        disk.apply(operation)
    recorded: tuple[str, ...] = ()
    seen: set[Crash] = set()
    for done, operation in enumerate(operations, start=1):
        disk.apply(operation)
        if isinstance(operation, Recorded):
            recorded = (*recorded, operation.run)
        for survival in (*pure, *(chance.choice(MIXED) for _ in range(mixtures))):
            crash = Crash(disk.crash(chance, survival), recorded, done)
            if crash not in seen:
                seen.add(crash)
                yield crash
