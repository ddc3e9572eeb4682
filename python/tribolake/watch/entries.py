"""Entries besides bronze whose arrival is a reason to run, such as feedback."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tribolake.errors import TribolakeError
from tribolake.lake.inbox import Inbox
from tribolake.lake.replicas import open_objects
from tribolake.settings import Settings
from tribolake.watch.completeness import FileStamp


class EntryFolders:
    """Lists the entries of a product. Each is written once, and complete when it is listed."""

    def __init__(self, settings: Settings, names: Sequence[str], clients: Collection[str] | None) -> None:
        """`names` are folders below the product's, with a folder for each client. `clients` of None means all."""
        self._settings = settings
        self.places = [Inbox(f"{settings.prefix}/{name}") for name in names]
        self._clients = clients
        self._listed: dict[str, FileStamp] = {}

    def has(self, key: str) -> bool:
        """Return whether a key is that of an entry."""
        return key.startswith(tuple(f"{place.folder}/" for place in self.places))

    def stamps(self) -> dict[str, FileStamp]:
        """Return the stamps of all entries by key, or those of the listing before if the lake does not answer.

        Bronze must not wait for entries.
        """
        try:
            objects = open_objects(self._settings)
            listed = [(place.folder, one) for place in self.places for one in objects.files(place.folder)]
        except (TribolakeError, OSError):
            return self._listed
        self._listed = {
            one.key: (0, one.modified_at, "")
            for folder, one in listed
            if self._is_of_a_client(one.key.removeprefix(f"{folder}/"))
        }
        return self._listed

    def _is_of_a_client(self, path: str) -> bool:
        client, _, below = path.partition("/")
        is_hidden = below.rpartition("/")[2].startswith(".")  # a writer is about to rename it
        return bool(below) and not is_hidden and (self._clients is None or client in self._clients)
