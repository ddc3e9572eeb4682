"""The published contract of the market product."""

from __future__ import annotations

from tribolake.product import Contract, Entity, PublicTable

UNIVERSE = "universe"  # all tickers are published together
BY_SESSION = ("ticker", "session_date")
BY_VERSION = (*BY_SESSION, "computation_version")

INDICATORS = PublicTable("indicators", "gold.indicators", key=BY_VERSION, order=BY_VERSION, without=("client",))
PERCENTILES = PublicTable(
    "percentiles",
    "gold.percentiles",
    key=(*BY_VERSION, "indicator"),
    order=(*BY_VERSION, "indicator"),
    without=("client",),
)
FEATURES = PublicTable("features", "gold.features", key=BY_VERSION, order=BY_VERSION, without=("client",))
CORRELATIONS = PublicTable(
    "correlations",
    "gold.correlations",
    key=("ticker", "other_ticker"),
    order=("ticker", "other_ticker"),
    without=("client",),
)
BARS = PublicTable("bars", "silver.bars", key=BY_SESSION, order=BY_SESSION, without=("client",))
REJECTED = PublicTable(
    "rejected_bars",
    "silver.rejected_bars",
    key=(),
    order=("ticker", "fetched_at", "content_id", "position"),
    without=("client",),
)
CORRECTIONS = PublicTable(
    "bar_corrections",
    "silver.bar_corrections",
    key=(),
    order=("ticker", "session_date", "corrected_at", "content_id"),
    without=("client",),
)
MISSING = PublicTable(
    "missing_sessions", "silver.missing_sessions", key=(), order=("ticker", "session_date"), without=("client",)
)
QUALITY = PublicTable(
    "quality_findings",
    "silver.quality_findings",
    key=(),
    order=("ticker", "rule", "session_date"),
    without=("client",),
)

CONTRACT = Contract(
    schema_version="1.0",
    tables=(INDICATORS, PERCENTILES, FEATURES, CORRELATIONS),
    samples=BARS,
    entities=(
        Entity("bars", BARS),
        Entity("indicators", INDICATORS),
        Entity("features", FEATURES),
    ),
    sources="""
        select file_key, version_id, sha256, size_bytes from bronze.raw_responses
        where status = 'loaded' and $client = 'universe'
        order by file_key
    """,
    change_log="market/logs/changes.jsonl",
    notes=(REJECTED, CORRECTIONS, MISSING, QUALITY),
)
