"""ULIDs: names of entries that sort by time, and that no two writers choose alike (github.com/ulid/spec)."""

from __future__ import annotations

import secrets
from datetime import datetime

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: without I, L, O and U
ULID = f"[0-7][{ALPHABET}]{{25}}"
RANDOM_BITS = 80


def new_ulid(at: datetime) -> str:
    """Return a new ULID: 48 bits of milliseconds since 1970, then 80 random ones, as 26 characters."""
    number = int(at.timestamp() * 1000) << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
