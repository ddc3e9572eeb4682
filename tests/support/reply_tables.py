"""The tables of replies in a warehouse, as dbt makes them before a build."""

from __future__ import annotations

import re

from tribolake.settings import PROJECT_DIR

MACRO = PROJECT_DIR / "macros" / "ensure_control_tables.sql"
TABLE = r"create table if not exists control\.(?:replies|unworded|shown_replies)\b.*?;"


def reply_tables() -> str:
    statements = re.findall(TABLE, MACRO.read_text(encoding="utf-8"), re.DOTALL)
    assert len(statements) == 3
    return "create schema if not exists control;" + "\n".join(statements)
