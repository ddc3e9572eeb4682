"""Which guards judge wordings today: what they took before may be refused once they, or what they read, changed."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from tribolake.settings import PROJECT_DIR

HERE = Path(__file__).parent


@cache
def guard_version() -> str:
    """A SHA-256 over code and tables of this package, and the seeds: rather judged once too often than too late."""
    seeds = PROJECT_DIR / "seeds" / "oil"
    digest = hashlib.sha256()
    for path in sorted([*HERE.rglob("*.py"), *HERE.rglob("*.csv"), *seeds.glob("*.csv")]):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
