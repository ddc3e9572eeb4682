"""How DuckDB would carry out the models: work grows with the rows, not with their square."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from tests.support.lab_files import finning

from tribolake.oil.product import OIL
from tribolake.run.dbt import Dbt
from tribolake.run.pipeline import run
from tribolake.settings import load_settings

# They compare distinct names, units, columns or families with rows of a seed. None of these grows with the samples.
COMPARE_EACH_WITH_EACH = {"int_names", "int_essay_units", "stg_columns", "matched_rules"}


@pytest.mark.slow
def test_no_model_compares_each_sample_with_each_other(parsed_project: None, tmp_path: Path):
    """A left join whose condition is more than a comparison of columns is carried out row by row."""
    settings = load_settings(lake=tmp_path)
    delivered = tmp_path / "oil-analysis" / "bronze" / "cda" / "a.xlsx"
    delivered.parent.mkdir(parents=True)
    delivered.write_bytes(finning({}))
    run(OIL, settings)
    with Dbt(OIL, settings) as dbt:
        models = dbt.compile("path:models/oil,config.materialized:scope path:models/oil,config.materialized:view")
        warehouse = dbt.warehouse()
        in_sql = {name: sql for name, sql in models.items() if "def model(" not in sql}
        found = {name for name, sql in in_sql.items() if compares_each_with_each(warehouse, sql)}
    assert len(models) > 50
    assert found <= COMPARE_EACH_WITH_EACH


def compares_each_with_each(warehouse: duckdb.DuckDBPyConnection, sql: str) -> bool:
    [(_, plan)] = warehouse.execute(f"explain {sql}").fetchall()
    return "BLOCKWISE_NL_JOIN" in plan
