"""What other machines of the same model show in the same component: medians along an axis."""

from __future__ import annotations

from dataclasses import dataclass

from tribolake.lake.objects import Objects
from tribolake.oil.contract import RESULTS
from tribolake.oil.questions.axis import Axis
from tribolake.oil.questions.published import rows
from tribolake.oil.questions.series import ComponentSeries
from tribolake.settings import Settings
from tribolake.sql import literal

LEAST_MACHINES = 3  # behind a median
PARTS = 12  # of an axis, about
MONTH, QUARTER, YEAR = "month", "quarter", "year"
LONGEST_DAYS = {MONTH: 2 * 366, QUARTER: 8 * 366}  # of an axis whose parts are months, or quarters
HOURS = {"machine": "machineHours", "oil": "oilMeter"}
# Each machine counts once, however many samples it gave: a median of the medians of machines.
MEDIANS = f"""
    with

    sisters as (
        select laboratory, sampleNumber, sampleOccurrence, unitId, {{low}} as low, {{high}} as high
        from classified_reports
        where
            machineModel = {{model}} and componentNameNormalized = {{family}} and unitId <> {{unit}}
            and {{low}} is not null
    ),

    of_machines as (
        select essay, unit, low, high, unitId, median(value) as value
        from {RESULTS.name}
        inner join sisters using (laboratory, sampleNumber, sampleOccurrence, unitId)
        where essay in ({{essays}}) and rejection is null and value is not null
        group by all
    )

    select essay, unit, low, high, median(value) as value, count(*) as machines
    from of_machines
    group by all
    having count(*) >= {LEAST_MACHINES}
    order by all
"""


@dataclass(frozen=True)
class Part:
    """The median of a part of an axis, from low to high, of this many machines."""

    essay: str
    unit: str | None
    low: float
    high: float
    value: float
    machines: int


def sister_medians(
    settings: Settings, client: str, unit: str, found: ComponentSeries, axis: Axis, published: Objects | None = None
) -> list[Part]:
    """Read what the other machines of a model show in a component, on the sides of the machine together.

    Parts with fewer than three machines are left out. Values out of the method's range count as gold calculates with
    them.

    Args:
        settings: the lake.
        client: its folder. Machines of other clients are not asked.
        unit: the machine itself.
        found: its series. Only their essays are asked.
        axis: of the series. Its parts are months, quarters or years, or equal numbers of hours.
        published: objects of the lake, pinned if other questions must see the same publication.
    """
    if not found.model or not found.family or not found.series:
        return []
    low, high = _part_of(axis)
    query = MEDIANS.format(
        low=low,
        high=high,
        model=literal(found.model),
        family=literal(found.family),
        unit=literal(unit),
        essays=", ".join(literal(series.essay) for series in found.series),
    )
    return [Part(**row) for row in rows(settings, query, [client], published, needs=[RESULTS.name])]


def hours_of_part(axis: Axis) -> float:
    """Return the round number of hours that a part of an axis has."""
    rough = max((axis.last - axis.first) / PARTS, 10)
    power = 10.0 ** (len(str(int(rough))) - 1)
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def period_of_part(axis: Axis) -> str:
    """Return the period of the calendar that a part of an axis of days has."""
    length = axis.last - axis.first
    return next((period for period, longest in LONGEST_DAYS.items() if length <= longest), YEAR)


def _part_of(axis: Axis) -> tuple[str, str]:
    """Return the SQL expressions of the ends of a sample's part."""
    if axis.kind == "date":
        period = period_of_part(axis)
        begin = f"date_trunc('{period}', sampleDate)"
        return _day(begin), _day(f"({begin} + interval 1 {period})")
    width = hours_of_part(axis)
    low = f"floor({HOURS[axis.kind]} / {width:.1f}) * {width:.1f}"
    return low, f"{low} + {width:.1f}"


def _day(moment: str) -> str:
    """Return the SQL expression of a day's number, as `date.toordinal` counts."""
    return f"cast(datediff('day', date '0001-01-01', cast({moment} as date)) + 1 as double)"
