"""What is shown of a file: nobody's text moves the cursor of a terminal, clears it, or hides in it."""

from __future__ import annotations

import unicodedata

UNSEEN = "C"  # control, format, surrogate, private and unassigned characters


def visible(text: str) -> str:
    """A text on one line, without characters that cannot be seen."""
    on_one_line = " ".join(text.split())
    return "".join(character for character in on_one_line if unicodedata.category(character)[0] != UNSEEN)
