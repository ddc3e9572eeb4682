"""Names and values in SQL text, for places where no value can be bound."""

from __future__ import annotations


def quoted(identifier: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: object) -> str:
    """Return a text or a truth value as an SQL literal."""
    return str(value).lower() if isinstance(value, bool) else "'" + str(value).replace("'", "''") + "'"
