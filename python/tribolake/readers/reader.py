"""Read one laboratory file into a staged Parquet file of raw rows."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import CalamineError, PasswordError

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers.duckdb_batches import NotReadByDuckDB
from tribolake.readers.html import html_tables
from tribolake.readers.layout import FileLayout
from tribolake.readers.ods import ods_sheets
from tribolake.readers.parquet import parquet_tables
from tribolake.readers.raw_rows import RAW_ROWS
from tribolake.readers.refusals import (
    DOCUMENTS,
    PROTECTED,
    archive_refusal,
    binary_refusal,
    compound_refusal,
    contradictory_archive,
    text_refusal,
)
from tribolake.readers.sheets import Sheet, UnreadSheet, workbook_tables
from tribolake.readers.text import encoding_of, is_text, text_tables
from tribolake.readers.workbook import binary_sheets, xlsx_sheets

PARQUET_MAGIC = b"PAR1"
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
COMPOUND_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
HTML = re.compile(
    r"\s*(<\?xml[^>]*>\s*)?<(!doctype html|!--|html|head|meta|style|body|table|div|font|center|p|span|h[1-6]"
    r"|title|script|link|form|br|b|tr)\b",
    re.IGNORECASE,
)
OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.spreadsheet"
ODS_MANIFEST = "META-INF/manifest.xml"
ENCRYPTED = 1  # flag of a member of an archive
HEAD_BYTES = 2**14
BLANK_BYTES = b" \t\r\n\xef\xbb\xbf\xff\xfe"  # white space, and marks of the order of bytes


def rows_of(
    content: bytes, layout: FileLayout, max_inflated_mb: int, *, streams: bool = False
) -> Iterator[pa.Table | UnreadSheet]:
    """Yield raw rows of a file, and the sheets that are not read. The content, not the name, decides what the file is.

    Args:
        content: the file.
        layout: of the laboratory.
        max_inflated_mb: what an archive may say that it inflates to.
        streams: read it without DuckDB and with little memory, which takes longer.

    Raises:
        BronzeFileUnreadable: with what the file is and what to do.
        NotReadByDuckDB: it must be read with `streams`.
    """
    if not content.strip(BLANK_BYTES + b"\0"):
        raise BronzeFileUnreadable("the file is empty. Copy or export it again")
    if content.startswith(PARQUET_MAGIC):
        return parquet_tables(content, layout, by_duckdb=not streams)
    if content.startswith(ZIP_MAGICS):
        return _workbook_tables(_archive_sheets(content, max_inflated_mb, streams=streams), layout)
    if content.startswith(COMPOUND_MAGIC):
        if problem := compound_refusal(content):
            raise BronzeFileUnreadable(problem)
        return _workbook_tables(binary_sheets(content, None), layout)
    return _text_tables(content, layout, by_duckdb=not streams)


def _text_tables(content: bytes, layout: FileLayout, *, by_duckdb: bool) -> Iterator[pa.Table]:
    begin = content[:HEAD_BYTES].lstrip(BLANK_BYTES)
    problem = next((problem for magic, problem in DOCUMENTS.items() if begin.startswith(magic)), None)
    if problem is None and not is_text(content):
        problem = binary_refusal(content)
    head = content[:HEAD_BYTES]
    text = head.decode(encoding_of(head), errors="replace").lstrip("\ufeff")
    if problem is None and HTML.match(text):
        return html_tables(content, layout)
    if problem := problem or text_refusal(text):
        raise BronzeFileUnreadable(problem)
    return text_tables(content, layout, by_duckdb=by_duckdb)


def _workbook_tables(sheets: Iterator[Sheet], layout: FileLayout) -> Iterator[pa.Table | UnreadSheet]:
    try:
        yield from workbook_tables(sheets, layout)
    except PasswordError as error:
        raise BronzeFileUnreadable(f"the workbook {PROTECTED}") from error
    except (CalamineError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BronzeFileUnreadable(
            f"the workbook is damaged or cut short ({error}). Copy or export it again"
        ) from error


def _archive_sheets(content: bytes, max_inflated_mb: int, *, streams: bool) -> Iterator[Sheet]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        _refuse_inflated(members, max_inflated_mb)
        if any(member.flag_bits & ENCRYPTED for member in members):
            raise BronzeFileUnreadable(f"the file {PROTECTED}")
        if problem := contradictory_archive(members):
            raise BronzeFileUnreadable(problem)
        names = {member.filename.replace("\\", "/") for member in members}
        if "xl/workbook.xml" in names:
            yield from xlsx_sheets(content, archive, streams=streams)
        elif "xl/workbook.bin" in names:
            yield from binary_sheets(content, archive)
        elif any(OPEN_DOCUMENT in archive.read(name) for name in ("mimetype", ODS_MANIFEST) if name in names):
            yield from ods_sheets(archive)
        else:
            raise BronzeFileUnreadable(archive_refusal(members))


def _refuse_inflated(members: list[zipfile.ZipInfo], max_inflated_mb: int) -> None:
    """Refuse an archive that says that it unzips to more than the limit.

    Sizes in zip headers can be forged: the memory limit of the reading process holds where this check is deceived.
    """
    inflated_mb = sum(member.file_size for member in members) / 2**20
    if inflated_mb > max_inflated_mb:
        raise BronzeFileUnreadable(
            f"unzips to {inflated_mb:,.0f} MB, more than {max_inflated_mb} MB. "
            "Split the workbook, or raise TRIBOLAKE_MAX_INFLATED_MB if you trust it"
        )


def stage(
    content: bytes, layout: FileLayout, max_inflated_mb: int, staged: Path, *, streams: bool = False
) -> tuple[int, list[UnreadSheet]]:
    """Write a file's raw rows to `staged`. Returns how many there are, and the sheets that are not read.

    What DuckDB refuses is read again without it: the other parsers read more, and say better what is wrong.

    Raises:
        BronzeFileUnreadable: nothing is left at `staged`.
    """
    try:
        return _stage(rows_of(content, layout, max_inflated_mb, streams=streams), staged)
    except NotReadByDuckDB:
        return _stage(rows_of(content, layout, max_inflated_mb, streams=True), staged)


def _stage(tables: Iterator[pa.Table | UnreadSheet], staged: Path) -> tuple[int, list[UnreadSheet]]:
    aside = staged.with_suffix(".partial")
    rows, unread = 0, []
    try:
        with pq.ParquetWriter(aside, RAW_ROWS, compression="zstd") as writer:
            for found in tables:
                if isinstance(found, UnreadSheet):
                    unread.append(found)
                else:
                    writer.write_table(found)
                    rows += found.num_rows
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    aside.replace(staged)
    return rows, unread
