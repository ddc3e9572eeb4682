"""Lineage of objects: down from a processed object to its raw objects, up from a raw object to all computed from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError, ContractBroken, StoreUnavailable
from tribolake.lake.objects import Objects
from tribolake.lake.replicas import open_objects
from tribolake.market.benchmarks import is_benchmark, published_benchmarks
from tribolake.market.bodies import parsed_body
from tribolake.market.contract import BARS, CONTRACT, UNIVERSE
from tribolake.market.derived import derived
from tribolake.market.keys import place
from tribolake.market.processed import KINDS, ProcessedKey, parse_processed
from tribolake.market.product_code import code_of
from tribolake.market.raw_objects import (
    THREADS,
    FetchedObject,
    RawObject,
    fetched,
    first_version,
    published_objects,
    raw_object,
)
from tribolake.market.session_values import values_in
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings
from tribolake.trace.find import find_silver
from tribolake.trace.manifests import Publication, current_publication

COUNTED = """
    select count(*) as sessions, min(session_date) as first_session, max(session_date) as last_session
    from read_parquet($bars) where file_key = $key
"""


@dataclass(frozen=True)
class SourceOfObject:
    """A raw object that a processed object names, and what is wrong with it."""

    key: str
    version_id: str | None
    sha256: str | None
    sessions: int | None
    problem: str | None


@dataclass(frozen=True)
class ObjectOrigin:
    """What a processed object was computed from. `is_same` says whether its sources give the same values again."""

    key: str
    kind: str
    ticker: str
    session_date: str | None
    computed_at: str
    computation_version: str
    run_id: str | None
    code: str | None
    sources: Sequence[SourceOfObject]
    is_same: bool | None
    notes: Sequence[str] = ()
    problems: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ComputedObject:
    """A processed object that was computed from a raw one."""

    key: str
    kind: str
    session_date: str | None
    computed_at: str
    computation_version: str
    source_version_id: str | None
    sessions: int | None


@dataclass(frozen=True)
class RawUses:
    """What was computed from a raw object: published sessions and stored objects, also features of other tickers."""

    raw: RawObject
    run_id: str | None  # of the publication that uses it
    sessions: int
    first_session: date | None
    last_session: date | None
    objects: Sequence[ComputedObject]
    compared_tickers: Sequence[str] = field(default=())  # their features use the ticker as their benchmark
    problems: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def lineage_of_object(settings: Settings, key: str) -> ObjectOrigin | RawUses:
    """Trace a processed object down to its raw objects, or a raw object up to all that was computed from it.

    Args:
        settings: of the product.
        key: of an object of the lake; its address will do.

    Raises:
        ConfigurationError: there is no such object.
        ContractBroken: it is not what its key says.
    """
    objects = open_objects(settings)
    key = key.removeprefix(objects.address("")).removeprefix("/")
    parsed = parse_processed(key)
    if parsed is not None and key == place(settings, str(parsed)):
        return _origin_of(settings, objects, key, parsed)
    raw = raw_object(settings, key, None)
    if raw is None:
        raise ConfigurationError(f"{key[:200]!a} is not the key of a raw or processed object of {settings.address}")
    return _uses_of(settings, objects, raw)


def _origin_of(settings: Settings, objects: Objects, key: str, parsed: ProcessedKey) -> ObjectOrigin:
    body = _body(objects, key)
    if body is None:
        raise ConfigurationError(f"there is no object {objects.address(key)}")
    named = [(source, _named(settings, source)) for source in body["sources"]]
    problems, is_same, notes = [], None, []
    with fetched(settings, [raw for _, raw in named if raw is not None]) as responses:
        outcomes = iter(responses.objects)
        sources = [_source(source, next(outcomes) if raw is not None else None) for source, raw in named]
        problems = [source.problem for source in sources if source.problem]
        notes = _why_not_again(body, problems)
        if not notes:
            with derived(responses, [parsed.kind]) as connection:
                session, version = date.fromisoformat(body["session_date"]), body["computation_version"]
                again = values_in(connection, parsed.kind, parsed.ticker, session, version)
                is_same = again == (body["values"], body["undefined"])
                if not is_same:
                    problems.append("its sources give other values than it has")
    return ObjectOrigin(
        key, parsed.kind, parsed.ticker, body.get("session_date"), str(body["computed_at"]),
        str(body["computation_version"]), body.get("run_id"), body.get("code"), sources, is_same, notes, problems,
    )  # fmt: skip


def _body(objects: Objects, key: str) -> dict[str, Any] | None:
    content = objects.read(key)
    return None if content is None else parsed_body(content, objects.address(key))


def _named(settings: Settings, source: Mapping[str, Any]) -> RawObject | None:
    raw = raw_object(settings, str(source["key"]), source.get("version_id"))
    return RawObject(raw.key, raw.ticker, raw.fetched_at, raw.version_id, source.get("sha256")) if raw else None


def _source(source: Mapping[str, Any], outcome: FetchedObject | None) -> SourceOfObject:
    key, version_id, sha256 = str(source["key"]), source.get("version_id"), source.get("sha256")
    problem = outcome.problem if outcome else f"{key[:200]!a} is not the key of a raw object"
    return SourceOfObject(key, version_id, sha256, source.get("sessions"), problem)


def _why_not_again(body: Mapping[str, Any], problems: Sequence[str]) -> list[str]:
    """Say why the values cannot be computed again and compared."""
    if problems:
        return ["it was not computed again: a source is missing"]
    if not (body.get("session_date") and all(source.get("sha256") for source in body["sources"])):
        return ["it was not computed again: it has no session, or its sources have no SHA-256"]
    if body.get("code") != code_of():
        return [f"it was not computed again: the code {body.get('code')} of that time is not that of now, {code_of()}"]
    return []


def _uses_of(settings: Settings, objects: Objects, named: RawObject) -> RawUses:
    publication = current_publication(objects, UNIVERSE)
    used = {one.key: one for one in published_objects(settings, publication).get(named.ticker, ())}
    raw = used.get(named.key) or first_version(settings, objects, named)
    if raw is None:
        raise ConfigurationError(f"there is no object {objects.address(named.key)}")
    with fetched(settings, [raw]) as responses:
        (outcome,) = responses.objects
    published = _published_uses(settings, objects, publication, raw) if publication else {}
    counted = {"sessions": 0, "first_session": None, "last_session": None} | published
    run_id = publication.run_id if publication and raw.key in used else None
    unreadable, computed = _computed_from(settings, objects, raw)
    problems = [*([outcome.problem] if outcome.problem else []), *unreadable]
    return RawUses(outcome.raw, run_id, objects=computed, problems=problems, **counted)


def _published_uses(settings: Settings, objects: Objects, publication: Publication, raw: RawObject) -> dict[str, Any]:
    bars = str(find_silver(objects, CONTRACT, publication, BARS).path)
    with duckdb.connect() as connection:
        (counted,) = rows_of(connection, COUNTED, {"bars": bars, "key": raw.key})
    benchmarks = published_benchmarks(settings, bars) if counted["sessions"] and is_benchmark(raw.ticker) else {}
    return counted | {"compared_tickers": sorted(one for one, market in benchmarks.items() if market == raw.ticker)}


def _computed_from(settings: Settings, objects: Objects, raw: RawObject) -> tuple[list[str], list[ComputedObject]]:
    """Find the processed objects that name a raw object: of its ticker, and features of which it is the benchmark.

    None of them is older than it. A benchmark has those of all tickers read, because any may compare with it.

    Returns:
        What is wrong with those that cannot be read, and the objects.
    """
    folders = [f"{kind}/{raw.ticker}" for kind in KINDS]
    if is_benchmark(raw.ticker):
        folders = [f"{kind}/{raw.ticker}" for kind in KINDS if kind != "features"] + ["features"]
    keys = [
        (listed.key, parsed)
        for folder in folders
        for listed in objects.files(place(settings, f"processed/{folder}"))
        if (parsed := parse_processed(listed.key)) and parsed.computed_at >= raw.fetched_at
    ]
    keys.sort(key=lambda one: (*one[1].order, one[0]))
    with ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(lambda one: _use(objects, one[0], one[1].kind, raw.key), keys))
    problems = [one for one in found if isinstance(one, str)]
    return problems, [each for one in found if not isinstance(one, str) for each in one]


def _use(objects: Objects, key: str, kind: str, source_key: str) -> list[ComputedObject] | str:
    """Return what a processed object says of a raw one, or why it cannot be read."""
    try:
        body = _body(objects, key) or {"sources": []}
    except (ContractBroken, StoreUnavailable) as error:  # or archived
        return f"{key}: {error}"
    return [
        ComputedObject(
            key, kind, body.get("session_date"), str(body["computed_at"]), str(body["computation_version"]),
            source.get("version_id"), source.get("sessions"),
        )
        for source in body["sources"]
        if source["key"] == source_key
    ]  # fmt: skip
