"""Read raw objects: each becomes one row with the arrays that it holds, or with the reason why not."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from tribolake.lake import Lake
from tribolake.lake.arrivals import ARRIVAL
from tribolake.lake.bronze import BronzeFile
from tribolake.lake.content import ContentArchived, ContentTooLarge
from tribolake.market.charts import MOST_BARS, PARSED, parse_charts
from tribolake.market.keys import MOST_BYTES, RawKey, parse_key
from tribolake.market.symbols import symbol_of_ticker
from tribolake.market.tables import SUFFIXES, bars_of, read_tables
from tribolake.settings import Settings

# DuckDB takes 16 times as much to parse them. Twice as many are parsed no faster.
BATCH_BYTES = 4 * 2**20
THREADS = 8
TOO_LITTLE_MEMORY = "it takes more memory than there is: set TRIBOLAKE_MEMORY_LIMIT to more, as in 2GB"
ARRIVED = pa.schema(
    [*ARRIVAL, ("ticker", pa.string()), ("symbol", pa.string()), ("fetched_at", pa.timestamp("us", "UTC"))]
)


@dataclass(frozen=True)
class _Opened:
    """What could be read of a file: its fingerprint, and the bytes of a chart; or the problem."""

    file: BronzeFile
    sha256: str = ""
    content: bytes = b""
    version_id: str | None = None
    problem: str | None = None
    is_transient: bool = False


def read_responses(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    lake: Lake,
    files: Sequence[BronzeFile],
    known: Collection[tuple[str, str]],
) -> pa.Table:
    """Read raw objects.

    Args:
        connection: any DuckDB connection.
        settings: of the product.
        lake: where they are.
        files: the objects.
        known: key and SHA-256 of objects that are loaded.

    Returns:
        One row per object with the columns of the model `raw_responses`. An object that cannot be used is `failed`,
        and its message says why.
    """
    loaded = dict(known)
    charts, others = ([file for file in files if _is_table(file) == asked] for asked in (False, True))
    tables = [table for batch in _batches(lake, charts) for table in _read_fitting(connection, batch, loaded)]
    for file, reading in read_tables(settings, lake, others):
        opened = _Opened(file, reading.sha256, b"", reading.version_id, reading.problem, reading.is_transient)
        tables.append(_read_table(connection, settings, opened, loaded))
    return pa.concat_tables(tables) if tables else _schema().empty_table()


def _is_table(file: BronzeFile) -> bool:
    return file.key.rpartition(".")[2] in SUFFIXES


def _schema() -> pa.Schema:
    return pa.schema([*ARRIVED, *(field for field in PARSED if field.name != "problem")])


def _batches(lake: Lake, files: Sequence[BronzeFile]) -> Iterator[list[_Opened]]:
    """Open files, so many at a time that their bytes fit into memory."""
    batch: list[_Opened] = []
    with ThreadPoolExecutor(THREADS) as threads:
        for start in range(0, len(files), THREADS):
            for opened in threads.map(lambda file: _open(lake, file), files[start : start + THREADS]):
                if batch and sum(len(one.content) for one in [*batch, opened]) > BATCH_BYTES:
                    yield batch
                    batch = []
                batch.append(opened)
    if batch:
        yield batch


def _open(lake: Lake, file: BronzeFile) -> _Opened:
    try:
        with lake.content(file).open(MOST_BYTES) as content:
            found = content.path.read_bytes()
            return _Opened(file, hashlib.sha256(found).hexdigest(), found, content.version_id)
    except ContentTooLarge as error:
        return _Opened(file, problem=f"it has {error.size_bytes:,} bytes, at most {MOST_BYTES:,} are read")
    except ContentArchived as error:
        return _Opened(file, problem=str(error), is_transient=True)
    except OSError as error:
        return _Opened(file, problem=f"cannot be opened ({error.strerror or error})", is_transient=True)


def _read_fitting(
    connection: duckdb.DuckDBPyConnection, batch: Sequence[_Opened], loaded: dict[str, str]
) -> Iterator[pa.Table]:
    """Read a batch. If it takes more memory than there is, read each response alone: one that does has failed."""
    try:
        yield _read_batch(connection, batch, loaded)
    except duckdb.OutOfMemoryException:
        for opened in batch:
            try:
                yield _read_batch(connection, [opened], loaded)
            except duckdb.OutOfMemoryException:
                failed = replace(opened, problem=TOO_LITTLE_MEMORY, is_transient=True)
                yield _read_batch(connection, [failed], loaded)


def _read_batch(connection: duckdb.DuckDBPyConnection, batch: Sequence[_Opened], loaded: dict[str, str]) -> pa.Table:
    texts, arrivals = [], []
    for number, opened in enumerate(batch):
        arrival = _arrival(opened, loaded)
        arrivals.append(arrival)
        if arrival["message"]:
            continue
        try:
            text = opened.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            arrival["message"] = "it is not JSON: it is not text in UTF-8"
            continue
        texts.append({"number": number, "symbol": arrival["symbol"], "body": text})
    parsed = parse_charts(connection, texts)
    loaded |= {batch[asked["number"]].file.key: batch[asked["number"]].sha256 for asked in texts}
    lengths = parsed["times"].combine_chunks().value_lengths().to_pylist()
    rows: list[int | None] = [None] * len(batch)
    for row, (asked, problem, bars) in enumerate(zip(texts, parsed["problem"].to_pylist(), lengths, strict=True)):
        if problem is None:
            rows[asked["number"]] = row
            arrivals[asked["number"]] |= {"status": "loaded", "rows_read": bars}
        else:
            arrivals[asked["number"]]["message"] = f"{problem}. Other responses are not affected"
    arrived = pa.Table.from_pylist(arrivals, schema=ARRIVED)
    arrays = parsed.drop_columns(["problem"]).take(pa.array(rows, pa.int64()))
    return pa.table([*arrived.columns, *arrays.columns], schema=_schema())


def _read_table(
    connection: duckdb.DuckDBPyConnection, settings: Settings, opened: _Opened, loaded: dict[str, str]
) -> pa.Table:
    arrival, bars = _arrival(opened, loaded), dict[str, Any]()
    if not arrival["message"]:
        bars = bars_of(connection, settings, opened.sha256, arrival["fetched_at"], MOST_BARS)
        if bars["problem"]:
            arrival["message"], bars = f"{bars['problem']}. Other responses are not affected", {}
        else:
            arrival |= {"status": "loaded", "rows_read": len(bars["times"])}
            loaded[opened.file.key] = opened.sha256
    return pa.Table.from_pylist([{name: bars.get(name) for name in PARSED.names} | arrival], schema=_schema())


def _arrival(opened: _Opened, loaded: dict[str, str]) -> dict[str, Any]:
    """Describe an arrival. Without a message, it can be parsed."""
    file, key, sha256 = opened.file, parse_key(opened.file.key), opened.sha256
    now = datetime.now(UTC)
    arrival: dict[str, Any] = {
        "arrival_id": _short_hash(f"{file.key}\n{sha256}\n{now.isoformat()}"),
        "content_id": _short_hash(f"{file.key}\n{sha256}") if sha256 else None,
        "client": file.client,
        "file_key": file.key,
        "sha256": sha256,
        "version_id": opened.version_id,
        "size_bytes": file.size_bytes,
        "modified_at": file.modified_at,
        "partition_date": file.partition_date,
        "status": "failed",
        "message": None,
        "is_transient": opened.is_transient,
        "rows_read": 0,
        "arrived_at": now,
        "ticker": key.ticker if key else None,
        "symbol": symbol_of_ticker(key.ticker) if key else None,
        "fetched_at": key.ordered_at if key else None,
    }
    problem = opened.problem or _problem_of_key(key, loaded.get(file.key, sha256) == sha256)
    if problem is None and file.key in loaded:
        return arrival | {"status": "duplicate", "message": "the same content is loaded already"}
    return arrival | {"message": problem}


def _problem_of_key(key: RawKey | None, is_as_before: bool) -> str | None:
    if key is None:
        return "its key is not raw/{source}/{ticker}/{date}/{timestamp}.json"
    if not is_as_before:
        return "raw objects are written once, and this one was written over: restore it"
    return None


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
