"""Check whether an installation and a lake have what a run needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from tribolake.doctor.installation import INSTALLATION_CHECKS
from tribolake.doctor.lake import LAKE_CHECKS
from tribolake.errors import TribolakeError, with_advice
from tribolake.settings import Settings

ATTEMPTS = 2  # of a call to the bucket: a person waits for the answer


@dataclass(frozen=True)
class Check:
    """A finding. `advice` says how to fix a problem and is empty if there is none."""

    name: str
    found: str
    advice: str = ""


def examine(settings: Settings) -> Iterator[Check]:
    """Run every check. If one fails, its error message is the advice."""
    settings = settings.changed(s3_attempts=ATTEMPTS)
    for name, check in (INSTALLATION_CHECKS | LAKE_CHECKS).items():
        try:
            found, advice = check(settings)
        except (TribolakeError, OSError, duckdb.Error) as error:
            found, advice = "failed", with_advice(str(error))
        yield Check(name, found, advice)
