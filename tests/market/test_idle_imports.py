"""A run without news ends in a third of the time that importing dbt takes, so `tribolake market` imports little."""

from __future__ import annotations

import subprocess
import sys

import pytest

LARGE = ("boto3", "dbt", "fastapi", "numpy", "pandas", "pyarrow", "sqlalchemy", "talib", "xlsxwriter", "yfinance")


@pytest.mark.parametrize("command", ["run", "status"])
def test_command_that_may_find_nothing_new_imports_no_large_library(command: str):
    words = f"import sys, tribolake.cli.market.{command}; print(*(set(sys.modules) & set({LARGE})))"
    done = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
