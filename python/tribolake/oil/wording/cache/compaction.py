"""Many wordings that stand alone become one Parquet file, and nothing is lost or there twice on the way."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from tribolake.errors import StoreUnavailable
from tribolake.oil.wording.cache.kept import Compacted, Name, Rows, distinct, in_order, merged
from tribolake.oil.wording.cache.names import COMPACTED, Place
from tribolake.oil.wording.cache.table import as_parquet
from tribolake.oil.wording.cache.write_once import Kept, WriteOnce

if TYPE_CHECKING:
    from tribolake.oil.wording.cache.kept import KeptWordings


def compact(wordings: KeptWordings, objects: WriteOnce, at_least: int) -> int:
    """Compact each prompt version that has so many wordings that stand alone; returns how many do no longer."""
    by_version: dict[str, list[tuple[Kept, Place]]] = defaultdict(list)
    for kept, place in wordings.alone():
        by_version[place.prompt_version].append((kept, place))
    files = Counter(prompt_version for _, prompt_version in wordings.together())
    done = 0
    for prompt_version in sorted(by_version.keys() | files.keys()):
        alone = by_version[prompt_version]
        # A compaction that was killed may have left files whose wordings are in another one.
        if len({place.cache_key for _, place in alone}) >= at_least or files[prompt_version] > 1:
            done += _compact(wordings, objects, prompt_version, alone)
    return done


def _compact(wordings: KeptWordings, objects: WriteOnce, prompt_version: str, alone: list[tuple[Kept, Place]]) -> int:
    """Compact a prompt version.

    Each step may be the last one. Until the new file is there the old ones say the same; from then on it says what they
    say, and what is left of them is removed by the next compaction.
    """
    # Of whose wordings somebody removes one meanwhile, he has put it into a file of his own: the key stays out of this.
    stood_alone, _ = wordings.read_alone(alone, None)
    files = wordings.read_compacted(None, prompt_version)
    compacted = merged(files)
    read = {name: distinct(in_order(compacted.get(name, ()), several)) for name, several in stood_alone.items()}
    # Rows stand for the first places: where nothing can be read in one of them, what comes after it would move up.
    last = {_name_of(place): place.number for _, place in alone}  # they are in the order of their places
    read = {name: several for name, several in read.items() if len(several) >= last[name]}
    whole = {**compacted} | {name: several for name, several in read.items() if several}
    if not whole:
        return 0
    file = _that_says(files, whole) or _put(objects, prompt_version, whole)
    there = merged(wordings.read_compacted(None, prompt_version))
    if any(there.get(name, ())[: len(several)] != several for name, several in whole.items()):
        raise StoreUnavailable(f"{file} does not say what was put into it: nothing was removed, try again")
    taken_in = [(kept, place) for kept, place in alone if _name_of(place) in read.keys() & whole.keys()]
    wordings.remove(kept for kept, _ in taken_in)
    outdone = _outdone_by(file, files, whole)
    wordings.remove(kept for kept, _ in wordings.together(prompt_version) if kept.name in outdone)
    return len({place.cache_key for _, place in taken_in})


def _name_of(place: Place) -> Name:
    return place.prompt_version, place.cache_key


def _that_says(files: Sequence[Compacted], whole: Rows) -> str | None:
    """The first file that says it all, in whatever bytes: another release of Arrow writes the same rows otherwise."""
    return next((file.name for file in files if file.rows == whole), None)


def _put(objects: WriteOnce, prompt_version: str, whole: Rows) -> str:
    content = as_parquet(chain.from_iterable(whole.values()))
    name = f"{COMPACTED}{prompt_version}/{hashlib.sha256(content).hexdigest()}.parquet"
    objects.put(name, content)
    return name


def _outdone_by(name: str, files: Sequence[Compacted], whole: Rows) -> set[str]:
    """The files that nobody needs beside the one of this name, which says it all.

    Two compactions at once may each keep what the other one would remove. So a file gives way only to one that says
    more, or the same under an earlier name; and one with something that this release cannot read is left to a newer
    one.
    """
    said = set(chain.from_iterable(whole.values()))
    as_much = [file.name for file in files if set(chain.from_iterable(file.rows.values())) == said]
    if name != min([name, *as_much]):
        return set()  # they say it in different orders, and the first file's counts
    return {file.name for file in files if file.is_whole} - {name}
