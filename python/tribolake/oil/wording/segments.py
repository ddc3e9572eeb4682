"""Wordings of a lake: a run adds segments of its own, and every reader reads all segments.

Writers hold the lake's lease and share no names, so nothing is locked or compared. Of several wordings of a key, the
one that was generated first counts. Within a second, the first segment by name counts. A run folds its segments into
one when it ends. The segments of a killed run are read too.

Earlier releases kept wordings otherwise: see `earlier_releases.py`.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tribolake.errors import StoreUnavailable
from tribolake.lake.objects import Objects
from tribolake.lake.replicas import open_replicas
from tribolake.oil.wording.copied_segments import exchange
from tribolake.oil.wording.earlier_releases import count_earlier, is_of_earlier_release
from tribolake.oil.wording.segment import (
    EXPIRED,
    MARK_TIME,
    MAX_SEGMENT_BYTES,
    Segment,
    in_order,
    is_segment,
    key_of,
    lines_of,
    names_in,
    read_segment,
    segment_names,
    version_of,
)
from tribolake.oil.wording.wording import PROMPT_VERSION_FORM, Wording
from tribolake.settings import Settings

log = logging.getLogger(__name__)
# Returns what is wrong with a wording.
Validate = Callable[[Wording], Sequence[str]]
# The next run that adds to a prompt version with more segments folds all of them.
MANY_SEGMENTS = 50
# A fold makes a reader list again. More folds during one reading do not happen.
ROUNDS = 50
THREADS = 8
PAUSE_SECONDS = 60.0


@dataclass
class _Group:
    """Wordings that are stored by one write."""

    rows: list[Wording] = field(default_factory=list)
    is_over: bool = False
    error: BaseException | None = None


class Wordings:
    """The wordings of a lake, and the segments that this run adds. Threads may keep wordings at once.

    Methods raise StoreUnavailable if the bucket fails, and OSError if the disk fails. A copy, where the storage mode
    keeps one, gets the segments that it lacks. If the copy cannot be reached, the work goes on, and a later process
    synchronises it.
    """

    def __init__(self, objects: Objects, copy: Objects | None = None, run_id: str | None = None) -> None:
        self._objects = objects
        self._copy = copy
        self._run_id = run_id or f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        self._known: dict[str, Segment] = {}  # by name: a segment never changes
        self._mine: set[str] = set()
        self._group = _Group()
        self._joining = threading.Lock()
        self._writing = threading.Lock()
        self._is_synchronised = False
        self._retry_at = 0.0

    @property
    def bad_lines(self) -> int:
        """Return how many lines of the segments read so far cannot be used."""
        return sum(segment.bad_lines for segment in self._known.values())

    def find(self, keys: Collection[str], validate: Validate = lambda _: ()) -> dict[str, Wording]:
        """Return the first wording of each key to which `validate` does not object."""
        self.synchronise()
        wanted, found, passed = set(keys), dict[str, Wording](), Counter[str]()
        for row in self._rows():
            if row.cache_key not in wanted or row.cache_key in found:
                continue
            reasons = validate(row)
            if reasons:
                passed[reasons[0]] += 1
            else:
                found[row.cache_key] = row
        for reason, number in passed.items():
            log.warning("wordings: %d are skipped: %a", number, reason)
        return found

    def everything(self) -> list[Wording]:
        """Return every wording, by key. Of one key, the wording that counts comes first."""
        return sorted(self._rows(), key=lambda row: row.cache_key)

    def keep(self, wording: Wording) -> None:
        """Keep a wording. It is durable on return. Wordings that arrive during a write share the next write.

        Raises:
            WordingUnusable: it cannot be read again.
        """
        Wording.of_json(wording.as_json())
        with self._joining:
            group = self._group
            group.rows.append(wording)
        with self._writing:
            if not group.is_over:
                with self._joining:
                    self._group = _Group()
                try:
                    self._add(group.rows)
                except BaseException as error:
                    group.error = error
                group.is_over = True
        if group.error is not None:
            raise group.error

    def keep_all(self, wordings: Iterable[Wording]) -> None:
        """Keep wordings in one segment for each prompt version."""
        rows = list(wordings)
        for row in rows:
            Wording.of_json(row.as_json())  # it must be possible to read it again
        with self._writing:
            self._add(rows)

    def fold(self, *, everything: bool = False) -> int:
        """Put the segments of this run, or all, into one segment for each prompt version.

        The new segment is written before the old ones are removed. A killed fold leaves rows twice, which count once.

        Returns:
            How many wordings were folded.
        """
        self.synchronise()
        self._objects.tidy(key_of(self._objects, ""))
        of_version = defaultdict[str, set[str]](set)
        for name in self._load():
            of_version[version_of(name)].add(name)
        done = 0
        for names in of_version.values():
            mine = names & self._mine
            done += self._fold(names if everything or (mine and len(names) > MANY_SEGMENTS) else mine)
        return done

    def count(self) -> dict[str, int]:
        """Return how many keys each prompt version has, with the wordings that earlier releases kept."""
        keys = {(row.configuration.prompt_version, row.cache_key) for row in self._rows()}
        earlier = count_earlier(self._objects, key_of(self._objects, ""), names_in(self._objects))
        return dict(sorted((Counter(version for version, _ in keys) + earlier).items()))

    def expire(self, prompt_version: str) -> int:
        """Remove the wordings of a prompt version, and leave a mark for machines that have copies of them.

        The copy comes first, and its failure ends the expiry: readers of the copy would go on with expired wordings.

        Returns:
            How many keys there were.

        Raises:
            ValueError: it cannot be the name of a prompt version.
        """
        if not PROMPT_VERSION_FORM.fullmatch(prompt_version):
            raise ValueError(f"{prompt_version!r} is not a prompt version: letters, digits, dots, dashes, at most 64")
        removed = self.count().get(prompt_version, 0)
        mark = f"{EXPIRED}{prompt_version}/{datetime.now(UTC).strftime(MARK_TIME)}"
        for place in filter(None, (self._copy, self._objects)):
            names = [
                name
                for name in names_in(place)
                if is_segment(name, prompt_version) or is_of_earlier_release(name, prompt_version)
            ]
            if names:
                place.put(key_of(place, mark), b"")
            with ThreadPoolExecutor(THREADS) as threads:
                list(threads.map(place.remove, [key_of(place, name) for name in names]))
        return removed

    def synchronise(self) -> int:
        """Copy segments that only the lake or only its copy has, once. Returns how many were copied."""
        copied: list[int] = []
        if self._copy is not None and not self._is_synchronised:
            self._is_synchronised = self._with_copy(lambda copy: copied.append(exchange(self._objects, copy)))
        return sum(copied)

    def _add(self, rows: Sequence[Wording]) -> None:
        of_version = defaultdict[str, list[Wording]](list)
        for row in rows:
            of_version[row.configuration.prompt_version].append(row)
        for version, several in of_version.items():
            self._put(version, several)

    def _put(self, version: str, rows: Sequence[Wording]) -> None:
        name, content = f"{version}/{self._run_id}-{secrets.token_hex(4)}.jsonl", lines_of(rows)
        key = key_of(self._objects, name)
        self._objects.put(key, content)
        self._with_copy(lambda copy: copy.put(key, content))
        self._known[name] = Segment(tuple(rows))
        self._mine.add(name)

    def _fold(self, names: Collection[str]) -> int:
        # A newer release may understand a line that this one cannot, so its segment stays.
        whole = {name: self._known[name] for name in names if not self._known[name].bad_lines}
        rows = in_order(whole)
        if len(whole) < 2 or len(lines_of(rows)) > MAX_SEGMENT_BYTES:
            return 0
        self._put(version_of(next(iter(whole))), rows)
        for key in [key_of(self._objects, name) for name in whole]:
            self._objects.remove(key)
            self._with_copy(lambda copy, key=key: copy.remove(key))  # type: ignore[misc]
        return len(rows)

    def _rows(self) -> list[Wording]:
        return in_order(self._load())

    def _load(self) -> dict[str, Segment]:
        """Read the segments that are new since the last look.

        A listing during a fold can miss the new segment and the old ones. The next listing shows the new one.
        """
        for _ in range(ROUNDS):
            names = segment_names(self._objects)
            read = {name: self._known.get(name) or read_segment(self._objects, name) for name in names}
            self._known = {name: segment for name, segment in read.items() if segment is not None}
            if len(self._known) == len(names) and self._known.keys() >= set(segment_names(self._objects)):
                return self._known
        raise StoreUnavailable("the wordings change faster than they can be read: try again")

    def _with_copy(self, use: Callable[[Objects], object]) -> bool:
        """Use the copy, if there is one. Returns whether that succeeded. A failure is followed by a pause."""
        if self._copy is None or time.monotonic() < self._retry_at:
            return False
        try:
            use(self._copy)
        except (StoreUnavailable, OSError) as error:
            self._retry_at = time.monotonic() + PAUSE_SECONDS
            self._is_synchronised = False
            log.warning("wordings: the copy cannot be reached, a later run synchronises it: %s", error)
            return False
        return True


def open_wordings(settings: Settings, run_id: str | None = None) -> Wordings:
    """Return the wordings of the lake of the settings. Nothing is read yet."""
    objects, *copies = open_replicas(settings)
    return Wordings(objects, next(iter(copies), None), run_id)
