"""Each column of a model of market data is described, and each described column is there."""

from __future__ import annotations

from pathlib import Path

import duckdb
import yaml
from tests.market.small_warehouse import written

from tribolake.settings import PROJECT_DIR

COLUMNS = """
    select table_name, list(column_name) from information_schema.columns where table_schema <> 'control' group by all
"""


def test_described_columns_are_those_of_the_warehouse(computed_lake: Path):
    with duckdb.connect(written(computed_lake).warehouse, read_only=True) as warehouse:
        built = {name: set(columns) for name, columns in warehouse.execute(COLUMNS).fetchall()}
    files = [*(PROJECT_DIR / "models" / "market").rglob("*.yml"), PROJECT_DIR / "seeds" / "market" / "seeds.yml"]
    stated = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]
    described = {
        one["name"]: {column["name"] for column in one["columns"] if column["description"]}
        for properties in stated
        for one in (*properties.get("models", ()), *properties.get("seeds", ()))
    }
    assert len(described) > 25
    assert {name: columns ^ built[name] for name, columns in described.items() if columns != built[name]} == {}
