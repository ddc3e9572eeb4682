"""Shelves: the folder or bucket where readers find published files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Protocol

import duckdb

from tribolake.product import VersionedFolder
from tribolake.publish.places import Places
from tribolake.publish.verification import Difference
from tribolake.publish.version import Version


class Shelf(Protocol):
    """Publishes versions that were made in a local folder."""

    @property
    def root(self) -> Path:
        """The local folder that keys and links are relative to."""

    @property
    def home(self) -> Path:
        """The folder of the data product in it."""

    def current(self, places: Places) -> Version | None:
        """Return the published version with its files on this machine. None if nothing was published."""

    def switch(self, places: Places, version: Version) -> None:
        """Show a finished version to readers instead of the one before."""

    def settle(
        self,
        connection: duckdb.DuckDBPyConnection,
        places: Places,
        version: Version,
        altered: AbstractSet[str] = frozenset(),
    ) -> None:
        """Carry out the settling steps of a published version. This can be repeated.

        `altered` names files of its folder that no step may use.
        """

    def heal(self, places: Places, version: Version, folder: Path, names: AbstractSet[str]) -> None:
        """Put files of a new version's folder back into the replaced version and its snapshot.

        The manifests of both list the same bytes under these names.
        """

    def forget(self, places: Places, keep: Sequence[Version]) -> None:
        """Remove all versions but those in `keep`."""

    def keep_version(self, versioned: VersionedFolder, version: str, folder: Path) -> None:
        """Keep a version permanently. It is complete in `folder`, which the caller renames afterwards."""

    def differences(self, places: Places, version: Version | None) -> list[Difference]:
        """Compare the published version with its manifest. Altered bytes are kept aside."""

    def shows(self, last: Mapping[str, str | None], *, asks_store: bool = False) -> bool:
        """Return whether readers see what was published last, as far as a cheap check can tell.

        `last` has the run that published last, by client, if it is known. The files must be as their manifests say, and
        of that run or of one that replaced it: a copy of an earlier day may have been put back. Without `asks_store`, a
        bucket is not asked: a run with nothing new makes no more calls than it must.
        """

    def require_links(self) -> None:
        """Check that the file system can show versions to readers.

        Raises:
            RunFailed: it has no symbolic links.
        """
