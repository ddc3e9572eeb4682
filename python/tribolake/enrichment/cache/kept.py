"""The wordings of one place: the first that was kept for a key is the one that everybody gets.

What is compacted goes before what stands alone, and of that what was stored first goes before the rest. Neither can be
changed by who comes later, so everybody who looks sees the same. Whoever keeps a wording looks only after he stored his
own: of two at once the one that was second sees the other's.

What stands alone is always listed before what is compacted. A compaction makes its file first and removes afterwards:
a wording that is missing in the first listing is therefore in the second one.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tribolake.enrichment.cache import Imported, Validate
from tribolake.enrichment.cache.names import (
    COMPACTED,
    KEY,
    MAX_WORDING_BYTES,
    PLACES,
    TOGETHER,
    NoWording,
    NoWordings,
    Place,
    checked_prompt_version,
    flaw,
    place_of,
    read_wording,
)
from tribolake.enrichment.cache.table import MAX_TABLE_BYTES, of_parquet, wordings_of
from tribolake.enrichment.cache.write_once import Gone, Kept, Unreadable, WriteOnce
from tribolake.enrichment.wording import Wording
from tribolake.errors import StoreUnavailable

log = logging.getLogger(__name__)
THREADS = 8
# A compaction or an expiry that overtakes a reader makes him look again; nobody is overtaken so often.
ROUNDS = 10


class KeptWordings:
    """The wordings of one place."""

    def __init__(self, objects: WriteOnce) -> None:
        self._objects = objects
        self._tables: dict[str, pa.Table] = {}  # by name; they never change
        self._warned: set[Kept] = set()

    def find(self, keys: Collection[str]) -> dict[str, Wording]:
        return self._find({key for key in keys if KEY.fullmatch(key)}, "")

    def everything(self) -> dict[str, Wording]:
        """Every wording, by key."""
        return self._find(None, "")

    def keep(self, wording: Wording) -> Wording:
        reason = flaw(wording)
        if reason is not None:
            raise NoWording(f"a wording cannot be kept: {reason}")
        content = wording.as_json()
        if len(content) > MAX_WORDING_BYTES:
            raise NoWording(f"a wording cannot be kept: it has more than {MAX_WORDING_BYTES} bytes")
        key, prompt_version = wording.cache_key, wording.configuration.prompt_version
        for number in range(1, PLACES + 1):
            mine = self._objects.put(Place(prompt_version, key, number).name, content)
            found = self._find({key}, f"{prompt_version}/{key}").get(key)
            if found is not None:
                if mine is not None and found != wording:
                    self._objects.remove(mine)
                return found
            # Something unusable is in the place, and stays there.
        raise StoreUnavailable(f"what stands in the {PLACES} places of wording {key} is no wording: remove it")

    def count(self) -> dict[str, int]:
        found = Counter(prompt_version for prompt_version, _ in self.names())
        return dict(sorted(found.items()))

    def names(self) -> set[tuple[str, str]]:
        """Prompt version and key of every wording, as far as names tell."""
        alone = {(place.prompt_version, place.cache_key) for _, place in self.alone()}
        together = {
            (prompt_version, key)
            for (_, prompt_version), table in self.load_compacted().items()
            for key in table["cache_key"].to_pylist()
            if key is not None and KEY.fullmatch(key)
        }
        return alone | together

    def expire(self, prompt_version: str) -> int:
        checked_prompt_version(prompt_version)
        removed = {key for found, key in self.names() if found == prompt_version}
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

    def compact(self, at_least: int = 1) -> int:
        from tribolake.enrichment.cache.compaction import compact  # noqa: PLC0415 - it works with this class

        self._objects.tidy()
        return compact(self, self._objects, at_least)

    def export_to(self, path: Path) -> int:
        from tribolake.enrichment.cache.transfer import export_wordings  # noqa: PLC0415 - few want it

        return export_wordings(self.everything().values(), path)

    def import_from(self, path: Path, validate: Validate) -> Imported:
        from tribolake.enrichment.cache.transfer import import_wordings  # noqa: PLC0415 - few want it

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
            elif not kept.name.startswith(COMPACTED):
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
        self, alone: Iterable[tuple[Kept, Place]], wanted: Collection[str]
    ) -> tuple[dict[str, Wording], set[str]]:
        """Read what stands alone: the first of each key that can be used.

        Args:
            alone: as `alone` gives it.
            wanted: keys.

        Returns:
            Wordings by key, and the keys of which something was removed meanwhile: these have to be looked for again.
        """
        of_key: dict[str, list[tuple[Kept, Place]]] = defaultdict(list)
        for kept, place in alone:
            if place.cache_key in wanted:
                of_key[place.cache_key].append((kept, place))

        def first(candidates: Iterable[tuple[Kept, Place]]) -> Wording | Gone | None:
            for kept, place in candidates:
                try:
                    return read_wording(self._objects.read(kept, MAX_WORDING_BYTES), place)
                except Gone as error:
                    return error
                except (NoWording, Unreadable) as error:
                    self._warn(kept, str(error))
            return None

        if len(of_key) > 1:
            with ThreadPoolExecutor(THREADS) as threads:
                read = dict(zip(of_key, threads.map(first, of_key.values()), strict=True))
        else:
            read = {key: first(candidates) for key, candidates in of_key.items()}
        found = {key: one for key, one in read.items() if isinstance(one, Wording)}
        return found, {key for key, one in read.items() if isinstance(one, Gone)}

    def read_compacted(self, wanted: Collection[str] | None, prompt_version: str = "") -> dict[str, Wording]:
        """Wordings that are compacted, by key.

        Args:
            wanted: keys; None means all.
            prompt_version: of this one only; empty means all.
        """
        found: dict[str, Wording] = {}
        for (name, of_version), table in self.load_compacted(prompt_version).items():
            rows = table
            if wanted is not None:
                rows = table.filter(pc.is_in(table["cache_key"], pa.array(wanted, pa.string())))
            for key, wording in wordings_of(rows):
                if isinstance(wording, NoWording):
                    self._warn(Kept(name, key), str(wording))
                elif wording.configuration.prompt_version != of_version:
                    self._warn(Kept(name, key), "it is of another prompt version")
                else:
                    found.setdefault(key, wording)
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
        raise StoreUnavailable("the compacted wordings change faster than they can be read: try again")

    def remove(self, objects: Iterable[Kept]) -> None:
        """Remove objects for ever; all of them are gone when this returns."""
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(self._objects.remove, objects))

    def _find(self, wanted: set[str] | None, prefix: str) -> dict[str, Wording]:
        """Look for wordings below a prefix of names; None of them wanted means all."""
        found: dict[str, Wording] = {}
        missing = wanted
        for _ in range(ROUNDS):
            if missing is not None and not missing:
                break
            alone = self.alone(prefix)
            found |= self.read_compacted(missing, prefix.partition("/")[0])
            there = {place.cache_key for _, place in alone if missing is None or place.cache_key in missing}
            more, missing = self.read_alone(alone, there - found.keys())
            found |= more
        return found

    def _load(self, kept: Kept) -> pa.Table | None:
        table = self._tables.get(kept.name)
        if table is None:
            try:
                content = self._objects.read(kept, MAX_TABLE_BYTES)
                if hashlib.sha256(content).hexdigest() not in kept.name:
                    raise NoWordings("it is not what its name says")
                table = of_parquet(content)
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
