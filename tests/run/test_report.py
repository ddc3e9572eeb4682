"""What a run reports of the files that it tried."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb
import pytest

from tribolake.products import PRODUCTS
from tribolake.run.report import describe_failed_files

BEFORE, NOON, AFTER = (datetime(2026, 1, 5, hour, tzinfo=UTC) for hour in (6, 12, 18))


@pytest.fixture(params=PRODUCTS, ids=lambda product: product.name)
def tried(request: pytest.FixtureRequest) -> Iterator:
    """A function that tells the failed files of attempts: file, hour and status."""
    product = request.param
    with duckdb.connect() as warehouse:
        warehouse.execute("create schema bronze")
        warehouse.execute(
            f"create table {product.warehouse.arrivals}"
            " (client text, file_key text, arrived_at timestamptz, status text, message text)"
        )

        def failed(*attempts: tuple[str, datetime, str], since: datetime | None = None) -> list[str]:
            warehouse.executemany(
                f"insert into {product.warehouse.arrivals} values ('cda', $1, $2, $3, 'no space')", attempts
            )
            return [one["file"] for one in describe_failed_files(warehouse, product, since)]

        yield failed


def test_file_that_was_read_after_it_failed_is_not_told(tried):
    assert tried(("a", BEFORE, "failed"), ("a", AFTER, "loaded"), ("b", AFTER, "failed"), since=BEFORE) == ["b"]


def test_file_that_fails_after_it_was_read_is_told(tried):
    assert tried(("a", BEFORE, "loaded"), ("a", AFTER, "failed")) == ["a"]


def test_failure_of_an_earlier_run_is_not_told_again(tried):
    attempts = (("a", BEFORE, "failed"), ("b", AFTER, "failed"))
    assert tried(*attempts, since=NOON) == ["b"]
