"""A run without news ends in a third of the time that importing dbt takes, so `tribolake market` imports little."""

from __future__ import annotations

import subprocess
import sys

import pytest

LARGE = ("boto3", "dbt", "fastapi", "numpy", "pandas", "pyarrow", "sqlalchemy", "talib", "xlsxwriter", "yfinance")


@pytest.mark.parametrize("module", ["cli.market.run", "cli.market.status", "market.steps"])
def test_command_that_may_find_nothing_new_imports_no_large_library(module: str):
    words = f"import sys, tribolake.{module}; print(*(set(sys.modules) & set({LARGE})))"
    done = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
