"""Write a sample lake: laboratory files in bronze, and a file with the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tribolake.oil.synth.als import write_parquet
from tribolake.oil.synth.finning import write_workbooks
from tribolake.oil.synth.laboratory import CLIENTS, TRUTH_SCHEMA, sample_client


@dataclass(frozen=True)
class SampleLake:
    """What was written: the laboratory files, the truth file, and the sample rows of each client.

    `samples` counts the rows of Finning's OIL sheets and of the ALS table, retests included.
    """

    files: tuple[Path, ...]
    truth: Path
    samples: dict[str, int]


def write_sample_lake(
    lake: Path,
    *,
    seed: int = 42,
    finning_units: int = 7,
    als_units: int = 40,
    months: int = 24,
    end: date = date(2026, 1, 31),
    dirty: bool = True,
    clients: Sequence[str] = CLIENTS,
    on_file: Callable[[Path], None] | None = None,
) -> SampleLake:
    """Write sample laboratory files of known truth below `lake`. The same arguments give the same files.

    `oil-analysis/bronze/cda/{end}/T-XX.xlsx`: Finning, a workbook per truck, sheets OIL (294 columns), COOLANT (133)
    `oil-analysis/bronze/emin/{end}/muestrasAlsHistoricos.parquet`: ALS (81 columns)
    `synth_truth.parquet`: the columns `TRUTH`, one row per affected sample, names as written in the files

    Args:
        lake: existing files of these names are replaced.
        months: calendar months, the last is that of `end`. No sample is taken after `end`.
        dirty: add malformed cells, odd dates and one retest per client, on samples without a truth row.
        clients: their files do not depend on other clients.
        on_file: called with each laboratory file when it is complete.

    Raises:
        ValueError: a count is below 1, or a client is unknown or repeated.
    """
    _check(seed, finning_units, als_units, months, clients)
    lake = Path(lake)
    bronze = lake / "oil-analysis" / "bronze"
    sizes = {"cda": finning_units, "emin": als_units}
    files: list[Path] = []
    samples: dict[str, int] = {}
    truths = [TRUTH_SCHEMA.empty_table()]
    for client in clients:
        lab = sample_client(client, sizes[client], months, end, seed)
        folder = bronze / client / end.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        if client == "cda":
            created = datetime(end.year, end.month, end.day)
            written, samples[client] = write_workbooks(folder, lab, dirty=dirty, created=created, on_file=on_file)
            files.extend(written)
        else:
            path, samples[client] = write_parquet(folder, lab, dirty=dirty)
            files.append(path)
            if on_file is not None:
                on_file(path)
        truths.append(lab.truth())
    truth = lake / "synth_truth.parquet"
    pq.write_table(pa.concat_tables(truths), truth)
    return SampleLake(tuple(files), truth, samples)


def _check(seed: int, finning_units: int, als_units: int, months: int, clients: Sequence[str]) -> None:
    least = {"finning_units": (finning_units, 1), "als_units": (als_units, 1), "months": (months, 1), "seed": (seed, 0)}
    for name, (given, fewest) in least.items():
        if given < fewest:
            raise ValueError(f"{name} is {given}: give {fewest} or more. To leave out a client, give `clients`")
    if isinstance(clients, str):
        raise ValueError(f"clients is the text {clients!r}: give a list, such as [{clients!r}]")
    unknown = [c for c in clients if c not in CLIENTS]
    if unknown or not clients or len(set(clients)) != len(clients):
        raise ValueError(f"clients is {list(clients)}: name one or more of {list(CLIENTS)}, each once")
