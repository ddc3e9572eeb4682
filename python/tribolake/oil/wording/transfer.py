"""Export the wordings of a lake to a Parquet file, one row each, and import them into another lake."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tribolake.lake.files import partial_path, replace_durably
from tribolake.oil.wording.segments import Validate, Wordings
from tribolake.oil.wording.wording import Configuration, Wording, WordingUnusable

OF_CONFIGURATION = [each.name for each in fields(Configuration)]
NUMBERS = {"temperature": pa.float64(), "input_tokens": pa.int64(), "output_tokens": pa.int64()}
COLUMNS = [
    name
    for each in fields(Wording)
    for name in (OF_CONFIGURATION if each.name == "configuration" else [each.name])
]  # fmt: skip
SCHEMA = pa.schema([(name, NUMBERS.get(name, pa.string())) for name in COLUMNS])
MAX_FILE_BYTES = 256 * 2**20
MAX_INFLATED_BYTES = 2**30
MAX_ROWS = 1_000_000
BATCH_ROWS = 1_000
SHOWN_KEY = 64


class NotAnExport(ValueError):
    """A file that is not a table of wordings."""


@dataclass(frozen=True)
class Refused:
    """A row of a file that was not taken. `row` counts from 1."""

    row: int
    cache_key: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Imported:
    """Counts of the rows of a file: new ones were taken, known ones were not, as the lake's own wording stays."""

    taken: int
    known: int
    refused: tuple[Refused, ...] = ()


def export_wordings(wordings: Wordings, path: Path) -> int:
    """Write every wording into a file. Returns how many. The new file replaces the old one when it is complete."""
    rows = wordings.everything()
    table = pa.Table.from_pylist([_flat(row) for row in rows], schema=SCHEMA)
    aside = partial_path(path)
    pq.write_table(table, aside, compression="zstd")
    replace_durably(aside, path)
    return len(rows)


def import_wordings(wordings: Wordings, path: Path, validate: Validate) -> Imported:
    """Keep the valid rows of a file. Of a repeated key the first row counts.

    Raises:
        NotAnExport: the file is not one that was exported.
    """
    passed: dict[str, Wording] = {}
    refused = []
    for number, row in enumerate(_read(path), start=1):
        key, reasons = str(row["cache_key"]), tuple[str, ...]()
        try:
            wording = _wording_of(row)
            reasons = ("an earlier row has its key",) if key in passed else tuple(validate(wording))
        except WordingUnusable as error:
            reasons = (str(error),)
        if reasons:
            refused.append(Refused(number, key[:SHOWN_KEY], reasons))
        else:
            passed[key] = wording
    known = wordings.find(passed.keys(), validate)
    wordings.keep_all(wording for key, wording in passed.items() if key not in known)
    return Imported(len(passed) - len(known), len(known), tuple(refused))


def _read(path: Path) -> Iterator[Mapping[str, Any]]:
    """Read the rows of a file up to a limit, as the sizes that a file claims may be wrong."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise NotAnExport(f"it has more than {MAX_FILE_BYTES} bytes")
    rows = size = 0
    try:
        with pq.ParquetFile(path) as parquet:
            missing = [name for name in COLUMNS if name not in parquet.schema_arrow.names]
            if missing:
                raise NotAnExport(f"it has no column {missing[0]}")
            for batch in parquet.iter_batches(BATCH_ROWS, columns=COLUMNS):
                rows, size = rows + batch.num_rows, size + batch.nbytes
                if rows > MAX_ROWS or size > MAX_INFLATED_BYTES:
                    raise NotAnExport(f"it has more than {MAX_ROWS} rows, or {MAX_INFLATED_BYTES} bytes of them")
                yield from batch.select(COLUMNS).cast(SCHEMA).to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise NotAnExport(f"it is not a table of wordings: {error}") from error


def _flat(wording: Wording) -> dict[str, Any]:
    row = asdict(wording)
    return {**row.pop("configuration"), **row}


def _wording_of(row: Mapping[str, Any]) -> Wording:
    own = {name: value for name, value in row.items() if name not in OF_CONFIGURATION}
    configuration = {name: row[name] for name in OF_CONFIGURATION}
    return Wording.of_json(json.dumps(own | {"configuration": configuration}).encode())
