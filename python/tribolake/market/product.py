"""The market product, as the platform takes it."""

from __future__ import annotations

from tribolake.market.applied_versions import CURRENT
from tribolake.market.contract import CONTRACT, UNIVERSE
from tribolake.market.keys import IMPORT, YFINANCE, place, raw_inbox
from tribolake.market.quality import ALL, HELD, TROUBLES
from tribolake.product import HistoryTable, Product, Sources, Steps, Warehouse

# What sinks have not confirmed.
PENDING = """
    select sink, count(*) as waiting, cast(min(computed_at) as varchar) as since, any_value(problem) as problem
    from control.pending_deliveries group by sink order by sink
"""
# Versions that were made current: no response says so.
APPLIED = HistoryTable("control.applied_versions", identity="run_id")
WAREHOUSE = Warehouse(
    arrivals="bronze.raw_responses",
    from_files=("bronze.raw_responses",),
    arrived="""
        select
            'universe', count(distinct responses.file_key), sum(responses.rows_read),
            sum(responses.rows_read) - sum(coalesce(rejected.bars, 0)),
            0, sum(coalesce(rejected.bars, 0))
        from bronze.raw_responses as responses
        left join (
            select content_id, count(*) as bars from silver.rejected_bars group by content_id
        ) as rejected on responses.content_id = rejected.content_id
        where arrived_at >= $since
        having count(*) > 0
    """,
    samples="select 'universe', count(*) from silver.bars",
    touched="select distinct 'universe' from changes.touched_tickers",
    troubles=f"""
        select
            concat('ticker ', ticker) as identity,
            concat(symbol, ' has responses, and no bar of them can be used') as words
        from gold.ticker_status
        where sessions = 0 and ticker not in (select ticker from changes.held_tickers)
        union all
        {TROUBLES}
        union all
        select concat('sink ', sink), concat(sink, ' did not confirm all values: ', problem) from ({PENDING})
        where problem is not null
        order by all
    """,
    rejected="""
        select
            'universe' as client, bars.file_key as file, bars.reason, 'row' as subject, reasons.meaning, reasons.advice,
            count(*) as rejected, count(*) as rows, round(count(*) / any_value(responses.rows_read), 4) as share,
            bool_or(reasons.needs_a_look) as is_worth_telling, bool_or(reasons.needs_a_look) as needs_a_look,
            concat(bars.content_id, ' ', bars.reason) as identity,
            list({
                'sheet': null::varchar, 'row': bars.position, 'column': null::varchar, 'sample': bars.ticker,
                'essay': null::varchar, 'text': null::varchar, 'detail': cast(bars.session_date as varchar)
            } order by bars.position)[:3] as examples
        from silver.rejected_bars as bars
        inner join seeds.bar_rejections as reasons on bars.reason = reasons.reason
        inner join bronze.raw_responses as responses on bars.content_id = responses.content_id
        group by bars.file_key, bars.content_id, bars.reason, reasons.meaning, reasons.advice
        order by needs_a_look desc, file, rejected desc, bars.reason
    """,
    history=(APPLIED,),
    shown={
        "current_version": CURRENT,
        "deliveries": PENDING,
        "tickers": "select * exclude (client) from gold.ticker_status order by ticker",
        "held_tickers": HELD,
        "findings": ALL,
        "failed_files": """
            select file_key as file, message as problem, arrived_at as last_attempt from bronze.raw_responses
            qualify status = 'failed' and row_number() over (partition by file_key order by arrived_at desc) = 1
            order by file_key
        """,
    },
)

SOURCES = Sources(
    python=(
        "python/tribolake/lake/ledger.py",
        "python/tribolake/market/calendars.py",
        "python/tribolake/market/charts.py",
        "python/tribolake/market/computing.py",
        "python/tribolake/market/contract.py",
        "python/tribolake/market/correlations.py",
        "python/tribolake/market/features.py",
        "python/tribolake/market/indicators.py",
        "python/tribolake/market/keys.py",
        "python/tribolake/market/percentiles.py",
        "python/tribolake/market/reasons.py",
        "python/tribolake/market/responses.py",
        "python/tribolake/market/symbols.py",
        "python/tribolake/market/tables.py",
        "python/tribolake/market/windows.py",
        "python/tribolake/readers/*.py",
    ),
    readers=(
        "models/market/bronze/*.py",
        "python/tribolake/market/charts.py",
        "python/tribolake/market/keys.py",
        "python/tribolake/market/responses.py",
        "python/tribolake/market/symbols.py",
        "python/tribolake/market/tables.py",
        "python/tribolake/readers/*.py",
    ),
)


def _steps() -> Steps:
    from tribolake.market.steps import STEPS  # noqa: PLC0415 - a command that runs nothing needs none of it

    return STEPS


MARKET = Product(
    name="market",
    address=f"{__name__}:MARKET",
    contract=CONTRACT,
    warehouse=WAREHOUSE,
    sources=SOURCES,
    clients=lambda: [UNIVERSE],
    client_folders=lambda: {YFINANCE: UNIVERSE, IMPORT: UNIVERSE},
    policies=lambda: ["default"],
    steps=_steps,
    prefix="market",
    memory_limit="300MB",  # a run takes three times as much, however many tickers there are
    imports=("pyarrow", "talib", "tribolake.market.computing"),
    permanent=lambda settings: [place(settings, "raw"), place(settings, "processed")],
    inbox=raw_inbox,
)
