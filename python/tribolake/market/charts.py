"""Parse chart JSON as Yahoo serves it: one query for many responses. A field of the wrong type is null."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

MOST_BARS = 100_000
MOST_EVENTS = 10_000  # of a kind: each bar is adjusted for those after it
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
        ("gain_times", TIMES),
        ("gain_amounts", NUMBERS),
    ]
)
NAMED = "coalesce(greatest(len(splits), len(dividends), len(capital_gains)), 0)"
# Seconds of a time that can be meant, from 1800 to 2200. Others are milliseconds, or nothing that a calendar knows.
MEANT = "between -5364662400 and 7258118399"
# Of what Yahoo calls chart JSON. Its arrays have one value per timestamp.
RESULT = "$.chart.result[0]"
PATHS = (
    "$.chart.error",
    f"{RESULT}.meta",
    f"{RESULT}.events",
    f"{RESULT}.timestamp",
    f"{RESULT}.indicators.adjclose[0].adjclose",
    *(f"{RESULT}.indicators.quote[0].{name}" for name in PRICES),
)


def _array(position: int, kind: str) -> str:
    """Return the array at a path. `true` and `false` are no numbers, and DuckDB takes them for 1 and 0."""
    found, text = f"found[{position}]", f"found[{position}]::varchar"
    without_booleans = f"replace(replace({text}, 'true', 'null'), 'false', 'null')::json"
    return f"""case
                when contains({text}, 'true') or contains({text}, 'false') then try_cast({without_booleans} as {kind}[])
                else try_cast({found} as {kind}[])
            end"""


def _shown(text: str, characters: int) -> str:
    """Return a text of a response for a message: short, and without characters that a terminal obeys."""
    return f"regexp_replace(left({text}, {characters}), '\\p{{C}}', '?', 'g')"


def _seconds(text: str) -> str:
    """Return a time. None if it is not one."""
    return f"case when try_cast({text} as bigint) {MEANT} then try_cast({text} as bigint) end"


def _name(name: str) -> str:
    """Return what is wrong with a name of a response, which may be missing."""
    value = f"meta ->> '$.{name}'"
    return f"""
            when coalesce(json_type(meta, '$.{name}'), 'NULL') <> 'NULL' and (
                json_type(meta, '$.{name}') <> 'VARCHAR' or not regexp_full_match({value}, '[ -~]{{1,32}}')
            ) then concat('its {name} cannot be one: ', {_shown(value, 40)})"""


def _paid(kind: str) -> str:
    """Return the payments of a response."""
    return f"""list_transform(json_extract(found[3], '$.{kind}.*'), lambda one: {{
                'written': one::varchar,
                'time': {_seconds("one ->> '$.date'")},
                'amount': try_cast(one ->> '$.amount' as double),
                'currency': nullif(one ->> '$.currency', '')
            }})"""


def _amounts(paid: str) -> str:
    """Return the amounts of payments. In another currency than the prices they are no share of them: not a number.

    A quality rule tells of those.
    """
    return f"""[
            if(coalesce(one.currency, currency) is distinct from currency, 'nan'::double, one.amount) for one in {paid}
        ]"""


def _event(kind: str, found: str, is_good: str) -> str:
    """Return what is wrong with the splits or payments of a response. Without one of them, prices are other ones."""
    bad = f"list_filter({found}, lambda one: not coalesce(one.time is not null and {is_good}, false))"
    return f"""
            when coalesce(json_type(events, '$.{kind}'), 'NULL') not in ('NULL', 'OBJECT')
                then 'its events.{kind} are not named by their times'
            when len({bad}) > 0
                then concat('one of its {kind} cannot be read: ', {_shown(f"{bad}[1].written", 200)})"""


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
            found[3] as events,
            list_transform(json_extract(found[3], '$.splits.*'), lambda one: {{
                'written': one::varchar,
                'time': {_seconds("one ->> '$.date'")},
                'ratio': try_cast(one ->> '$.numerator' as double) / try_cast(one ->> '$.denominator' as double)
            }}) as splits,
            {_paid("dividends")} as dividends,
            {_paid("capitalGains")} as capital_gains,
            list_transform({_array(4, "bigint")}, lambda one: case when one {MEANT} then one end) as times,
            {_array(5, "double")} as adjclose,
            {", ".join(f"{_array(number + 6, 'double')} as {name}" for number, name in enumerate(PRICES))}
        from asked
    ),

    parsed as materialized (
        select
            *,
            meta ->> '$.currency' as currency,
            meta ->> '$.exchangeName' as exchange,
            meta ->> '$.exchangeTimezoneName' as zone,
            {_seconds("meta ->> '$.currentTradingPeriod.regular.start'")} as regular_start,
            {_seconds("meta ->> '$.currentTradingPeriod.regular.end'")} as regular_end,
            list_filter(dividends, lambda one: one.amount > 0) as paid,
            list_filter(capital_gains, lambda one: one.amount > 0) as gained
        from results
    )

    select
        case
            when not is_json and regexp_matches(body, '^\\s*<') then 'it is a web page, not a chart'
            when not is_json then 'it is not JSON: it may be cut off'
            when json_type(error) <> 'NULL' then concat(
                'Yahoo answered ',
                coalesce(
                    {_shown("(error ->> '$.code') || ': ' || (error ->> '$.description')", 200)},
                    {_shown("error::varchar", 200)}
                )
            )
            when coalesce(json_type(meta), 'NULL') <> 'OBJECT' then 'it has no result'
            when upper(meta ->> '$.symbol') is distinct from symbol
                then concat('it is of the symbol ', coalesce({
    _shown("meta ->> '$.symbol'", 40)
}, 'null'), ', not ', symbol)
            when meta ->> '$.dataGranularity' is distinct from '1d' then concat(
                'its bars are of ', coalesce({_shown("meta ->> '$.dataGranularity'", 20)}, 'null'), ', not of 1d'
            )
            when zone is null or zone not in (select name from pg_timezone_names())
                then concat('its time zone ', coalesce({_shown("zone", 40)}, 'null'), ' is unknown')
            {_name("currency")}
            {_name("exchangeName")}
            when coalesce(json_type(events), 'NULL') not in ('NULL', 'OBJECT')
                then 'its events are not splits, dividends and others'
            {_event("splits", "splits", "one.ratio > 0 and isfinite(one.ratio)")}
            {_event("dividends", "dividends", "one.amount >= 0 and isfinite(one.amount)")}
            {_event("capitalGains", "capital_gains", "one.amount >= 0 and isfinite(one.amount)")}
            when {NAMED} > {MOST_EVENTS}
                then concat('it names ', {NAMED}, ' splits, dividends or gains, at most {MOST_EVENTS} are read')
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
        [one.time for one in splits] as split_times,
        [one.ratio for one in splits] as split_ratios,
        [one.time for one in paid] as dividend_times,
        {_amounts("paid")} as dividend_amounts,
        [one.time for one in gained] as gain_times,
        {_amounts("gained")} as gain_amounts
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
