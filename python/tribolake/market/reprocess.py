"""Compute a run again from exactly the raw objects that it used, and compare its tables and processed objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import ContractBroken
from tribolake.lake.objects import Objects
from tribolake.lake.replicas import open_objects
from tribolake.market.bodies import parsed_body
from tribolake.market.contract import UNIVERSE
from tribolake.market.keys import place
from tribolake.market.last_bodies import sources_in
from tribolake.market.processed import KINDS, ProcessedKey, own_sources, parse_processed
from tribolake.market.product import MARKET
from tribolake.market.product_code import code_of
from tribolake.market.quality import HELD
from tribolake.market.raw_objects import THREADS
from tribolake.market.session_values import values_in
from tribolake.product import Progress
from tribolake.run.warehouse import open_warehouse, rows_of
from tribolake.settings import Settings
from tribolake.trace.manifests import publication_of_run, published_runs
from tribolake.trace.reprocess import ReprocessResult
from tribolake.trace.reprocess import reprocess as reprocess_tables


@dataclass(frozen=True)
class ObjectComparison:
    """A processed object of a run. `differing` names the values that have other bits when they are computed again.

    `sources` are among them, by key, SHA-256 and number of sessions. A session that is not there is `session_date`, and
    an object of the time of the run that cannot be read is `content`.
    """

    key: str
    differing: Sequence[str]


@dataclass(frozen=True)
class RunAgain:
    """A run that was computed again. `notes` say what may be the reason for a difference."""

    tables: ReprocessResult
    objects: Sequence[ObjectComparison]
    notes: Sequence[str]

    @property
    def is_identical(self) -> bool:
        return self.tables.is_identical and not any(one.differing for one in self.objects)

    def as_dict(self) -> dict[str, Any]:
        objects = [asdict(one) for one in self.objects]
        return self.tables.as_dict() | {
            "objects": objects, "notes": list(self.notes), "is_identical": self.is_identical
        }  # fmt: skip


def reprocess_run(
    settings: Settings, run_id: str, *, into: Path | None = None, progress: Progress = lambda _: None
) -> RunAgain:
    """Compute a run again in a lake of its own, from the raw objects in the versions that its manifest names.

    Compared are its tables, as far as they are kept, and every processed object that it stored. This lake does not
    change, and Aurora is not used.

    Args:
        settings: of the product.
        run_id: of a run that published.
        into: an empty folder for the result; None is one below the state folder, cleared first.
        progress: called when a step starts.

    Raises:
        ConfigurationError: that run published nothing, or `into` is not empty.
        BronzeGone: raw objects of the run are gone, or have other bytes.
        RunFailed: it cannot be computed.
    """
    tables = reprocess_tables(MARKET, settings, run_id, into=into, progress=progress)
    scratch = settings.in_folder(Path(tables.lake))
    progress("compare processed objects")
    stored = list(_stored_by(settings, run_id))
    with open_warehouse(scratch.warehouse, read_only=True) as warehouse:
        objects = [ObjectComparison(key, tuple(_differing(warehouse, parsed, body))) for key, parsed, body in stored]
        held = [f"{row['symbol']} is held back: {row['problem']}" for row in rows_of(warehouse, HELD)]
    codes = sorted({str(body["code"]) for *_, body in stored if "code" in body} - {code_of()})
    changed = [f"objects were computed by the code {', '.join(codes)}, and that of now is {code_of()}"] if codes else []
    return RunAgain(tables, objects, [*held, *changed])


def _stored_by(settings: Settings, run_id: str) -> Iterator[tuple[str, ProcessedKey, dict[str, Any]]]:
    """Find the processed objects of a run. They are computed between its start and that of the next one."""
    objects = open_objects(settings)
    runs = published_runs(objects, UNIVERSE)
    began, *later = (
        publication_of_run(objects, UNIVERSE, one).began_at.replace(microsecond=0)
        for one in (run_id, *sorted(one for one in runs if one > run_id)[:1])
    )
    keys = [
        (listed.key, parsed)
        for kind in KINDS
        for listed in objects.files(place(settings, f"processed/{kind}"))
        if (parsed := parse_processed(listed.key)) and _is_within(parsed.computed_at, began, later)
    ]
    with ThreadPoolExecutor(THREADS) as threads:
        bodies = list(threads.map(lambda one: _read(objects, one[0]), keys))
    for (key, parsed), body in zip(keys, bodies, strict=True):
        if not body or body.get("run_id") == run_id:
            yield key, parsed, body


def _is_within(moment: datetime, began: datetime, later: Sequence[datetime]) -> bool:
    return began <= moment and all(moment <= one for one in later)


def _read(objects: Objects, key: str) -> dict[str, Any]:
    """Return the body of an object; an empty one if another program made it something else."""
    try:
        return parsed_body(objects.read(key) or b"", objects.address(key))
    except ContractBroken:
        return {}


def _differing(warehouse: duckdb.DuckDBPyConnection, parsed: ProcessedKey, body: Mapping[str, Any]) -> Iterator[str]:
    if not body:
        yield "content"
        return
    session, version = date.fromisoformat(body["session_date"]), str(body["computation_version"])
    found = values_in(warehouse, parsed.kind, parsed.ticker, session, version)
    if found is None:
        yield "session_date"
        return
    values, undefined = found
    for name in sorted({*values, *body["values"]}):
        if name not in values or name not in body["values"] or values[name] != body["values"][name]:
            yield name
    if undefined != body["undefined"]:
        yield "undefined"
    named: Sequence[Mapping[str, Any]] = body["sources"]
    again: Sequence[Mapping[str, Any]]
    (again,) = sources_in(warehouse, [(parsed.kind, parsed.ticker, session)]).values()
    if body.get("code") != code_of() and named == own_sources(parsed.ticker, named):
        # An earlier release named no sources of the benchmark.
        again = own_sources(parsed.ticker, again)
    if _identities(again) != _identities(named):
        yield "sources"


def _identities(sources: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((source["key"], source["sha256"], source["sessions"]) for source in sources)
