"""Tables in Aurora, as the newest migration leaves them. A test compares both, and their columns with those of gold."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from tribolake.market.aurora.columns import VALUES

SCHEMA = "tribolake_market"  # MySQL calls a schema a database
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
