"""Run a product on the lake that the environment names: `python -m tests.support.run_product MODULE:NAME`."""

from __future__ import annotations

import json
import pkgutil
import sys

from tribolake.run.pipeline import run
from tribolake.settings import load_settings

if __name__ == "__main__":
    product = pkgutil.resolve_name(sys.argv[1])
    report = run(product, product.of(load_settings()))
    started_dbt = "dbt.cli.main" in sys.modules
    sys.stdout.write(json.dumps(report.as_dict() | {"started_dbt": started_dbt}, default=str))
