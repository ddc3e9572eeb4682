"""One row per entry of feedback, as it was written, and per object among them that is not one."""

import pyarrow as pa

from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.loading import read_new
from tribolake.settings import load_settings

FEEDBACK = pa.schema(
    [
        ("feedback_key", pa.string()),
        ("content", pa.string()),
        ("problem", pa.string()),
        ("read_at", pa.timestamp("us", "UTC")),
    ]
)


def model(dbt, session):
    dbt.config(materialized="scope", incremental_strategy="append", full_refresh=False)
    (retry_failed,) = dbt.source("control", "run_request").project("retry_failed").fetchone()
    loaded = frozenset()
    if dbt.is_incremental:
        # Another release may read what this one could not.
        wanted = "problem is null" if retry_failed else "true"
        rows = session.sql(f"select feedback_key from {dbt.this} where {wanted}").fetchall()
        loaded = frozenset(key for (key,) in rows)
    return pa.Table.from_pylist(read_new(open_objects(load_settings()), loaded), schema=FEEDBACK)
