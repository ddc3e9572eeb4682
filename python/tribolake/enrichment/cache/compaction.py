"""Many wordings that stand alone become one Parquet file, and nothing is lost or there twice on the way."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from tribolake.enrichment.cache.kept import distinct, in_order
from tribolake.enrichment.cache.names import COMPACTED, Place
from tribolake.enrichment.cache.table import as_parquet
from tribolake.enrichment.cache.write_once import Kept, WriteOnce
from tribolake.errors import StoreUnavailable

if TYPE_CHECKING:
    from tribolake.enrichment.cache.kept import KeptWordings


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
    stood_alone, _ = wordings.read_alone(alone, {place.cache_key for _, place in alone})
    merged = {name for name, _ in wordings.load_compacted(prompt_version)}
    compacted = wordings.read_compacted(None, prompt_version)
    read = {key: distinct(in_order(compacted.get(key, ()), several)) for key, several in stood_alone.items()}
    # Rows stand for the first places: where nothing can be read in one of them, what comes after it would move up.
    last = {place.cache_key: place.number for _, place in alone}  # they are in the order of their places
    read = {key: several for key, several in read.items() if len(several) >= last[key]}
    whole = {**compacted} | {key: several for key, several in read.items() if several}
    if not whole:
        return 0
    content = as_parquet(chain.from_iterable(whole.values()))
    name = f"{COMPACTED}{prompt_version}/{hashlib.sha256(content).hexdigest()}.parquet"
    if name not in merged:  # the one before was killed after that
        objects.put(name, content)
    there = wordings.read_compacted(whole.keys(), prompt_version)
    if any(there.get(key, ())[: len(several)] != several for key, several in whole.items()):
        raise StoreUnavailable(f"{name} does not say what was put into it: nothing was removed, try again")
    taken_in = [(kept, place) for kept, place in alone if place.cache_key in read.keys() & whole.keys()]
    wordings.remove(kept for kept, _ in taken_in)
    wordings.remove(kept for kept, _ in wordings.together(prompt_version) if kept.name in merged - {name})
    return len({place.cache_key for _, place in taken_in})
