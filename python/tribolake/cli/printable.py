"""Texts of files and names, made safe for a terminal and for a spreadsheet."""

from __future__ import annotations

import re

from tribolake.texts import UNSEEN, one_line

# A bracket with the backslashes before it, and the rest of a tag if it begins one: rich reads pairs of backslashes
# before a tag as one each, and those before another bracket as they are. `rich.markup.escape` knows tags only.
BRACKET = re.compile(r"(\\*)\[([a-z#/@][^\[]*?\])?")
FORMULA = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")  # how a text begins that a spreadsheet may calculate
LAST_BACKSLASHES = re.compile(r"\\+$")


def printable(text: object) -> str:
    """Return a text on one line for a console of rich, which would take `[red]` for markup."""
    escaped = BRACKET.sub(lambda found: rf"{found[1] * (2 if found[2] else 1)}\[{found[2] or ''}", one_line(text))
    # A tag without an effect follows the last backslashes, so that they do not escape the tag of a caller.
    return LAST_BACKSLASHES.sub(lambda found: f"{2 * found[0]}[none][/none]", escaped)


def in_json(text: str) -> str:
    """Return JSON whose unseen characters are escapes: they stand in strings only."""
    return UNSEEN.sub(lambda found: "".join(f"\\u{unit:04x}" for unit in _utf16(found[0])), text)


def not_a_formula(text: str) -> str:
    """Return a text that a spreadsheet takes for text: with an apostrophe before it if it looks like a formula."""
    return f"'{text}" if UNSEEN.sub("", text).lstrip()[:1] in FORMULA else text


def _utf16(character: str) -> list[int]:
    units = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
