"""Read bars that another program wrote as CSV or Parquet, such as Yahoo's former downloads, in confined processes.

Such a file names neither currency nor zone, and no splits or dividends. Its prices are divided by the splits until it
was fetched, as Yahoo's are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from tribolake.lake import Lake
from tribolake.lake.bronze import BronzeFile
from tribolake.lake.files import make_folder
from tribolake.market.charts import MEANT
from tribolake.readers.confined import ReadingTask, read_files
from tribolake.readers.layout import ANY_SHEET, FileLayout, SheetLayout
from tribolake.readers.reading import Reading, ReadingLimits
from tribolake.settings import Settings

SUFFIXES = ("csv", "parquet")
LAYOUT = FileLayout((SheetLayout(ANY_SHEET, "Date"),), is_declared=False)
NEEDED = ("open", "high", "low", "close", "volume")
NUMBERS = (*NEEDED, "adjclose")
COLUMNS = ("date", *NUMBERS)
# A moment of Parquet is in UTC, and stands for a midnight in an unknown zone. Between 11 and 12 it is one of two days.
PARSE = f"""
    with cells as (
        select row_number, unnest(map_entries(cells)) as cell from read_parquet($staged)
    ),

    named as (
        select
            row_number,
            regexp_replace(lower(cell.key), '#[0-9]+$|[^a-z0-9]', '', 'g') as name,
            nullif(lower(trim(cell.value)), 'null') as text
        from cells
    ),

    written as (
        select
            row_number,
            max(text) filter (where name = 'date') as day,
            {", ".join(f"max(text) filter (where name = '{name}') as {name}" for name in NUMBERS)},
            case
                {" ".join(f"when count(*) filter (where name = '{name}') > 1 then '{name}'" for name in COLUMNS)}
            end as doubled
        from named
        group by row_number
    ),

    bars as (
        select
            row_number,
            day,
            case
                when not regexp_matches(day, '(z|[+-]00:?00)$')
                    then cast(try_strptime(left(day, 10), '%Y-%m-%d') as date)
                when hour(try_cast(left(day, 19) as timestamp)) <> 11
                    then cast(try_cast(left(day, 19) as timestamp) + interval 12 hours as date)
            end as session_date,
            {", ".join(f"try_cast({name} as double) as {name}" for name in NUMBERS)},
            case
                when doubled is not null
                    then concat('several columns are called ', doubled, ': leave one of them, of one ticker')
                {
    " ".join(
        f"when {name} is not null and try_cast({name} as double) is null"
        f" then concat('row ', row_number, ': {name} is not a number: ', left({name}, 40))"
        for name in NUMBERS
    )
}
            end as problem
        from written
    )

    select
        case
            when count(*) = 0 then 'it has no bars'
            when count(*) > $most_bars then concat('it has ', count(*), ' bars, at most ', $most_bars, ' are read')
            when count(session_date) = 0 then 'no date is written as 2025-01-15'
            when count(problem) > 0 then first(problem order by row_number) filter (where problem is not null)
            {" ".join(f"when count({name}) = 0 then 'it has no values in a column {name.title()}'" for name in NEEDED)}
        end as problem,
        list(case when epoch(session_date) {MEANT} then epoch(session_date)::bigint end order by row_number) as times,
        {", ".join(f"list({name} order by row_number) as {name}" for name in NUMBERS)}
    from bars
"""


def read_tables(settings: Settings, lake: Lake, files: Sequence[BronzeFile]) -> Iterator[tuple[BronzeFile, Reading]]:
    """Read files in confined processes. The rows of each are staged: :func:`bars_of` parses them."""
    make_folder(settings.staging, settings.state)
    tasks = [ReadingTask(lake.content(file), _prefix(settings), LAYOUT) for file in files]
    yield from zip(files, read_files(tasks, ReadingLimits.of(settings)), strict=True)


def bars_of(
    connection: duckdb.DuckDBPyConnection, settings: Settings, sha256: str, fetched_at: datetime, most_bars: int
) -> dict[str, Any]:
    """Parse the staged rows of a file.

    Returns:
        Arrays of a response by name, and the `problem` if it cannot be used. The session of the day of the fetch (UTC)
        counts as unfinished, because the file does not say when it ends.
    """
    with connection.cursor() as cursor:
        staged = f"{_prefix(settings)}{sha256}.parquet"
        rows = cursor.execute(PARSE, {"staged": staged, "most_bars": most_bars}).to_arrow_table()
    day = fetched_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    found: dict[str, Any] = rows.to_pylist()[0]
    return found | {
        "names_events": False,
        "regular_start": int(day.timestamp()),
        "regular_end": int((day + timedelta(days=1)).timestamp()),
    }


def _prefix(settings: Settings) -> str:
    return str(settings.staging / "bars.")
