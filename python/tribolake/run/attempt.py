"""Records of runs outside the warehouse: the last attempt, and what the last run knew.

{state}/attempt.json    the last attempt: when it began and ended, its exit code, what it held back since when
{state}/status.json     what only the warehouse knows: the ledger, files that failed, what is not used

A lake in a bucket has the same files below `{prefix}/_state/`, for the status on other machines. An attempt that found
nothing new is kept on its machine only, so that it costs no call.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError, LakeIsBusy, StoreUnavailable, explain, is_interrupt
from tribolake.lake.claims import this_process
from tribolake.lake.files import parse_json, read_regular, write_even_if_full
from tribolake.lake.ledger import Ledger
from tribolake.lake.store import open_store
from tribolake.product import Product
from tribolake.run.rejections import Rejection, read_rejections
from tribolake.run.report import RunReport
from tribolake.run.run_records import last_run, last_shown
from tribolake.run.warehouse import ledger_rows, rows_of
from tribolake.settings import Settings

ATTEMPT, STATUS = "attempt.json", "status.json"
SEAL = '{"seal": "'  # and the SHA-256 of what follows: a record is what a run wrote, or else damaged
OK, FAILED, USAGE, NEEDS_A_LOOK, STOPPED = 0, 1, 2, 4, 130
WHEN_STOPPED = "it was stopped before it ended: nothing is lost, the next run does its work"


@dataclass
class Attempt:
    """A run while it works. It gets its report as soon as there is one."""

    report: RunReport | None = None


@contextmanager
def record_attempt(settings: Settings) -> Iterator[Attempt]:
    """Record that a run begins, and how it ends. The caller holds the lock of this machine.

    A run that finds the lake busy is not an attempt: the record stays as it was.
    """
    before = read_local(settings, ATTEMPT)
    begun = {"begun_at": _now(), "ended_at": None, **this_process()}
    kept = {"held_back": before.get("held_back", {}), "failing_since": failing_since(before), "last": ended(before)}
    _keep(settings, ATTEMPT, begun | kept)
    attempt = Attempt()
    try:
        yield attempt
    except LakeIsBusy:
        _keep(settings, ATTEMPT, before)
        raise
    except BaseException as error:
        words = WHEN_STOPPED if is_interrupt(error) else explain(error)
        _end(settings, begun, kept, attempt.report, exit_code_of(error), words)
        if settings.is_on_s3 and not isinstance(error, StoreUnavailable):
            _share(settings, ATTEMPT)
        raise
    report = attempt.report
    _end(settings, begun, kept, report, NEEDS_A_LOOK if report and report.needs_a_look else OK, None)
    if settings.is_on_s3 and report and not report.nothing_new:
        _share(settings, ATTEMPT)


def exit_code_of(error: BaseException) -> int:
    """Return the exit code of a run that an error ended."""
    if is_interrupt(error):
        return STOPPED
    return USAGE if isinstance(error, ConfigurationError) else FAILED


def failing_since(attempt: Mapping[str, Any]) -> str | None:
    """Return when the attempts began to fail. None if the last one ended well, or if there is none."""
    if not attempt or attempt.get("exit_code") in (OK, NEEDS_A_LOOK):
        return None
    since: str = attempt.get("failing_since") or attempt["begun_at"]
    return since


def ended(attempt: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the last attempt that ended, without what came before it. None if there is none."""
    if not attempt or attempt.get("ended_at"):
        return {name: value for name, value in attempt.items() if name != "last"} or None
    last: dict[str, Any] | None = attempt.get("last")
    return last


def _end(
    settings: Settings,
    begun: Mapping[str, Any],
    kept: Mapping[str, Any],
    report: RunReport | None,
    exit_code: int,
    problem: str | None,
) -> None:
    is_well = exit_code in (OK, NEEDS_A_LOOK)
    record = {**begun, "ended_at": _now(), "exit_code": exit_code, "problem": problem}
    record |= {"failing_since": None if is_well else kept["failing_since"] or begun["begun_at"]}
    held_back: dict[str, Any] = kept["held_back"]
    if report is not None:
        said = report.as_dict()
        shown = ("run_id", "policy", "nothing_new", "reasons", "seconds", "stages", "failed_files", "failed_tests")
        record |= {name: said[name] for name in shown}
        record["clients"] = {
            name: {"published": done.published, "changed": done.changed, "problem": done.problem}
            for name, done in report.clients.items()
        }
        record["rejected"] = sum(one["rejected"] for one in report.rejected)
        # A client that this attempt did not look at stays as it was.
        held_back = {name: since for name, since in held_back.items() if name not in report.clients}
        for client, why in report.problems.items():
            if not report.clients[client].published:
                since = kept["held_back"].get(client, {}).get("since") or begun["begun_at"]
                held_back[client] = {"problem": why, "since": since}
    _keep(settings, ATTEMPT, record | {"held_back": held_back})


def keep_status(
    settings: Settings,
    warehouse: duckdb.DuckDBPyConnection,
    product: Product,
    rejections: Sequence[Rejection] | None = None,
) -> None:
    """Keep what the warehouse knows for `tribolake status`, after a run or a change of the ledger.

    `rejections` spares reading them a second time.
    """
    _keep(settings, STATUS, status_of(warehouse, product, rejections))


def share_status(settings: Settings) -> None:
    """Store the status in the lake's bucket too, if there is one."""
    if settings.is_on_s3:
        _share(settings, STATUS)


def status_of(
    warehouse: duckdb.DuckDBPyConnection, product: Product, rejections: Sequence[Rejection] | None = None
) -> dict[str, Any]:
    """Return what only the warehouse knows. A warehouse of an earlier release may lack some of it."""
    past = last_run(warehouse)
    found: dict[str, Any] = {"report": past.report if past else None, "ledger": ledger_rows(warehouse, product)}
    found["shown"] = last_shown(warehouse)
    for name, query in product.warehouse.shown.items():
        found[name] = []
        with suppress(duckdb.CatalogException, duckdb.BinderException):
            found[name] = rows_of(warehouse, query)
    found["rejected"] = []
    with suppress(duckdb.CatalogException, duckdb.BinderException):
        rejections = read_rejections(warehouse, product) if rejections is None else rejections
        found["rejected"] = [one.as_dict() for one in rejections]
    return found


def ledger_of(status: Mapping[str, Any]) -> Ledger:
    """Return the ledger that a status carries."""
    # Times are text if the status comes from a file.
    return Ledger.of((*row[:3], datetime.fromisoformat(str(row[3])), *row[4:]) for row in status["ledger"])


def read_attempt(settings: Settings) -> dict[str, Any]:
    """Read the last attempt, of this machine or of another one. Empty if none is on record."""
    found = [read_local(settings, ATTEMPT), _read_shared(settings, ATTEMPT)]
    return max(found, key=lambda each: str(each.get("begun_at", "")))


def read_status(settings: Settings) -> dict[str, Any]:
    """Read what the last run knew. Empty if no run of this release has ended."""
    return _read_shared(settings, STATUS) if settings.is_on_s3 else read_local(settings, STATUS)


def read_local(settings: Settings, name: str) -> dict[str, Any]:
    """Read a record on this machine. A missing or damaged one is empty."""
    try:
        return _parsed(read_regular(settings.state / name))
    except OSError:
        return {}


def _read_shared(settings: Settings, name: str) -> dict[str, Any]:
    if not settings.is_on_s3:
        return {}
    found = open_store(settings).read(_key(settings, name))
    return _parsed(found[0]) if found else {}


def _share(settings: Settings, name: str) -> None:
    # What a run did is done, whether the record can be stored or not.
    with suppress(StoreUnavailable, OSError):
        open_store(settings).put(_key(settings, name), read_regular(settings.state / name))


def _key(settings: Settings, name: str) -> str:
    return f"{settings.prefix}/_state/{name}"


def _keep(settings: Settings, name: str, record: Mapping[str, Any]) -> None:
    """Replace a record. Readers see the old one or the new one, or on a full disk none."""
    # A full disk must not end a run that has published, nor hide why one failed.
    with suppress(OSError):
        if record:
            write_even_if_full(settings.state / name, _sealed(record))
        else:
            (settings.state / name).unlink(missing_ok=True)


def _sealed(record: Mapping[str, Any]) -> str:
    rest = json.dumps(record, default=str)[1:]
    return f'{SEAL}{hashlib.sha256(rest.encode()).hexdigest()}", {rest}'


def _parsed(content: bytes) -> dict[str, Any]:
    """Return a record as a run wrote it. One that another program wrote or altered is empty."""
    start, rest = content[: len(SEAL) + 64], content[len(SEAL) + 64 :].removeprefix(b'", ')
    if start.decode(errors="replace") != f"{SEAL}{hashlib.sha256(rest).hexdigest()}":
        return {}
    found: dict[str, Any] = parse_json(b"{" + rest)
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat()
