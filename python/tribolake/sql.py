"""Names and values in SQL text, for places where no value can be bound."""

from __future__ import annotations

import re

# Of a name of a file, DuckDB takes these for a pattern, and a question mark for the end of the path of a database.
PATTERN_SIGNS = re.compile(r"[*?[]")


def quoted(identifier: str) -> str:
    """Return a name as a quoted SQL identifier.

    Raises:
        ValueError: the name has a zero byte. DuckDB can hold such a name, but SQL has no way to write it.
    """
    if "\0" in identifier:
        raise ValueError(f"no SQL can name a column with a zero byte: {identifier[:80]!r}")
    return '"' + identifier.replace('"', '""') + '"'


def file_pattern(path: str) -> str:
    """Return a pattern that only one path has. In `read_parquet` the path `a[1].parquet` would be `a1.parquet`."""
    return PATTERN_SIGNS.sub(r"[\g<0>]", path)


def literal(value: object) -> str:
    """Return a text or a truth value as an SQL literal."""
    if isinstance(value, bool):
        return str(value).lower()
    # DuckDB takes a zero byte for the end of a statement.
    parts = ["'" + part.replace("'", "''") + "'" for part in str(value).split("\0")]
    return parts[0] if len(parts) == 1 else f"({' || chr(0) || '.join(parts)})"
