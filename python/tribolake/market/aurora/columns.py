"""Columns of the tables in Aurora. Most runs need no more of Aurora than these."""

from __future__ import annotations

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
