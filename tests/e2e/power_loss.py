"""A model of power loss: record what a program does to a folder, then make every kind of folder a crash could leave.

What is promised of a file system here is little, so that what passes holds on all of them:

- a file's content is what was last synced, or anything written since, cut short or with zeros in it;
- a name in a folder is what it was when the folder was last synced, or anything it was since, each name on its own: a
  rename can be seen at its new name only, at its old one only, at both or at none;
- syncing a file does not sync its name, and syncing a folder does not sync what is in its files.
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

# Whatever else changes the folder (open, write, DuckDB's COPY) is seen when one of these is called next.
OBSERVED = ("fsync", "mkdir", "rename", "replace", "link", "symlink", "unlink", "remove", "rmdir")
ROOT = 0
MIXED = (0.2, 0.5, 0.8, 0.95)


@dataclass(frozen=True)
class Written:
    """A file has this content now."""

    file: int
    content: bytes


@dataclass(frozen=True)
class Named:
    """A name in a folder is now a file or folder (its number), a symbolic link (its text), or nothing."""

    folder: int
    name: str
    target: int | str | None


@dataclass(frozen=True)
class Synced:
    """A file's content or a folder's names are on the disk."""

    what: int


@dataclass(frozen=True)
class Recorded:
    """The ledger says durably that a run published."""

    run: str


Operation = Written | Named | Synced | Recorded


@dataclass
class Recorder:
    """Watches a folder; `operations` is what was done to it since it was first looked at."""

    root: Path
    operations: list[Operation] = field(default_factory=list)
    before: list[Operation] = field(default_factory=list)  # makes what was there at the first look
    paths: dict[int, str] = field(default_factory=dict)
    calls: int = 0
    stop_before: int | None = None  # which call is the first not to happen
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
        """Add what changed since the last look."""
        names: dict[tuple[int, str], int | str] = {}
        contents: dict[int, bytes] = {}
        seen = {self.root.stat().st_ino}
        self._numbers.setdefault(self.root.stat().st_ino, ROOT)
        self._scan(self.root, ROOT, names, contents, seen)
        for number, content in contents.items():
            if self._contents.get(number, b"") != content:
                self.operations.append(Written(number, content))
        for place in sorted(self._names.keys() | names.keys()):
            if self._names.get(place) != names.get(place):
                self.operations.append(Named(*place, names.get(place)))
        # The system gives the number of a file that is gone to the next new one.
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
    """The recorded program was stopped where a kill could have stopped it."""


@contextmanager
def recording(root: Path) -> Iterator[Recorder]:
    """Record what this process does to a folder; what is in it before counts as synced."""
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
    """What may be on the disk after a crash: for each file and each name, everything it was since it was synced."""

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
        """One folder that may be found; `survival` is how likely each thing that was not synced is there."""
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


Found = dict[str, Any]  # name -> text of a link, (number, content) of a file, or what is found in a folder


def _one_of(states: list[Any], chance: random.Random, survival: float) -> Any:
    """The last state if it survived, else an earlier one: the synced one if nothing survives."""
    if len(states) == 1 or chance.random() < survival:
        return states[-1]
    return chance.choice(states[:-1]) if survival else states[0]


def _survived(contents: list[bytes], chance: random.Random, survival: float) -> bytes:
    """A content that was written, or the last one cut short or with zeros for its end."""
    whole = _one_of(contents, chance, survival)
    last = contents[-1]
    if whole == last or not survival or chance.random() < 1 / 3:
        return whole
    synced = len(contents[0]) if last.startswith(contents[0]) else 0  # appending loses nothing of what was there
    at = chance.randint(synced, len(last))
    return last[:at] + (bytes(len(last) - at) if chance.random() < 1 / 2 else b"")


def materialise(found: Found, folder: Path) -> None:
    """Make a folder of what was found after a crash."""
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
    """A folder after a crash, and what the ledger said before it."""

    found: Found
    recorded: tuple[str, ...]
    after: int  # how many operations were done

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
    """Different folders that a crash after any of the operations may leave, in the order of the operations.

    Args:
        operations: what was done.
        seed: the same seed gives the same folders.
        mixtures: how many folders are made after each operation in which some of what was not synced survives.
        pure: how likely everything is to survive in further ones: 0 nothing that was not synced, 1 everything, which
            is what a kill leaves.
        before: what was done, and is on the disk, before the first operation.
    """
    chance = random.Random(seed)  # noqa: S311 - which crash to look at, not a secret
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
