"""The values of all sessions, and what deliveries have written of them."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None
SCHEMA = "tribolake_market"
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


def upgrade() -> None:
    for kind, names in (
        ("indicators", INDICATORS),
        ("percentiles", [f"{indicator}_{moment}" for indicator in WITH_PERCENTILES for moment in MOMENTS]),
        ("features", FEATURES),
    ):
        op.create_table(
            kind,
            sa.Column("ticker", sa.String(96), primary_key=True),
            sa.Column("session_date", sa.Date(), primary_key=True),
            sa.Column("computation_version", sa.String(64), primary_key=True),
            *(sa.Column(name, sa.Double()) for name in names),
            sa.Column("undefined", sa.Text()),
            sa.Column("run_id", sa.String(64)),
            sa.Column("source_raw_data_key", sa.String(1024)),
            sa.Column("computed_at", sa.DateTime(timezone=True)),
            schema=SCHEMA,
        )
    op.create_table(
        "delivered_months",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("ticker", sa.String(96), primary_key=True),
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("digest", sa.String(32), nullable=False),
        schema=SCHEMA,
    )
