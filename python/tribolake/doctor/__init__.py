"""Check whether an installation and a lake have what a run needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import duckdb

from tribolake.doctor.installation import INSTALLATION_CHECKS
from tribolake.doctor.lake import LAKE_CHECKS
from tribolake.errors import TribolakeError, with_advice
from tribolake.settings import Settings

# Returns a finding, and advice if there is a problem.
Examine = Callable[[Settings], tuple[str, str]]
ATTEMPTS = 2  # of a call to the bucket: a person waits for the answer


@dataclass(frozen=True)
class Check:
    """A finding. `advice` says how to fix a problem and is empty if there is none."""

    name: str
    found: str
    advice: str = ""


def examine(settings: Settings, of_products: Mapping[str, Examine] | None = None) -> Iterator[Check]:
    """Run every check, and those of products. If one fails, its error message is the advice."""
    settings = settings.changed(s3_attempts=ATTEMPTS)
    for name, check in (INSTALLATION_CHECKS | LAKE_CHECKS | dict(of_products or {})).items():
        try:
            found, advice = check(settings)
        except (TribolakeError, OSError, duckdb.Error) as error:
            found, advice = "failed", with_advice(str(error))
        yield Check(name, found, advice)
