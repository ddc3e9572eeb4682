"""What if: other limits of a group, other percentiles of it, or another policy."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tribolake.errors import ConfigurationError

BANDS = ("marginal", "condenatorio", "critico")
PUBLISHED_LIMITS = "published_limits"  # the table that has the published ones
LARGEST = 1e9  # no essay has a bound above it
Numbers = tuple[float | None, float | None, float | None]
NONE: Numbers = (None, None, None)
LIMIT_SEED = "policy_limits"


@dataclass(frozen=True)
class LimitGroup:
    """A group of samples and an essay of them, as a row of limits names it. `machine_model` is empty if unknown."""

    client: str  # as published: CDA
    grain: str
    machine: str
    machine_model: str
    component: str
    essay: str
    unit: str


@dataclass(frozen=True)
class Choice:
    """A change of limits. Without a group all limits are calculated again, under `policy` and with the seeds given.
    With one, other groups keep their published limits.

    `upper` and `lower` are limits of the group, in its unit, by band. `percentiles` are between 0 and 100; a band
    without one keeps the percentile of the policy.
    """

    group: LimitGroup | None = None
    upper: Numbers = NONE
    lower: Numbers = NONE
    percentiles: Numbers = NONE
    policy: str = ""

    def check(self) -> None:
        """Check what can be checked without samples.

        Raises:
            ConfigurationError: a number is out of range, or limits do not rise from band to band.
        """
        if self.group is None:
            return
        if any(number is not None for number in self.percentiles):
            self._check_percentiles()
            return
        if self.upper[0] is None and self.lower[0] is None:
            raise ConfigurationError("marginal: give an upper or a lower Marginal limit")
        for numbers, sign in ((self.upper, 1), (self.lower, -1)):
            _check_rising(numbers, sign)
        if None not in (self.upper[0], self.lower[0]) and self.lower[0] >= self.upper[0]:  # type: ignore[operator]
            raise ConfigurationError("lower_marginal: the lower limit must be below the upper one")

    def _check_percentiles(self) -> None:
        if self.upper != NONE or self.lower != NONE:
            raise ConfigurationError("percentile: give limits or percentiles, not both")
        given = [number for number in self.percentiles if number is not None]
        if not all(math.isfinite(number) and 0 < number < 100 for number in given):
            raise ConfigurationError("percentile: give numbers between 0 and 100")
        if sorted(set(given)) != given:
            raise ConfigurationError("percentile: percentiles must rise from band to band")


def _check_rising(numbers: Sequence[float | None], sign: int) -> None:
    given = [number for number in numbers if number is not None]
    if not all(math.isfinite(number) and abs(number) <= LARGEST for number in given):
        raise ConfigurationError("marginal: limits must be numbers up to 1,000,000,000")
    if tuple(given) != tuple(numbers[: len(given)]):
        raise ConfigurationError("condenatorio: a limit needs those of the bands below it")
    if sorted(set(given), key=lambda number: sign * number) != given:
        raise ConfigurationError("condenatorio: limits must rise from band to band, and lower ones fall")


def seed_row(
    group: LimitGroup, policy: str, upper: Numbers, lower: Numbers, reason: str, source: str
) -> dict[str, Any]:
    """Return the row of the seed `policy_limits` that sets limits of a group."""
    limits = dict(zip(BANDS, upper, strict=True)) | dict(zip((f"lower_{band}" for band in BANDS), lower, strict=True))
    return {"policy": policy, **asdict(group), **limits, "reason": reason, "source": source}


def as_seed(row: dict[str, Any]) -> bytes:
    """Return a row of a seed as CSV with its header, in the form of the project's files."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(row)
    writer.writerow(
        ["" if cell is None else f"{cell:.15g}" if isinstance(cell, float) else cell for cell in row.values()]
    )
    return text.getvalue().encode()
