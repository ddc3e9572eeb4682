"""Deliver what was computed to each sink, as the last step of a run or by `tribolake market deliver`.

The warehouse has the computation first: see `outbox.py`. What a sink that fails or hangs did not confirm stays pending.
The other sink is served all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError, is_interrupt
from tribolake.lake.custody import Custody, lock_machine
from tribolake.market.applied_versions import make_current
from tribolake.market.deadline import GivenUp, each_within, within
from tribolake.market.outbox import Delivery, Receipt, confirm, note_problem, pending, prepare, waits
from tribolake.market.sinks import Sink, sink_names, sinks_of
from tribolake.product import Product, Progress, StepResult
from tribolake.run.attempt import keep_status, share_status
from tribolake.run.history import keep_history
from tribolake.run.home import open_custody
from tribolake.run.plan import new_run_id
from tribolake.run.project import Fingerprints
from tribolake.run.run_records import PastRun, is_unfinished, last_run
from tribolake.run.warehouse import open_warehouse, table_exists
from tribolake.settings import Settings

NOT_CURRENT = "the warehouse has tables that no run has published: start `tribolake market run`, which delivers them"


@dataclass
class Served:
    """What a sink confirmed, what is still pending, and the first problem."""

    delivered: int = 0
    waiting: int = 0
    problem: str | None = None


def deliver(warehouse: duckdb.DuckDBPyConnection, settings: Settings, run_id: str, progress: Progress) -> StepResult:
    """Deliver everything that was computed. What a sink did not confirm stays pending, and needs a look."""
    prepare(warehouse, sink_names(settings), run_id)
    return _result(_serve_all(warehouse, settings, sinks_of(settings), progress))


def deliver_pending(
    product: Product, settings: Settings, progress: Progress = lambda _: None, *, version: str | None = None
) -> StepResult:
    """Deliver what earlier runs computed, without a run.

    Args:
        product: the market product.
        settings: of the product.
        progress: called with each delivery.
        version: a computation version that becomes the current one first. Each ticker gets another object of it.

    Returns:
        The same as the step of a run.

    Raises:
        ConfigurationError: no run has ended yet, there is no such version, or tables are not published yet.
        LakeIsBusy: a run holds the lake.
    """
    served: dict[str, Served] = {}
    with lock_machine(settings):
        custody = open_custody(settings)
        with custody.hold():
            custody.restore()
            past = None
            if settings.warehouse.exists():
                with open_warehouse(settings.warehouse) as warehouse:
                    past = last_run(warehouse)
                    if past is not None and table_exists(warehouse, "control", "pending_deliveries"):
                        run_id = past.run_id
                        if version:
                            run_id = _make_current(warehouse, product, settings, past, version, custody)
                        served = _serve_published(warehouse, product, settings, past, run_id, progress)
                        keep_status(settings, warehouse, product)
            if past is None or not served:
                raise ConfigurationError(f"{settings.address} has nothing to deliver yet: start `tribolake market run`")
            share_status(settings)
            custody.save(past.run_id, changed=True)
    return _result(served)


def _make_current(
    warehouse: duckdb.DuckDBPyConnection,
    product: Product,
    settings: Settings,
    past: PastRun,
    version: str,
    custody: Custody,
) -> str:
    """Make a version current, and keep that in the lake. Returns the id under which its values are delivered.

    A process that is killed afterwards leaves deliveries that are due: the next run makes them.
    """
    if not _is_published(warehouse, product, past):
        raise ConfigurationError(NOT_CURRENT)
    now = datetime.now(UTC)
    run_id = new_run_id(now)
    make_current(warehouse, version, now, run_id)
    # Without the lake a later run copies it.
    keep_history(warehouse, product, settings, run_id, custody.assert_lease_held)
    return run_id


def _is_published(warehouse: duckdb.DuckDBPyConnection, product: Product, past: PastRun) -> bool:
    return not is_unfinished(warehouse, product, past) and past.fingerprints == Fingerprints.of(product)


def _serve_published(
    warehouse: duckdb.DuckDBPyConnection,
    product: Product,
    settings: Settings,
    past: PastRun,
    run_id: str,
    progress: Progress,
) -> dict[str, Served]:
    """Serve every sink. If tables may differ from what is published, serve the lake, whose objects are kept, only."""
    sinks = sinks_of(settings)
    if _is_published(warehouse, product, past):
        prepare(warehouse, sink_names(settings), run_id)
        return _serve_all(warehouse, settings, sinks, progress)
    left_out = {
        sink.name: Served(waiting=len(pending(warehouse, sink.name)), problem=NOT_CURRENT)
        for sink in sinks[1:]
        if waits(warehouse, [sink.name])
    }
    return _serve_all(warehouse, settings, sinks[:1], progress) | left_out


def _serve_all(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings, sinks: Sequence[Sink], progress: Progress
) -> dict[str, Served]:
    served = {}
    for sink in sinks:
        served[sink.name] = serve(warehouse, sink, settings.market.sink_seconds, progress)
        note_problem(warehouse, sink.name, served[sink.name].problem)
    return served


def serve(warehouse: duckdb.DuckDBPyConnection, sink: Sink, seconds: float, progress: Progress) -> Served:
    """Deliver to one sink what is pending, the oldest first. It is given up if it confirms nothing for `seconds`."""
    waiting = pending(warehouse, sink.name)
    served = Served(waiting=len(waiting))
    if not waiting:
        return served
    # Whatever goes wrong with a sink, it must not keep the other one from being served.
    try:
        within(seconds, sink.open, sink.abandon)
        for start in range(0, len(waiting), sink.at_once):
            _serve_some(warehouse, sink, waiting[start : start + sink.at_once], seconds, served, progress)
    except GivenUp:
        served.problem = served.problem or f"it confirmed nothing for {seconds:g} s, and was given up"
    except Exception as error:
        served.problem = served.problem or _problem(error)
    finally:
        sink.close()
    return served


def _serve_some(
    warehouse: duckdb.DuckDBPyConnection,
    sink: Sink,
    deliveries: Sequence[Delivery],
    seconds: float,
    served: Served,
    progress: Progress,
) -> None:
    """Store deliveries at the same time. What was stored is confirmed, also if the sink is given up."""
    for delivery in deliveries:
        progress(f"deliver {delivery.kind} {delivery.ticker} to {sink.name}")
    receipts: dict[Delivery, Receipt] = {}
    try:
        contents = sink.gather(warehouse, deliveries)
        stores = [partial(sink.store, *each) for each in zip(deliveries, contents, strict=True)]
        for position, result in each_within(seconds, stores, sink.abandon):
            if isinstance(result, Receipt):
                receipts[deliveries[position]] = result
            else:  # of this delivery
                served.problem = served.problem or _problem(result)
    except GivenUp:
        raise
    except Exception as error:  # of these deliveries
        served.problem = served.problem or _problem(error)
    finally:
        if receipts:
            confirm(warehouse, receipts)
            served.delivered += len(receipts)
            served.waiting -= len(receipts)


def _problem(error: BaseException) -> str:
    if is_interrupt(error):
        raise error
    return str(error) or type(error).__name__


def _result(served: dict[str, Served]) -> StepResult:
    report: dict[str, Any] = {name: asdict(one) for name, one in served.items()}
    return StepResult(report=report, needs_a_look=any(one.waiting or one.problem for one in served.values()))
