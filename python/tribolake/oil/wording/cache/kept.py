"""The wordings of one place: the first that was kept for a key is the one that everybody gets.

What is compacted goes before what stands alone, and of that what was stored first goes before the rest. Neither can be
changed by who comes later, so everybody who looks sees the same. Whoever keeps a wording looks only after he stored his
own: of two at once the one that was second sees the other's.

Who looks may find something wrong with a wording: he passes it over, as he does with what cannot be read, and keeps his
own in the next place. Of several versions in one place the first that can be read counts. The rows of a key in a
compacted file count for as many of its first places: what stands alone in one of these came too late.

What stands alone is always listed and read before what is compacted is listed. A compaction makes its file first and
removes afterwards: a wording that is missing in the first listing is therefore in the second one, and so is one in
whose place something else was read, that a late writer stored after the compaction had made it free.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from tribolake.errors import StoreUnavailable
from tribolake.oil.wording.cache import Imported, NoPlaceLeft, Validate, anything
from tribolake.oil.wording.cache.names import (
    COMPACTED,
    EXPIRED,
    KEY,
    MAX_WORDING_BYTES,
    PLACES,
    TOGETHER,
    NoWording,
    NoWordings,
    Place,
    checked_prompt_version,
    flaw,
    mark_name,
    mark_of,
    place_of,
    read_wording,
)
from tribolake.oil.wording.cache.table import MAX_TABLE_BYTES, has_more_columns, of_parquet, wordings_of
from tribolake.oil.wording.cache.write_once import Gone, Kept, Unreadable, WriteOnce
from tribolake.oil.wording.wording import Wording

log = logging.getLogger(__name__)
T = TypeVar("T")
Name = tuple[str, str]  # a prompt version and a key: what another version has under the same key is not looked at
Rows = Mapping[Name, tuple[Wording, ...]]  # in the order in which they count
THREADS = 8
# A compaction or an expiry that overtakes a reader makes him look again; nobody is overtaken so often.
ROUNDS = 10
OVERTAKEN = "the wordings change faster than they can be read: try again"


@dataclass(frozen=True)
class Compacted:
    """A compacted file: what could be read of it, and whether that is all it says."""

    name: str
    rows: Rows
    is_whole: bool


class KeptWordings:
    """The wordings of one place."""

    def __init__(self, objects: WriteOnce) -> None:
        self._objects = objects
        self._tables: dict[str, pa.Table] = {}  # by name; they never change
        self._newer: set[str] = set()  # names of tables that have columns of another release
        self._warned: set[Kept] = set()

    def find(self, keys: Collection[str], validate: Validate = anything) -> dict[str, Wording]:
        return self._first({key for key in keys if KEY.fullmatch(key)}, "", validate)

    def everything(self, keys: Collection[str] | None = None) -> dict[str, tuple[Wording, ...]]:
        """Every wording of these keys, or of all, by key and in the order in which they count."""
        found = self._look(None if keys is None else set(keys), "", distinct)
        return {key: several for key, several in found.items() if several}

    def keep(self, wording: Wording, validate: Validate = anything) -> Wording:
        reason = flaw(wording) or next(iter(validate(wording)), None)
        if reason is not None:
            raise NoWording(f"a wording cannot be kept: {reason}")
        content, key, prompt_version = wording.as_json(), wording.cache_key, wording.configuration.prompt_version
        for number in range(1, PLACES + 1):
            mine = self._objects.put(Place(prompt_version, key, number).name, content)
            found = self._first({key}, f"{prompt_version}/{key}", validate).get(key)
            if found is not None:
                if mine is not None and found != wording:
                    self._objects.remove(mine)
                return found
            # Something that cannot be taken is in the place, and stays there.
        raise NoPlaceLeft(
            f"the {PLACES} places of wording {key} are taken by what cannot be used: "
            f"`tribolake recommendations expire {prompt_version}` frees them, and those of all others"
        )

    def count(self) -> dict[str, int]:
        found = Counter(prompt_version for prompt_version, _ in self.names())
        return dict(sorted(found.items()))

    def names(self) -> Counter[Name]:
        """How many wordings each prompt version and key has, as far as names tell."""
        alone = [((place.prompt_version, place.cache_key), place.number) for _, place in self.alone()]
        found: Counter[Name] = Counter()
        for (_, prompt_version), table in self.load_compacted().items():
            keys = (key for key in table["cache_key"].to_pylist() if key is not None and KEY.fullmatch(key))
            found |= Counter((prompt_version, key) for key in keys)
        rows = found.copy()
        found.update(name for name, number in set(alone) if number > rows[name])
        return found

    def expire(self, prompt_version: str, until: str | None = None) -> int:
        """Remove the wordings of a prompt version, and leave a mark for those who have copies of them.

        Args:
            prompt_version: of the wordings.
            until: the time that the mark says, as wordings say it; None means now, and no mark where there is nothing.

        Returns:
            How many keys there were.

        Raises:
            ValueError: it cannot be the name of a prompt version.
        """
        checked_prompt_version(prompt_version)
        removed = {key for found, key in self.names() if found == prompt_version}
        # First: who misses a wording that is removed here sees why.
        if removed or until is not None:
            until = until or now()
            self._objects.put(mark_name(prompt_version, until), until.encode())
        firsts: dict[str, Kept] = {}
        later = []
        for kept, place in self.alone(f"{prompt_version}/"):
            if firsts.setdefault(place.cache_key, kept) is not kept:
                later.append(kept)
        # What counts goes last: what a late writer left behind must not come to light meanwhile.
        self.remove(later)
        self.remove(firsts.values())
        self.remove(kept for kept, _ in self.together(prompt_version))
        return len(removed)

    def expired(self) -> dict[str, str]:
        """Until when what was worded has expired, by prompt version; times are as wordings say them."""
        marks = []
        for kept in self._objects.listing(EXPIRED):
            mark = mark_of(kept.name)
            if mark is not None:
                marks.append(mark)
            else:
                self._warn(kept, "its name is none of ours")
        return dict(sorted(marks))  # of several the last one stays

    def compact(self, at_least: int = 1) -> int:
        from tribolake.oil.wording.cache.compaction import compact  # noqa: PLC0415 - it works with this class

        self._objects.tidy()
        return compact(self, self._objects, at_least)

    def export_to(self, path: Path) -> int:
        from tribolake.oil.wording.cache.transfer import export_wordings  # noqa: PLC0415 - few want it

        return export_wordings(chain.from_iterable(self.everything().values()), path)

    def import_from(self, path: Path, validate: Validate) -> Imported:
        from tribolake.oil.wording.cache.transfer import import_wordings  # noqa: PLC0415 - few want it

        return import_wordings(self, path, validate)

    def bring_in_line(self) -> int:
        return 0

    def alone(self, prefix: str = "") -> list[tuple[Kept, Place]]:
        """What stands alone, in the order in which it counts."""
        found = []
        for kept in self._objects.listing(prefix):
            place = place_of(kept.name)
            if place is not None:
                found.append((kept, place))
            elif not kept.name.startswith((COMPACTED, EXPIRED)):
                self._warn(kept, "its name is none of ours")
        return sorted(found, key=lambda each: each[1].number)

    def together(self, prompt_version: str = "") -> list[tuple[Kept, str]]:
        """The compacted files, each with its prompt version; an empty one means all."""
        found = []
        for kept in self._objects.listing(f"{COMPACTED}{prompt_version}/" if prompt_version else COMPACTED):
            name = TOGETHER.fullmatch(kept.name)
            if name is not None:
                found.append((kept, name["prompt_version"]))
            else:
                self._warn(kept, "its name is none of ours")
        return found

    def read_alone(
        self, alone: Iterable[tuple[Kept, Place]], wanted: Collection[str] | None
    ) -> tuple[dict[Name, list[tuple[int, Wording]]], set[str]]:
        """Read what stands alone; what is compacted has to be looked for afterwards.

        Args:
            alone: as `alone` gives it.
            wanted: keys; None means all.

        Returns:
            The wordings of each name with the numbers of their places, and the keys of which something was removed
            meanwhile: these have to be looked for again.
        """
        of_name: dict[Name, list[tuple[Kept, Place]]] = defaultdict(list)
        for kept, place in alone:
            if wanted is None or place.cache_key in wanted:
                of_name[place.prompt_version, place.cache_key].append((kept, place))

        def usable(places: list[tuple[Kept, Place]]) -> list[tuple[int, Wording]] | Gone:
            try:
                return list(self._usable(places))
            except Gone as error:
                return error

        if len(of_name) > 1:
            with ThreadPoolExecutor(THREADS) as threads:
                read = dict(zip(of_name, threads.map(usable, of_name.values()), strict=True))
        else:
            read = {name: usable(places) for name, places in of_name.items()}
        found = {name: several for name, several in read.items() if not isinstance(several, Gone)}
        return found, {key for _, key in read.keys() - found.keys()}

    def read_compacted(self, wanted: Collection[str] | None, prompt_version: str = "") -> list[Compacted]:
        """Wordings that are compacted, file by file, in the order in which these count.

        Args:
            wanted: keys; None means all.
            prompt_version: of this one only; empty means all.
        """
        found = []
        for (name, of_version), table in self.load_compacted(prompt_version).items():
            rows = table
            if wanted is not None:
                rows = table.filter(pc.is_in(table["cache_key"], pa.array(wanted, pa.string())))
            usable = list(self._usable_rows(name, of_version, rows))
            is_whole = len(usable) == len(table) and name not in self._newer
            found.append(Compacted(name, by_name(usable), is_whole))
        return found

    def load_compacted(self, prompt_version: str = "") -> Mapping[tuple[str, str], pa.Table]:
        """The compacted files by name and prompt version, in the order in which they count, but for unusable ones."""
        for _ in range(ROUNDS):
            # Of one name the first: reversed, so that it is the last that goes in.
            listed = {kept.name: (kept, of_version) for kept, of_version in reversed(self.together(prompt_version))}
            try:
                tables = {(name, of_version): self._load(kept) for name, (kept, of_version) in sorted(listed.items())}
            except Gone:
                continue  # it went into another one, which is there by now
            if not prompt_version:
                self._tables = {name: table for name, table in self._tables.items() if name in listed}
            return {where: table for where, table in tables.items() if table is not None}
        raise StoreUnavailable(OVERTAKEN)

    def remove(self, objects: Iterable[Kept]) -> None:
        """Remove objects for ever; all of them are gone when this returns."""
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(self._objects.remove, objects))

    def _first(self, wanted: set[str], prefix: str, validate: Validate) -> dict[str, Wording]:
        """The first wording of each key with which nothing is wrong."""

        def first(several: Iterable[Wording]) -> Wording | None:
            for one in several:
                reasons = validate(one)
                if not reasons:
                    return one
                name = f"{one.configuration.prompt_version}/{one.cache_key}"
                self._warn(Kept(name, one.generated_at), f"{reasons[0]!a}")
            return None

        return {key: one for key, one in self._look(wanted, prefix, first).items() if one is not None}

    def _look(self, wanted: set[str] | None, prefix: str, pick: Callable[[Iterable[Wording]], T]) -> dict[str, T]:
        """Look for wordings below a prefix of names; None of them wanted means all.

        Raises:
            StoreUnavailable: some are removed as fast as they can be read; none of them counts as absent.
        """
        found: dict[str, T] = {}
        missing = wanted
        for _ in range(ROUNDS):
            if missing is not None and not missing:
                return found
            listed = self.alone(prefix)
            alone, gone = self.read_alone(listed, missing)
            rows = merged(self.read_compacted(missing, prefix.partition("/")[0]))
            of_key: dict[str, list[Iterable[Wording]]] = defaultdict(list)
            for name in sorted(alone.keys() | rows.keys()):
                of_key[name[1]].append(in_order(rows.get(name, ()), alone.get(name, ())))
            found |= {key: pick(chain.from_iterable(of_key[key])) for key in of_key.keys() - gone}
            missing = gone
        if missing:
            raise StoreUnavailable(OVERTAKEN)
        return found

    def _usable(self, places: Iterable[tuple[Kept, Place]]) -> Iterator[tuple[int, Wording]]:
        """What can be read of what stands alone, the first version of each place, with the place's number.

        Raises:
            Gone: something was removed meanwhile.
        """
        done = 0  # the place that was read last
        for kept, place in places:
            if place.number == done:
                continue  # its writer was second, and is about to remove it
            try:
                one = read_wording(self._objects.read(kept, MAX_WORDING_BYTES), place)
            except (NoWording, Unreadable) as error:
                self._warn(kept, str(error))
            else:
                done = place.number
                yield place.number, one

    def _usable_rows(self, file: str, prompt_version: str, rows: pa.Table) -> Iterator[Wording]:
        """The rows of a compacted file that can be taken."""
        for key, wording in wordings_of(rows):
            if isinstance(wording, NoWording):
                self._warn(Kept(file, key), str(wording))
            elif wording.configuration.prompt_version != prompt_version:
                self._warn(Kept(file, key), "it is of another prompt version")
            else:
                yield wording

    def _load(self, kept: Kept) -> pa.Table | None:
        table = self._tables.get(kept.name)
        if table is None:
            try:
                content = self._objects.read(kept, MAX_TABLE_BYTES)
                if hashlib.sha256(content).hexdigest() not in kept.name:
                    raise NoWordings("it is not what its name says")
                table = of_parquet(content)
                if has_more_columns(content):
                    self._newer.add(kept.name)
            except (NoWordings, Unreadable) as error:
                self._warn(kept, str(error))
                return None
            self._tables[kept.name] = table
        return table

    def _warn(self, kept: Kept, reason: str) -> None:
        """Say once what is passed over; names are of anybody's making."""
        if kept not in self._warned:
            self._warned.add(kept)
            log.warning("wordings: %a is passed over: %s", kept.name, reason)


def now() -> str:
    """The time as wordings say it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def by_name(wordings: Iterable[Wording]) -> Rows:
    """Wordings by prompt version and key, each once."""
    found: dict[Name, dict[Wording, None]] = defaultdict(dict)
    for one in wordings:
        found[one.configuration.prompt_version, one.cache_key].setdefault(one)
    return {name: tuple(several) for name, several in found.items()}


def merged(files: Iterable[Compacted]) -> Rows:
    """What several files say, the first one first."""
    return by_name(one for file in files for several in file.rows.values() for one in several)


def in_order(rows: Sequence[Wording], alone: Iterable[tuple[int, Wording]]) -> Iterator[Wording]:
    """The wordings of a key as they count: the rows that are compacted, and what stands alone in the places after."""
    return chain(rows, (wording for number, wording in alone if number > len(rows)))


def distinct(several: Iterable[Wording]) -> tuple[Wording, ...]:
    return tuple(dict.fromkeys(several))
