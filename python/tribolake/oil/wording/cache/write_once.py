"""What the cache asks of a place: objects that are written once, and are read as they were written first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Kept:
    """An object that is there: its name, such as `v1/{key}.json`, and which one of that name it is."""

    name: str
    version: str = ""


class Gone(Exception):
    """An object that was listed is there no more."""


class Unreadable(Exception):
    """An object that is too large, or not even a file."""


class WriteOnce(Protocol):
    """A place for objects. Threads and processes may use it at once."""

    def listing(self, prefix: str) -> list[Kept]:
        """The objects whose names begin with `prefix`; of one name, what was stored first comes first.

        What this has shown stays there through a loss of power.
        """

    def read(self, kept: Kept, max_bytes: int) -> bytes:
        """The content of an object that was listed.

        Raises:
            Gone: it was removed meanwhile.
            Unreadable: it has more than `max_bytes`.
        """

    def put(self, name: str, content: bytes) -> Kept | None:
        """Store an object durably, whole or not at all, where none has its name.

        Returns:
            What was stored; None where an object has the name. Of several that were stored at once all may succeed:
            `listing` says which was first.
        """

    def remove(self, kept: Kept) -> None:
        """Remove an object for ever; none there is no error."""

    def tidy(self) -> None:
        """Remove what writers that died long ago left behind."""
