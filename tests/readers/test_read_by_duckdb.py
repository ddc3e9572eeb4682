"""DuckDB reads what it reads as the project's other parsers do. Both are compared on files of every form."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.lab_files import ANY, Cells, layout, read

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers import duckdb_batches, parquet, reader, text
from tribolake.readers.duckdb_batches import NotReadByDuckDB
from tribolake.readers.layout import EVERY_CELL, FileLayout
from tribolake.readers.parquet import keeps_values

# Whatever stands in a line, with a line end of every kind.
LINES = st.lists(
    st.lists(st.text("aé0.,;|\t \"'\\#\0\x1a\u2028\ufeff", max_size=3), min_size=1, max_size=4), min_size=1, max_size=6
)
RECTANGLES = st.lists(
    st.lists(st.text("abé0. #'\\\x1a\u2028\ufeff", max_size=4), min_size=3, max_size=3), min_size=1, max_size=8
)
HEADERS = ["Sample", "Fe", "Cu "]
MOMENTS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0)
)
TIMES = st.times().map(lambda time: time.replace(microsecond=0))
DURATIONS = st.integers(-(10**6), 10**6).map(lambda seconds: dt.timedelta(seconds=seconds))
# Types of columns, and values of each.
TYPES: dict[pa.DataType, st.SearchStrategy[object]] = {
    pa.null(): st.none(),
    pa.int8(): st.integers(-128, 127),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=5),
    pa.large_string(): st.text(max_size=5),
    pa.dictionary(pa.int32(), pa.string()): st.sampled_from(["", "a", "#N/A"]),
    pa.decimal128(38, 10): st.decimals(-(10**27), 10**27, places=10),
    pa.decimal128(5, 0): st.decimals(-99999, 99999, places=0),
    pa.decimal256(60, 4): st.decimals(-(10**50), 10**50, places=4),
    pa.date32(): st.dates(),
    pa.time32("ms"): TIMES,
    pa.time64("us"): TIMES,
    pa.time64("ns"): TIMES,
    pa.timestamp("s"): MOMENTS,
    pa.timestamp("ms", "America/Lima"): MOMENTS.map(lambda moment: moment.replace(tzinfo=dt.UTC)),
    pa.timestamp("us"): MOMENTS,
    pa.timestamp("ns"): MOMENTS,
    pa.timestamp("ns", "UTC"): MOMENTS.map(lambda moment: moment.replace(tzinfo=dt.UTC)),
    pa.duration("s"): DURATIONS,
    pa.duration("us"): DURATIONS,
    pa.binary(): st.binary(max_size=4),
    pa.list_(pa.int64()): st.lists(st.integers(0, 9), max_size=2),
    pa.struct({"a": pa.int64()}): st.fixed_dictionaries({"a": st.integers(0, 9)}),
}


def outcome(content: bytes, of: FileLayout, *, streams: bool) -> list[tuple[int, Cells]] | str:
    """The rows of a file, or why it is refused."""
    try:
        return read(content, of, streams=streams)
    except BronzeFileUnreadable as error:
        return str(error)
    except NotReadByDuckDB:
        return outcome(content, of, streams=True)


def assert_read_alike(content: bytes, of: FileLayout = ANY) -> None:
    assert outcome(content, of, streams=False) == outcome(content, of, streams=True)


@st.composite
def parquet_files(draw: st.DrawFn) -> bytes:
    rows = draw(st.integers(0, 6))
    columns = [pa.array([f"A{row}" for row in range(rows)], pa.string())]
    for kind in draw(st.lists(st.sampled_from(list(TYPES)), max_size=4)):
        values = st.lists(st.none() | TYPES[kind], min_size=rows, max_size=rows)
        columns.append(pa.array(draw(values), kind))
    names = st.text("aAbé.\"' \N{GREEK SMALL LETTER MU}", max_size=3)
    table = pa.table(columns, ["Sample", *(draw(names) for _ in columns[1:])])
    buffer = io.BytesIO()
    pq.write_table(
        table,
        buffer,
        row_group_size=draw(st.integers(1, 7)),
        compression=draw(st.sampled_from(["snappy", "zstd", "gzip", "none"])),
        use_dictionary=draw(st.booleans()),
        data_page_version=draw(st.sampled_from(["1.0", "2.0"])),
        use_deprecated_int96_timestamps=draw(st.booleans()),
        store_schema=draw(st.booleans()),
    )
    return buffer.getvalue()


@pytest.mark.slow
@given(parquet_files())
@settings(max_examples=300, deadline=None)
def test_parquet_file_of_any_types_is_read_alike(content):
    assert_read_alike(content)


@pytest.mark.slow
@given(
    LINES,
    st.lists(st.sampled_from(["\n", "\r\n", "\r", "\n\n"]), min_size=1, max_size=2),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    st.sampled_from([ANY, EVERY_CELL, layout(("*", "Sample"), quote="'", delimiter=";")]),
)
@settings(max_examples=500, deadline=None)
def test_text_file_of_any_form_is_read_alike(lines, line_ends, encoding, of):
    written = [";".join(line) for line in [HEADERS, *lines]]
    text_ = "".join(line + line_ends[at % len(line_ends)] for at, line in enumerate(written))
    assert_read_alike(text_.encode(encoding), of)


@pytest.mark.slow
@given(
    RECTANGLES,
    st.sampled_from(";,\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]),
    st.booleans(),
)
@settings(max_examples=500, deadline=None)
def test_plain_text_is_read_alike(rows, delimiter, line_end, encoding, ends):
    written = line_end.join(delimiter.join(row) for row in [HEADERS, *rows]) + line_end * ends
    assert_read_alike(written.encode(encoding))


@pytest.fixture
def count_duckdb(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions of DuckDB that were called."""
    called: list[str] = []
    real = duckdb_batches.duckdb_batches

    def counted(function, content, options):
        called.append(function)
        return real(function, content, options)

    monkeypatch.setattr(parquet, "duckdb_batches", counted)
    monkeypatch.setattr("tribolake.readers.plain_text.duckdb_batches", counted)
    return called


def table(**columns: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"Sample": pa.array(["A1"]), **columns}), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "function"),
    [
        (b"Sample;Fe\r\nA1;7\r\nA2;\r\n", "read_csv"),
        ("Sample;Níquel\nA1;7".encode("cp1252"), "read_csv"),
        ("Sample\tFe\nA1\t5' pipe".encode("utf-16"), "read_csv"),
        (b"Sample;Fe\n\nA1;7\n", ""),  # a blank line
        (b"Sample;Fe\nA1;\r7\n", ""),  # another line end
        (b"Report of;May\nSample;Fe\nA1;7\n", ""),  # a title
        (b'Sample;Fe\n"A1";7\n', ""),
        (b"Sample;Fe\nA1;7;8\n", ""),
        (b"Sample;Fe\nA1;7\nSample;Cu\nA2;8\n", ""),  # two tables
        (table(Fe=pa.array([7.5])), "read_parquet"),
        (table(Fe=pa.array([1], pa.decimal256(60, 0))), ""),
        (table(Fe=pa.array([7.5]), fe=pa.array([8.5])), ""),
    ],
)
def test_duckdb_reads_plain_files(content, function, count_duckdb):
    rows = outcome(content, ANY, streams=False)
    assert (count_duckdb or [""]) == [function]
    assert rows == outcome(content, ANY, streams=True)


def test_real_parquet_file_is_read_alike_by_duckdb(real_data):
    content = next((real_data / "bronze" / "emin").glob("*.parquet")).read_bytes()
    schema = pq.ParquetFile(io.BytesIO(content)).schema_arrow
    assert keeps_values(schema)
    assert_read_alike(content, layout(("*", schema.names[0])))


def test_file_that_duckdb_refuses_halfway_is_staged_once(tmp_path: Path, monkeypatch):
    """Rows that came before the refusal are not there twice."""
    content = table(Fe=pa.array([7.5]))
    real = duckdb_batches.duckdb_batches

    def ends_early(*asked):
        yield from real(*asked)
        raise NotReadByDuckDB("broken")

    monkeypatch.setattr(parquet, "duckdb_batches", ends_early)
    rows, _ = reader.stage(content, ANY, 64, tmp_path / "staged.parquet")
    assert rows == pq.read_metadata(tmp_path / "staged.parquet").num_rows == 1


def test_duckdb_of_a_reader_opens_nothing_else(tmp_path: Path, monkeypatch):
    """What a hostile file makes DuckDB do cannot reach other files, the network or the settings."""
    (tmp_path / "secret.csv").write_text("secret")
    opened = []
    real = duckdb.connect

    def kept(**options):
        opened.append(real(**options))
        return opened[-1].cursor()

    monkeypatch.setattr(duckdb, "connect", kept)
    rows = text.text_tables(b"Sample;Fe\nA1;7\n", ANY)
    next(rows)
    for statement in (
        f"from read_blob('{tmp_path}/secret.csv')",
        "from read_blob('http://127.0.0.1:9/x')",
        "set enable_external_access = true",
        f"copy (select 1) to '{tmp_path}/out.csv'",
        "load httpfs",
    ):
        with pytest.raises(duckdb.Error):
            opened[0].execute(statement)
