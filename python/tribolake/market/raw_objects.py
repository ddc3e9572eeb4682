"""Raw objects of tickers in the exact versions that a publication used, or else in their first versions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tribolake.errors import StoreUnavailable
from tribolake.lake.objects import Objects, ObjectUnreadable
from tribolake.lake.replicas import open_replicas
from tribolake.market.contract import UNIVERSE
from tribolake.market.keys import IMPORT, MOST_BYTES, YFINANCE, parse_key, place
from tribolake.settings import Settings
from tribolake.trace.manifests import Publication, current_publication

THREADS = 8


@dataclass(frozen=True)
class RawObject:
    """A version of a raw object. `sha256` is None while no publication has used it."""

    key: str
    ticker: str
    fetched_at: datetime
    version_id: str | None
    sha256: str | None = None


@dataclass(frozen=True)
class FetchedObject:
    """A raw object that was fetched again. `problem` says why its bytes are not those that were used."""

    raw: RawObject
    problem: str | None = None


@dataclass(frozen=True)
class FetchedObjects:
    """Fetched raw objects, as a lake in a folder on this machine, while the context of :func:`fetched` lasts."""

    lake: Settings
    objects: Sequence[FetchedObject]

    @property
    def problems(self) -> list[str]:
        return [one.problem for one in self.objects if one.problem]

    def bytes_of(self, key: str) -> bytes:
        return (self.lake.lake / key).read_bytes()


def raw_object(settings: Settings, key: str, version_id: str | None) -> RawObject | None:
    """Return a version of a raw object by its key. None if the key is not one of a raw object of this lake."""
    parsed = parse_key(key)
    if parsed is None or key != place(settings, str(parsed)):
        return None
    return RawObject(key, parsed.ticker, parsed.fetched_at, version_id)


def first_version(settings: Settings, objects: Objects, raw: RawObject) -> RawObject | None:
    """Return a raw object in its first version. None if there is none, nor was."""
    folder = raw.key.rpartition("/")[0]
    found = (raw_object(settings, listed.key, listed.version_id) for listed in objects.versions(folder))
    return next(reversed([one for one in found if one and one.key == raw.key]), None)


def published_objects(settings: Settings, publication: Publication | None) -> dict[str, list[RawObject]]:
    """Return the raw objects of a publication by ticker, from its manifest. Names that no run wrote are left out."""
    found: dict[str, list[RawObject]] = {}
    for source in publication.sources if publication else ():
        raw = raw_object(settings, str(source["key"]), source["version_id"])
        if raw is not None:
            found.setdefault(raw.ticker, []).append(replace(raw, sha256=str(source["sha256"])))
    return found


def known_objects(settings: Settings, tickers: Sequence[str], day: date | None = None) -> Iterator[list[RawObject]]:
    """Return the raw objects of each ticker that were fetched until the end of a day (UTC); None is all of them.

    An object that the current publication used is meant in the version that it used. Of others the first version
    counts: raw objects are written once.
    """
    objects = open_replicas(settings)[0]
    used = published_objects(settings, current_publication(objects, UNIVERSE))
    for ticker in tickers:
        found = {raw.key: raw for raw in _first_versions(settings, objects, ticker)}
        found |= {raw.key: raw for raw in used.get(ticker, ())}
        yield [raw for _, raw in sorted(found.items()) if day is None or raw.fetched_at.date() <= day]


@contextmanager
def fetched(settings: Settings, wanted: Sequence[RawObject]) -> Iterator[FetchedObjects]:
    """Fetch raw objects into a folder on this machine, and compare them with their SHA-256.

    An object that is gone, differs or cannot be read now has a problem, and is not in the folder.
    """
    replicas = open_replicas(settings)
    with TemporaryDirectory(prefix="tribolake-") as folder:
        lake = settings.in_folder(Path(folder))
        lake.state.mkdir()
        with ThreadPoolExecutor(THREADS) as threads:
            objects = list(threads.map(lambda raw: _fetch(replicas, raw, lake.lake / raw.key), wanted))
        yield FetchedObjects(lake, objects)


def _first_versions(settings: Settings, objects: Objects, ticker: str) -> Iterator[RawObject]:
    for source in (YFINANCE, IMPORT):
        # A store lists the versions of a key from the last one to the first.
        for listed in objects.versions(place(settings, f"raw/{source}/{ticker}")):
            raw = raw_object(settings, listed.key, listed.version_id)
            if raw is not None:
                yield raw


def _fetch(replicas: Sequence[Objects], raw: RawObject, path: Path) -> FetchedObject:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if raw.sha256 is None:
            return _fetch_unused(replicas[0], raw, path)
        if any(replica.take(raw.key, raw.sha256, raw.version_id, path) for replica in replicas):
            return FetchedObject(raw)
        is_there = replicas[0].read(raw.key, version_id=raw.version_id) is not None
    except ObjectUnreadable:
        is_there = True
    except (StoreUnavailable, OSError) as error:
        path.unlink(missing_ok=True)
        return FetchedObject(raw, f"{raw.key} cannot be read: {error}")
    path.unlink(missing_ok=True)
    version = f" in version {raw.version_id}" if raw.version_id else ""
    differs = f"has other bytes than those with SHA-256 {raw.sha256 or ''} that were used"
    return FetchedObject(raw, f"{raw.key}{version} {differs if is_there else 'is gone'}")


def _fetch_unused(objects: Objects, raw: RawObject, path: Path) -> FetchedObject:
    """Fetch an object that no publication used: it waits for a run, or it cannot be used."""
    try:
        content = objects.read(raw.key, max_bytes=MOST_BYTES, version_id=raw.version_id)
    except ObjectUnreadable:  # a run fails it as well
        return FetchedObject(raw)
    if content is None:
        return FetchedObject(raw, f"{raw.key} is gone")
    path.write_bytes(content)
    return FetchedObject(replace(raw, sha256=hashlib.sha256(content).hexdigest()))
