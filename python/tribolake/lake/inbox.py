"""Where the files of a product arrive in the lake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tribolake.lake.ignored import kind_of_ignored


@dataclass(frozen=True)
class Inbox:
    """`{folder}/{client}/…/{date}/{file}`: `depth` folders, the first of them the client's, stand above a date folder.

    `kind_of_ignored` gets the names of the folders and of the file. It returns the kind of a name that is no delivery.
    """

    folder: str
    depth: int = 1
    kind_of_ignored: Callable[[Sequence[str]], str | None] = kind_of_ignored

    @classmethod
    def below(cls, prefix: str) -> Inbox:
        """Return the inbox of a product that has none of its own: `bronze` in its folder."""
        return cls(f"{prefix}/bronze")

    def above_dates(self, folders: Sequence[str]) -> str:
        """Return the folder that the date folder of a file is in, given the folders of the file."""
        return "/".join(folders[: self.depth])
