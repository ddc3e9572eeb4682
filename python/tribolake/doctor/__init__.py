"""Examine an installation and a lake: what a run needs, and how to fix what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from tribolake.doctor.installation import INSTALLATION_CHECKS
from tribolake.doctor.lake import LAKE_CHECKS
from tribolake.errors import TribolakeError
from tribolake.settings import Settings

ATTEMPTS = 2  # of a call to the bucket: somebody waits for the answer


@dataclass(frozen=True)
class Check:
    """What was found; `advice` says how to fix it and is empty where nothing is wrong."""

    name: str
    found: str
    advice: str = ""


def examine(settings: Settings) -> Iterator[Check]:
    """Carry out every check. Where one fails, the words of the error are the advice."""
    settings = settings.changed(s3_attempts=ATTEMPTS)
    for name, check in (INSTALLATION_CHECKS | LAKE_CHECKS).items():
        try:
            found, advice = check(settings)
        except (TribolakeError, OSError, duckdb.Error) as error:
            found, advice = "failed", str(error)
        yield Check(name, found, advice)
