"""Numbers of a file's JSON, whatever somebody wrote there: one that is no finite number is none."""

from __future__ import annotations

import json
import math
from typing import Any


def read_json(text: str) -> Any:
    """What a JSON text says, each number a float; None if it is no JSON, or nested too deeply.

    A whole number is read as a float at once: Python refuses to read thousands of digits, a float is infinite then.
    """
    try:
        return json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        return None


def number_in(value: object) -> float | None:
    """A finite number, or None: `NaN`, `Infinity` and what is too large for a float claim nothing."""
    return value if isinstance(value, float) and math.isfinite(value) else None
