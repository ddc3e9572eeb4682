"""A fingerprint of the code and seeds that compute values."""

from __future__ import annotations

from functools import cache

from tribolake.run.project import fingerprint


@cache
def code_of() -> str:
    """Return the first 16 digits of a SHA-256 over what a value depends on besides its responses."""
    models = ("models/market/**/*.sql", "models/market/**/*.py", "macros/market/*.sql")
    seeds = (f"seeds/market/{name}.csv" for name in ("benchmarks", "computations", "thresholds"))
    python = ("charts", "computing", "features", "indicators", "percentiles", "responses", "tables", "windows")
    return fingerprint(*models, *seeds, *(f"python/tribolake/market/{name}.py" for name in python))[:16]
