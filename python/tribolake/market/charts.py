"""Parse chart JSON as Yahoo serves it: one query for many responses. A field of the wrong type is null."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

MOST_BARS = 100_000
PRICES = ("open", "high", "low", "close", "volume")
ARRAYS = (*PRICES, "adjclose")

NUMBERS, TIMES = pa.list_(pa.float64()), pa.list_(pa.int64())
PARSED = pa.schema(
    [
        ("problem", pa.string()),
        ("currency", pa.string()),
        ("exchange", pa.string()),
        ("zone", pa.string()),
        ("regular_start", pa.int64()),
        ("regular_end", pa.int64()),
        ("names_events", pa.bool_()),
        ("times", TIMES),
        *((name, NUMBERS) for name in ARRAYS),
        ("split_times", TIMES),
        ("split_ratios", NUMBERS),
        ("dividend_times", TIMES),
        ("dividend_amounts", NUMBERS),
    ]
)
# Of what Yahoo calls chart JSON. Its arrays have one value per timestamp.
RESULT = "$.chart.result[0]"
PATHS = (
    "$.chart.error",
    f"{RESULT}.meta",
    f"{RESULT}.events.splits",
    f"{RESULT}.events.dividends",
    f"{RESULT}.timestamp",
    f"{RESULT}.indicators.adjclose[0].adjclose",
    *(f"{RESULT}.indicators.quote[0].{name}" for name in PRICES),
)
PARSE = f"""
    -- JSON is text: every question parses all of it, so all are asked at once.
    with asked as materialized (
        select
            number, symbol, body, json_valid(body) as is_json,
            if(json_valid(body), json_extract(body, {list(PATHS)}), null) as found
        from texts
    ),

    results as (
        select
            number, symbol, body, is_json,
            found[1] as error,
            found[2] as meta,
            try_cast(found[3] as map(varchar, struct(date bigint, numerator double, denominator double))) as splits,
            try_cast(found[4] as map(varchar, struct(date bigint, amount double, currency varchar))) as dividends,
            try_cast(found[5] as bigint[]) as times,
            try_cast(found[6] as double[]) as adjclose,
            {", ".join(f"try_cast(found[{number + 7}] as double[]) as {name}" for number, name in enumerate(PRICES))}
        from asked
    ),

    parsed as materialized (
        select
            *,
            meta ->> '$.currency' as currency,
            meta ->> '$.exchangeName' as exchange,
            meta ->> '$.exchangeTimezoneName' as zone,
            try_cast(meta ->> '$.currentTradingPeriod.regular.start' as bigint) as regular_start,
            try_cast(meta ->> '$.currentTradingPeriod.regular.end' as bigint) as regular_end,
            [one for one in map_values(splits) if one.date is not null and one.numerator > 0 and one.denominator > 0]
                as good_splits,
            [one for one in map_values(dividends) if one.date is not null and one.amount > 0] as good_dividends
        from results
    )

    select
        case
            when not is_json and regexp_matches(body, '^[\\s\\x{{FEFF}}]*<') then 'it is a web page, not a chart'
            when not is_json then 'it is not JSON: it may be cut off'
            when json_type(error) <> 'NULL'
                then concat('Yahoo answered ', error ->> '$.code', ': ', left(error ->> '$.description', 200))
            when coalesce(json_type(meta), 'NULL') <> 'OBJECT' then 'it has no result'
            when upper(meta ->> '$.symbol') is distinct from symbol
                then concat('it is of the symbol ', coalesce(left(meta ->> '$.symbol', 40), 'null'), ', not ', symbol)
            when meta ->> '$.dataGranularity' is distinct from '1d'
                then concat('its bars are of ', coalesce(left(meta ->> '$.dataGranularity', 20), 'null'), ', not of 1d')
            when zone is null or zone not in (select name from pg_timezone_names())
                then concat('its time zone ', coalesce(left(zone, 40), 'null'), ' is unknown')
            when coalesce(len(times), 0) = 0 then 'it has no bars'
            when len(times) > {MOST_BARS} then concat('it has ', len(times), ' bars, at most {MOST_BARS} are read')
            {
    " ".join(
        f"when {name} is null then 'indicators.quote has no {name}: a field was renamed'"
        f" when len({name}) <> len(times)"
        f" then concat('{name} has ', len({name}), ' values for ', len(times), ' times')"
        for name in PRICES
    )
}
        end as problem,
        currency, exchange, zone, regular_start, regular_end, true as names_events, times,
        {", ".join(PRICES)},
        if(len(adjclose) = len(times), adjclose, null) as adjclose,
        [one.date for one in good_splits] as split_times,
        [one.numerator / one.denominator for one in good_splits] as split_ratios,
        [one.date for one in good_dividends] as dividend_times,
        -- In another currency than the prices it is no share of them. Not a number: a quality rule tells of it.
        [
            if(coalesce(one.currency, currency) is distinct from currency, 'nan'::double, one.amount)
            for one in good_dividends
        ] as dividend_amounts
    from parsed
    order by number
"""


def parse_charts(connection: duckdb.DuckDBPyConnection, texts: list[dict[str, Any]]) -> pa.Table:
    """Parse chart JSON: `number`, `symbol` and `body` of each. Returns a row of the shape `PARSED` for each."""
    schema = pa.schema([("number", pa.int64()), ("symbol", pa.string()), ("body", pa.string())])
    with connection.cursor() as cursor:
        cursor.register("texts", pa.Table.from_pylist(texts, schema=schema))
        try:
            return cursor.execute(PARSE).to_arrow_table().cast(PARSED)
        finally:
            cursor.unregister("texts")
