"""Text files that are one plain rectangle, which DuckDB reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tribolake.readers.columns import rows_of_columns
from tribolake.readers.duckdb_batches import NotReadByDuckDB, duckdb_batches
from tribolake.readers.layout import FileLayout
from tribolake.readers.names import normal_form
from tribolake.readers.raw_rows import distinct_headers
from tribolake.sql import literal


@dataclass(frozen=True)
class PlainText:
    """A text in UTF-8: a line of headers, and below it lines of as many cells. Nothing is quoted and no line is blank.

    A line ends with a line feed. `lines` counts that of the headers.
    """

    content: bytes
    headers: Sequence[str]
    delimiter: str
    lines: int

    def tables(self, sheet: str) -> Iterator[pa.Table]:
        """Yield raw rows, in batches.

        Raises:
            NotReadByDuckDB: a line has fewer cells than the headers, the text is not UTF-8, or rows are missing.
        """
        columns = ", ".join(f"c{at}: 'VARCHAR'" for at in range(len(self.headers)))
        options = {
            "auto_detect": "false",
            "columns": f"{{{columns}}}",
            "delim": literal(self.delimiter),
            "quote": "''",
            "escape": "''",
            "comment": "''",
            "nullstr": "''",
            "header": "false",
            "skip": "1",
            "strict_mode": "true",
            "hive_partitioning": "false",
        }
        headers, first = distinct_headers(list(self.headers)), 2
        for batch in duckdb_batches("read_csv", self.content, options):
            yield rows_of_columns(sheet, headers, batch.columns, first)
            first += batch.num_rows
        if first != self.lines + 1:
            raise NotReadByDuckDB(f"{self.lines} lines became {first - 1} rows")


def plain_text(
    content: bytes, headers: Sequence[str], delimiter: str, quote: str, layout: FileLayout
) -> PlainText | None:
    """Return the text if it is plain: then DuckDB reads the rows that the project's own parser does.

    Args:
        content: in UTF-8, without a byte order mark.
        headers: the row that has the key header.
        delimiter: of its cells.
        quote: what cells would be quoted with.
        layout: of the sheet.
    """
    text = content.replace(b"\r\n", b"\n")
    end = text.find(b"\n")
    first = text[:end] if end >= 0 else text
    lines = text.count(b"\n") + (not text.endswith(b"\n"))
    keys = [header for header in headers if normal_form(header) in layout.key_forms]
    is_plain = (
        not layout.is_grid
        and len(headers) > 1
        and len(keys) == 1
        and first == delimiter.join(headers).encode()
        and not any(mark in text for mark in (b"\0", b"\r", quote.encode()))
        # With no line of fewer cells, which DuckDB refuses, there is none of more. Blank lines have fewer.
        and text.count(delimiter.encode()) == lines * (len(headers) - 1)
        # A second header begins another table.
        and not any(text.find(key.encode(), len(first)) >= 0 for key in keys)
    )
    return PlainText(text, headers, delimiter, lines) if is_plain else None
