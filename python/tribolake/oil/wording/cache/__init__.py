"""Wordings of a lake, shared by all who run on it: the first one that is kept for a key is everybody's, for ever.

recommendations/{prompt_version}/{cache_key}.json            a wording, as it came
recommendations/_compacted/{prompt_version}/{sha256}.parquet many of them, one row each; what it says goes before JSON
recommendations/_expired/{prompt_version}/{time}             says that all that was worded until then has expired

All are written once and never changed. Several programs may keep a wording for one key at once: all of them get the
same one back. Compaction makes one Parquet file of the wordings of a prompt version and removes what it has taken in;
who looks meanwhile finds every wording in one place or the other.

A key may have several wordings, in the order in which they were kept: whoever looks names what he does not take, and
gets the first of the rest. So a wording that the guards of today refuse makes room for another one, and is not lost.

names       what may stand where                 write_once  what the cache asks of a place
table       wordings as Parquet                  in_folder   a place on a disk
kept        find, keep, count and expire         in_bucket   a place in a bucket
compaction  many objects become one              in_both     a place and its copy
transfer    export and import
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tribolake.errors import StoreUnavailable
from tribolake.oil.wording.wording import Wording
from tribolake.settings import Settings

if TYPE_CHECKING:
    from tribolake.oil.wording.cache.kept import KeptWordings

# What is wrong with the sentences of a wording; empty where nothing is.
Validate = Callable[[Wording], Sequence[str]]
FOLDER = "recommendations"


def anything(_: Wording) -> Sequence[str]:
    """Finds nothing wrong with a wording."""
    return ()


class NoPlaceLeft(StoreUnavailable):
    """All places of a key are taken by what cannot be used."""


@dataclass(frozen=True)
class Refused:
    """A row of a file that was not taken; `row` counts from 1."""

    row: int
    cache_key: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Imported:
    """What became of the rows of a file: new ones were taken, for known ones the lake's own wording stays."""

    taken: int
    known: int
    refused: tuple[Refused, ...] = ()


class WordingCache(Protocol):
    """The wordings of a lake. Threads, processes and machines may use it at once.

    Methods raise StoreUnavailable where the bucket, and OSError where the disk, does not do what it is asked for.
    """

    def find(self, keys: Collection[str], validate: Validate = anything) -> dict[str, Wording]:
        """The wordings of these keys that are there, by key; those with which something is wrong are passed over.

        In a bucket that is two listings, one download for each compacted file that this process has not read yet, and
        one for each wanted wording that is not compacted.
        """

    def keep(self, wording: Wording, validate: Validate = anything) -> Wording:
        """Keep a wording, unless its key has one with which nothing is wrong: that one is returned, then and for ever.

        It is durable when this returns.

        Raises:
            ValueError: it is none that can be kept, or something is wrong with it; the message says what.
        """

    def count(self) -> dict[str, int]:
        """How many keys there are, by prompt version, as far as names tell."""

    def compact(self, at_least: int = 1) -> int:
        """Put wordings that stand alone into one file for each prompt version.

        Args:
            at_least: a prompt version with fewer wordings that stand alone is left as it is.

        Returns:
            How many wordings stood alone and do no longer.
        """

    def expire(self, prompt_version: str) -> int:
        """Remove the wordings of a prompt version for ever; returns how many keys there were.

        Raises:
            ValueError: it cannot be the name of one.
        """

    def export_to(self, path: Path) -> int:
        """Write every wording into a Parquet file, in the order of keys; returns how many.

        Of one key, those that were kept first come first.
        """

    def import_from(self, path: Path, validate: Validate) -> Imported:
        """Keep the wordings of a file that was exported, by this lake or another.

        Args:
            path: a Parquet file; nothing in it is believed.
            validate: looks at the sentences of each row.

        Raises:
            NoWordings: the file as a whole cannot be used.
        """

    def bring_in_line(self) -> int:
        """Have the copy, where there is one, say what the lake says; returns how many wordings were copied."""


def open_wordings(settings: Settings) -> WordingCache:
    """The wordings of the lake that the settings name; nothing is asked of it yet.

    In mode `dual` the folder is the truth and the bucket its copy, in mode `s3-primary` the other way round.
    """
    if settings.storage_mode == "local":
        return _in_folder(settings)
    if settings.storage_mode == "s3":
        return _in_bucket(settings)
    from tribolake.oil.wording.cache.in_both import WordingsInBoth  # noqa: PLC0415

    if settings.is_on_s3:
        return WordingsInBoth(_in_bucket(settings), _in_folder(settings))
    return WordingsInBoth(_in_folder(settings), _in_bucket(settings))


def _in_folder(settings: Settings) -> KeptWordings:
    from tribolake.oil.wording.cache.in_folder import FolderObjects  # noqa: PLC0415
    from tribolake.oil.wording.cache.kept import KeptWordings  # noqa: PLC0415 - Arrow, which a run without news needs not

    return KeptWordings(FolderObjects(settings.lake, settings.lake / settings.prefix / FOLDER))


def _in_bucket(settings: Settings) -> KeptWordings:
    from tribolake.lake.store import open_store  # noqa: PLC0415
    from tribolake.oil.wording.cache.in_bucket import BucketObjects  # noqa: PLC0415 - a folder needs no S3 library
    from tribolake.oil.wording.cache.kept import KeptWordings  # noqa: PLC0415

    return KeptWordings(BucketObjects(open_store(settings), f"{settings.prefix}/{FOLDER}/"))
