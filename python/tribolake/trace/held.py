"""Copies of published files that a server holds for as long as a request may read them.

A run removes the version before the last one. A request that began before keeps its copies, so it is answered whole.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from weakref import WeakSet, finalize

from tribolake.errors import ContractBroken
from tribolake.lake.files import sha256_of
from tribolake.lake.objects import ObjectNotFound, Objects
from tribolake.trace.manifests import Publication


class HeldFiles:
    """Files of a publication in a temporary folder, which is removed when nobody refers to this object any more.

    A file that the lake lacks, or that is not what the manifest says, is not held. Whoever reads it asks the lake, and
    hears why.
    """

    def __init__(self, objects: Objects, publication: Publication, names: Collection[str]) -> None:
        """Copy the files of these names that the manifest lists.

        Raises:
            OSError: there is no room for them.
        """
        folder = Path(tempfile.mkdtemp(prefix="tribolake-published-"))
        self._remove = finalize(self, shutil.rmtree, folder, ignore_errors=True)
        _HELD.add(self)
        self._held: dict[str, Path] = {}
        for name in names:
            if (sha256 := publication.sha256_of(name)) is None:
                continue
            with suppress(ObjectNotFound, ContractBroken, FileNotFoundError):
                copy = shutil.copyfile(fetch_published(objects, publication, name), folder / name)
                if sha256_of(copy) == sha256:
                    self._held[f"{publication.folder}/{name}"] = copy

    def remove(self) -> None:
        """Remove the copies, though somebody may refer to this object."""
        self._remove()

    def path_of(self, key: str) -> Path | None:
        """Return the copy of an object. Returns None if it is not held."""
        return self._held.get(key)


_HELD: WeakSet[HeldFiles] = WeakSet()


def remove_all_held() -> None:
    """Remove the copies of this process, when it ends. A thread may still refer to some."""
    for held in list(_HELD):
        held.remove()


def fetch_published(objects: Objects, publication: Publication, name: str) -> Path:
    """Return a file of a publication on this machine.

    Raises:
        ObjectNotFound: it is not there.
        ContractBroken: a bucket has other bytes than the manifest says.
    """
    # A bucket's file is kept on this machine under its SHA-256. The file of a folder is read in place.
    is_in_bucket = objects.address("").startswith("s3://")
    return objects.fetch(f"{publication.folder}/{name}", publication.sha256_of(name) if is_in_bucket else None)
