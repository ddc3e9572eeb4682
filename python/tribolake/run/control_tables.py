"""Control tables, as dbt macros declare them: requests of runs, and records of past runs."""

from __future__ import annotations

import re

from tribolake.settings import PROJECT_DIR

BODY = re.compile(r"\{% macro \w+\(\) -%\}(?P<ddl>.*)\{%- endmacro %\}", re.DOTALL)


def control_tables(product: str = "") -> str:
    """Read the DDL that creates the tables, and upgrades those of earlier releases.

    Args:
        product: a folder of `macros` for the tables of a data product; empty for the tables of the platform.
    """
    text = (PROJECT_DIR / "macros" / product / "control_tables.sql").read_text(encoding="utf-8")
    found = BODY.search(text)
    assert found  # noqa: S101 - the file is part of the project
    return found["ddl"]
