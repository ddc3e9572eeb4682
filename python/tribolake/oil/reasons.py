"""Reasons for a run of the oil product without new files."""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb

from tribolake.oil.feedback.loading import has_new_feedback
from tribolake.oil.seeds import read_seed
from tribolake.oil.wording.prompt import configuration_of
from tribolake.oil.wording.waiting import configuration_text, is_wording_due
from tribolake.run.warehouse import table_exists
from tribolake.settings import Settings


def reasons(warehouse: duckdb.DuckDBPyConnection, settings: Settings, policy: str, now: datetime) -> dict[str, bool]:
    """Check which reasons hold for a run with a policy at a moment."""
    (row,) = (row for row in read_seed("policies") if row["policy"] == policy)
    last_days = int(row["limits_last_days"])
    return {
        "contents are to be checked again": has_unprocessed_contents(warehouse),
        "samples dated ahead have become due": has_due_samples(warehouse),
        "limits are old and samples came since": has_old_limits(warehouse, last_days, now),
        "feedback came since the last run": has_new_feedback(warehouse, settings),
        "recommendations wait for their wording": settings.asks_a_model and waits_for_wording(warehouse, settings, now),
    }


def has_unprocessed_contents(connection: duckdb.DuckDBPyConnection) -> bool:
    """Check for loaded contents that no build completed, or that a retry marked."""
    if not table_exists(connection, "changes", "int_contents"):
        return False
    row = connection.execute(
        "select count(*) from changes.int_contents"
        " where content_id not in (select content_id from control.processed_contents)"
    ).fetchone()
    return bool(row and row[0])


def has_due_samples(connection: duckdb.DuckDBPyConnection) -> bool:
    """Check for samples that arrived with a future date which has passed now."""
    if not table_exists(connection, "control", "processed_contents"):
        return False
    due = connection.execute("select count(*) from control.processed_contents where due_at <= timezone('UTC', now())")
    return bool((due.fetchone() or (0,))[0])


def has_old_limits(connection: duckdb.DuckDBPyConnection, last_days: int, now: datetime) -> bool:
    """Check for limits older than `last_days` days, if files were loaded since."""
    if not table_exists(connection, "control", "limit_calculations"):
        return False
    row = connection.execute("select min(calculated_at) from control.limit_calculations").fetchone()
    if row is None or row[0] is None or row[0] > now - timedelta(days=last_days):
        return False
    last = connection.execute("select max(arrived_at) from bronze.bronze_arrivals where status = 'loaded'").fetchone()
    return bool(last and last[0] and last[0] > row[0])


def waits_for_wording(warehouse: duckdb.DuckDBPyConnection, settings: Settings, now: datetime) -> bool:
    said = configuration_text(configuration_of(settings), sees_comments=settings.model.sees_comments)
    return is_wording_due(warehouse, said, now)
