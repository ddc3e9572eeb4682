"""Tables that DuckDB reads from a content in memory, and from nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import pyarrow as pa

from tribolake.readers.columns import BATCH_ROWS
from tribolake.sql import literal


class NotReadByDuckDB(Exception):
    """DuckDB cannot read a content. The project's other parser reads it from the start, or says why not."""


def duckdb_batches(function: str, content: bytes, options: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a content in their order, as DuckDB reads them.

    DuckDB sees a private copy, so what is parsed is what was fingerprinted. It may open nothing else.

    Args:
        function: table function that takes a file, for instance `read_parquet`.
        content: the file.
        options: of the function, as SQL.

    Raises:
        MemoryError: as NotReadByDuckDB, when no memory is left for another parser in this process.
        NotReadByDuckDB: after any number of batches.
    """
    try:
        import duckdb  # noqa: PLC0415 - half of the readers get workbooks only

        from tribolake.lake.confined_duckdb import QUIET, confine  # noqa: PLC0415
    except ImportError as error:
        raise NotReadByDuckDB(str(error)) from error
    # Another program cannot change a file without a path.
    with open(os.memfd_create("content"), "wb") as file:  # noqa: PTH123
        file.write(content)
        file.flush()
        path = f"/proc/self/fd/{file.fileno()}"
        words = "".join(f", {name} = {value}" for name, value in options.items())
        try:
            with duckdb.connect(config=QUIET | {"threads": 1}) as connection:
                confine(connection, [path])
                found = connection.sql(f"from {function}({literal(path)}{words})")
                yield from found.to_arrow_reader(BATCH_ROWS)
        except (duckdb.OutOfMemoryException, MemoryError) as error:
            raise MemoryError(str(error)) from error  # what DuckDB took would be missing to another parser
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise NotReadByDuckDB(str(error)) from error
