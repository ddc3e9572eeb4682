"""Measure whole runs as ratios to their floor: `make bench`.

Every case is a fresh process on a fresh lake. It is measured from outside: seconds from start to exit, and peak memory
of the process and its children. The floor of a case is unavoidable work: importing dbt, and reading the same files
once with the fastest readers. Prints a table and one JSON object.

    python bench/run.py                       generated sample files
    python bench/run.py --bronze DIR          the laboratory files of a folder with one folder per client
    python bench/run.py --scale 10            size of the large case, 0 leaves it out
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from measuring import Measurement, measure
from tribolake.oil.synth import write_sample_lake

# About 9 200 samples, as in the real files: seven workbooks and one ALS file.
MONTHS = 50
IMPORT_DBT = "import dbt.cli.main"
READ_ONCE = """
import sys
from pathlib import Path
import pyarrow.parquet as pq
from python_calamine import CalamineWorkbook
for path in Path(sys.argv[1]).rglob("*.*"):
    if path.suffix == ".xlsx":
        workbook = CalamineWorkbook.from_path(path)
        for name in workbook.sheet_names:
            workbook.get_sheet_by_name(name).to_python()
    else:
        pq.read_table(path)
"""


@dataclass(frozen=True)
class Case:
    """A measured case with its floor."""

    name: str
    seconds: float
    peak_mb: float
    floor_seconds: float

    @property
    def ratio(self) -> float:
        return round(self.seconds / self.floor_seconds, 2)


def tribolake(*words: str) -> Measurement:
    return measure(sys.executable, "-m", "tribolake", *words)


def floor(bronze: Path) -> float:
    """Measure seconds to import dbt and to read the files once, each in its own process."""
    dbt = measure(sys.executable, "-c", IMPORT_DBT).seconds
    return round(dbt + measure(sys.executable, "-c", READ_ONCE, str(bronze)).seconds, 2)


def cases(lake: Path, extra: Path) -> list[Case]:
    """Measure a cold run, a run with nothing new, and one with one more workbook, on one lake."""
    bronze = lake / "oil-analysis" / "bronze"
    tribolake("run", "--lake", str(lake))  # the project is parsed once for every lake
    for made in (lake / "_state", lake / "oil-analysis" / "gold", lake / "oil-analysis" / "silver"):
        shutil.rmtree(made)
    bottom = floor(bronze)
    dbt = measure(sys.executable, "-c", IMPORT_DBT).seconds
    cold = tribolake("run", "--lake", str(lake))
    idle = tribolake("run", "--lake", str(lake))
    (bronze / "cda" / "2030-01-01").mkdir()
    shutil.copyfile(extra, bronze / "cda" / "2030-01-01" / "T-99.xlsx")
    one_more = tribolake("run", "--lake", str(lake))
    return [
        Case("full run, cold", cold.seconds, cold.peak_mb, bottom),
        Case("nothing new (floor: importing dbt)", idle.seconds, idle.peak_mb, dbt),
        Case("one more workbook (floor: importing dbt)", one_more.seconds, one_more.peak_mb, dbt),
    ]


def another_workbook(folder: Path) -> Path:
    """Make a workbook whose samples are in no other file of the benchmark."""
    made = write_sample_lake(folder, seed=99, finning_units=1, als_units=1, months=60, clients=("cda",))
    return made.files[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bronze", type=Path, help="folder with one folder of laboratory files per client")
    parser.add_argument("--scale", type=int, default=10, help="size of the large case; 0 leaves it out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        extra = another_workbook(home / "extra")
        if arguments.bronze:
            shutil.copytree(arguments.bronze, home / "lake" / "oil-analysis" / "bronze")
        else:
            write_sample_lake(home / "lake", months=MONTHS)
        measured = cases(home / "lake", extra)
        if arguments.scale:
            write_sample_lake(
                home / "large", finning_units=7 * arguments.scale, als_units=40 * arguments.scale, months=MONTHS
            )
            large = tribolake("run", "--lake", str(home / "large"))
            bottom = floor(home / "large" / "oil-analysis" / "bronze")
            measured.append(Case(f"full run, ×{arguments.scale} samples", large.seconds, large.peak_mb, bottom))
    print(f"{'case':44}{'seconds':>9}{'floor':>8}{'ratio':>7}{'peak MB':>9}")
    for case in measured:
        print(f"{case.name:44}{case.seconds:9.2f}{case.floor_seconds:8.2f}{case.ratio:7.2f}{case.peak_mb:9.0f}")
    print(json.dumps({"cases": [asdict(case) | {"ratio": case.ratio} for case in measured]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
