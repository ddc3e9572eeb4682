"""A run without news ends in a third of the time that importing dbt takes, so `tribolake market` imports little."""

from __future__ import annotations

import subprocess
import sys

LARGE = ("boto3", "dbt", "fastapi", "numpy", "pandas", "pyarrow", "sqlalchemy", "talib", "xlsxwriter", "yfinance")


def test_commands_of_market_import_no_large_library():
    words = f"import sys, tribolake.cli.market; print(*(set(sys.modules) & set({LARGE})))"
    done = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
