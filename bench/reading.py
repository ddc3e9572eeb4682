"""Measure the reader of laboratory files as ratios to its floor: `make bench`.

One table is written as Parquet, as a plain text, as a text with quotation marks, and as a workbook. Each is read in a
process of its own, by the project and by the fastest library for it. Both import the project's reader, so the ratio is
that of reading.

    python bench/reading.py                   20 000 rows of 60 columns
    python bench/reading.py --rows 2000
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from measuring import measure

COLUMNS = 60
PROJECT = """
import sys
from pathlib import Path
from tribolake.readers.layout import FileLayout, SheetLayout
from tribolake.readers.reader import rows_of
layout = FileLayout((SheetLayout("*", "sample"),), ())
print(sum(table.num_rows for table in rows_of(Path(sys.argv[1]).read_bytes(), layout, 500)))
"""
FLOORS = {
    ".parquet": "import pyarrow.parquet; pyarrow.parquet.read_table(sys.argv[1])",
    ".csv": "import pyarrow.csv; pyarrow.csv.read_csv(sys.argv[1])",
    ".xlsx": "import python_calamine as c; c.load_workbook(sys.argv[1]).get_sheet_by_index(0).to_python()",
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=20_000)
    rows = arguments.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        ratios = {path.stem: _ratio(path) for path in _write(Path(folder), rows)}
    print(f"{'form':24}{'read s':>10}{'floor s':>10}{'ratio':>8}   processor seconds")
    for form, (read, floor, ratio) in ratios.items():
        print(f"{form:24}{read:10.2f}{floor:10.2f}{ratio:8.2f}")
    print(json.dumps({"rows": rows, "columns": COLUMNS, "ratios": {form: found[2] for form, found in ratios.items()}}))


def _ratio(path: Path) -> tuple[float, float, float]:
    start = "import sys, tribolake.readers.reader\n"
    read = measure(sys.executable, "-c", PROJECT, str(path)).cpu_seconds
    floor = measure(sys.executable, "-c", start + FLOORS[path.suffix], str(path)).cpu_seconds
    return read, floor, read / floor


def _write(folder: Path, rows: int) -> list[Path]:
    chance = random.Random(7)  # noqa: S311 - values, not secrets
    headers = ["sample", *(f"essay {number}" for number in range(1, COLUMNS))]
    table = [[f"S{row}", *(f"{chance.uniform(0, 500):.1f}" for _ in headers[1:])] for row in range(rows)]
    paths = [folder / name for name in ("parquet.parquet", "plain text.csv", "quoted text.csv", "workbook.xlsx")]
    pq.write_table(pa.table(dict(zip(headers, map(list, zip(*table, strict=True)), strict=True))), paths[0])
    with paths[1].open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([headers, *table])
    with paths[2].open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([headers, *table])
    _write_workbook(paths[3], [headers, *table])
    return paths


def _write_workbook(path: Path, table: Sequence[Sequence[str]]) -> None:
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_numbers": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(table):
            sheet.write_row(number, 0, row)


if __name__ == "__main__":
    main()
