"""Metadata and tags of an object, and the limits of S3.

AWS documents ten tags with names of 128 and values of 256 characters, which are letters, spaces, numbers and
`_.:/=+-@`, and 2 KB of metadata in ASCII. Stores differ in what they do beyond: moto drops all tags, Ceph takes
some that AWS refuses. So a label of which nothing may be lost is checked before it is sent.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from tribolake.errors import TribolakeError

MOST_TAGS, LONGEST_NAME, LONGEST_VALUE = 10, 128, 256
MOST_METADATA_BYTES = 2048
IN_TAGS = "_.:/=+-@"
# Printable ASCII is stored as it is, but for the sign of an escape.
AS_IT_IS = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


class LabelRefused(TribolakeError):
    """A label has more than S3 takes."""


@dataclass(frozen=True)
class Label:
    """Metadata (2 KB, ASCII) and tags (ten, 256 characters each) of an object."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def escaped(self) -> dict[str, str]:
        """The metadata as it is sent."""
        return {name: quote(value, safe=AS_IT_IS) for name, value in self.metadata.items()}


def read_metadata(sent: Mapping[str, str]) -> dict[str, str]:
    """Return metadata as it was meant. One store gives names back with `-` for `_`: names have `_` here."""
    return {name.replace("-", "_"): unquote(value) for name, value in sent.items()}


def require_allowed(label: Label, reserved_bytes: int = 0) -> None:
    """Check a label against the limits of S3.

    Args:
        label: the label.
        reserved_bytes: of metadata that the store of objects adds itself.

    Raises:
        LabelRefused: the message names what breaks which limit.
    """
    if len(label.tags) > MOST_TAGS:
        raise LabelRefused(f"{len(label.tags)} tags: S3 takes {MOST_TAGS}")
    for name, value in label.tags.items():
        for text, most in ((name, LONGEST_NAME), (value, LONGEST_VALUE)):
            if len(text) > most:
                raise LabelRefused(f"the tag {name[:LONGEST_NAME]!r} has {len(text)} characters: S3 takes {most}")
            if wrong := [character for character in text if not _is_for_tags(character)]:
                raise LabelRefused(f"the tag {name!r} has the character {wrong[0]!a}, which S3 refuses")
        if not name:
            raise LabelRefused("a tag has no name")
    for name in label.metadata:
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise LabelRefused(f"{name!a} cannot be the name of metadata: use a-z, 0-9, - and _")
    size = reserved_bytes + sum(len(name) + len(value) for name, value in label.escaped.items())
    if size > MOST_METADATA_BYTES:
        raise LabelRefused(f"{size} bytes of metadata: S3 takes {MOST_METADATA_BYTES}")


def _is_for_tags(character: str) -> bool:
    return character in IN_TAGS or unicodedata.category(character)[0] in "LZN"
