"""Remove keys from texts of an endpoint, which may repeat all or a part of a request."""

from __future__ import annotations

import re

MASK = "***"
LONGEST_READ = 20_000  # an endpoint may say megabytes
# So many characters of the key in a row are not an accident.
TELLING = 8
# Also other keys than that of the settings: gateways use their own.
SECRETS = re.compile(r"\b(?P<bearer>Bearer\s+)\S+|\bsk-[\w*.-]+", re.IGNORECASE)


def masked(text: str, key: str) -> str:
    """Mask the key, parts of it, and whatever looks like another key."""
    shown = _without_parts(text[:LONGEST_READ], key)
    return SECRETS.sub(lambda found: (found["bearer"] or "") + MASK, shown)


def _without_parts(text: str, key: str) -> str:
    length = min(TELLING, len(key))
    if not length:
        return text
    parts = {key[start : start + length] for start in range(len(key) - length + 1)}
    hidden = [False] * len(text)
    for start in range(len(text) - length + 1):
        if text[start : start + length] in parts:
            hidden[start : start + length] = [True] * length
    return re.sub("\0+", MASK, "".join("\0" if hide else letter for letter, hide in zip(text, hidden, strict=True)))
