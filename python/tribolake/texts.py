"""Texts of files and names, made safe for one line of a terminal, a log or a message."""

from __future__ import annotations

import re
import unicodedata

# Control characters, and format characters that hide, join or turn around what stands next to them.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\U000e0000-\U000e007f]"
)

USER = re.compile(r"://[^/\s]*@")


def one_line(text: object) -> str:
    """Return a text with unseen characters as escapes, for instance `\\x1b` or `\\n`."""
    line = str(text)
    # Pages print thousands of texts. No unseen character is printable, and this asks faster.
    return line if line.isprintable() else UNSEEN.sub(lambda found: ascii(found[0])[1:-1], line)


def cut(text: str, characters: int) -> str:
    """Return a text on one line that is not longer than so many characters."""
    line = one_line(text[: characters + 1])
    return line if len(line) <= characters else line[: characters - 1] + "…"


def not_utf8(name: str) -> bool:
    """Return whether the bytes of a name of a file are not UTF-8. Python has escapes in their place."""
    return any("\ud800" <= character <= "\udfff" for character in name)


def without_users(text: object) -> str:
    """Return a text whose addresses have no user and no password."""
    return USER.sub("://***@", str(text))


def plain(text: str) -> str:
    """Return a text in the form for comparisons: lower case, without accents and without spaces around it."""
    decomposed = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
