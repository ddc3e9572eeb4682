"""The folder of the dbt project: the top level of a checkout, or the copy in an installed package."""

from __future__ import annotations

from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parents[1]
IS_CHECKOUT = not (PACKAGE_DIR / "project").exists()
PROJECT_DIR = PACKAGE_DIR.parents[1] if IS_CHECKOUT else PACKAGE_DIR / "project"
