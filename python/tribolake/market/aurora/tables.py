"""Tables in Aurora, as the newest migration leaves them. A test compares both, and their columns with those of gold."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

SCHEMA = "tribolake_market"  # MySQL calls a schema a database
INDICATORS = (
    "sma_20", "sma_50", "sma_200", "rsi_14", "macd", "macd_signal", "macd_hist", "bb_upper", "bb_middle", "bb_lower",
    "atr_14", "atr_percent", "vwap", "volume_sma_20", "volume_ratio", "price_vwap_pct", "uncertainty_score",
)  # fmt: skip
FEATURES = (
    "return_1", "return_5", "return_21", "return_ytd", "volatility_30", "volatility_90", "sharpe_30", "sharpe_90",
    "drawdown_30", "drawdown_90", "beta_90", "correlation_90", "relative_strength_90",
)  # fmt: skip
WITH_PERCENTILES = ("rsi_14", "atr_percent", "price_vwap_pct", "volume_ratio", "macd_hist", "uncertainty_score")
MOMENTS = (
    "value", "percentile", "mean", "std", "minimum", "maximum", "frequency_below", "frequency_above", "sessions",
)  # fmt: skip
# The names of the values of each kind. Percentiles have a row per session as the others have: a column per moment.
VALUES = {
    "indicators": INDICATORS,
    "percentiles": tuple(f"{indicator}_{moment}" for indicator in WITH_PERCENTILES for moment in MOMENTS),
    "features": FEATURES,
}
KEY = ("ticker", "session_date", "computation_version")
ORIGIN = ("run_id", "source_raw_data_key", "computed_at")
TICKER, VERSION = sa.String(96), sa.String(64)
METADATA = sa.MetaData(schema=SCHEMA)


def _values(kind: str, names: Sequence[str]) -> sa.Table:
    return sa.Table(
        kind,
        METADATA,
        sa.Column("ticker", TICKER, primary_key=True),
        sa.Column("session_date", sa.Date, primary_key=True),
        sa.Column("computation_version", VERSION, primary_key=True),
        *(sa.Column(name, sa.Double) for name in names),
        sa.Column("undefined", sa.Text),
        sa.Column("run_id", sa.String(64)),
        sa.Column("source_raw_data_key", sa.String(1024)),
        sa.Column("computed_at", sa.DateTime(timezone=True)),
    )


TABLES = {kind: _values(kind, names) for kind, names in VALUES.items()}
# What deliveries have written: a digest of the rows of a month, in the same transaction as the rows.
DELIVERED_MONTHS = sa.Table(
    "delivered_months",
    METADATA,
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("ticker", TICKER, primary_key=True),
    sa.Column("month", sa.String(7), primary_key=True),
    sa.Column("digest", sa.String(32), nullable=False),
)
