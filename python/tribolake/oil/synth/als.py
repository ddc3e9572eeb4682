"""Write the ALS layout: one Parquet table with essays as name/value text pairs in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tribolake.oil.synth.als_columns import ALS_ESSAYS, essay_texts, sample_columns
from tribolake.oil.synth.dirt import date_rows, excel_serial, spoil_essays
from tribolake.oil.synth.laboratory import ClientSamples
from tribolake.oil.synth.sheet import Cells, Columns, cells, size, with_copy

FILE_NAME = "muestrasAlsHistoricos.parquet"
PAIRS = 33
NAME, VALUE = "testResults_{}_test_translation_name", "testResults_{}_resultValue"
SAMPLED = "collectionData_dateSampled"
FUTURE = "2035-01-01T00:00:00.000Z"
UNDATED_SHARE, FUTURE_SHARE, VALUELESS_SHARE = 0.013, 0.002, 0.003
TYPES = {
    "id": pa.int64(),
    "externalCode": pa.null(),
    "equipment_time": pa.float64(),
    "compartment_id": pa.float64(),
    "collectionData_fluidTime": pa.float64(),
}


def write_parquet(folder: Path, lab: ClientSamples, *, dirty: bool) -> tuple[Path, int]:
    """Write the client's table (81 columns) into `folder`. Returns its path and number of rows."""
    rng = lab.rng("layout")
    samples, essays = sample_columns(lab, rng), essay_texts(lab, rng)
    clean = lab.is_clean()
    _misdate(samples, clean, rng)
    if dirty and size(samples):
        samples, essays = _spoil(samples, essays, clean & (samples[SAMPLED].astype(bool)), lab)
    names, values = _shuffled_pairs(essays, rng)
    for n in range(PAIRS):
        samples |= {NAME.format(n): names[:, n], VALUE.format(n): values[:, n]}
    schema = pa.schema([(name, TYPES.get(name, pa.large_string())) for name in samples])
    path = folder / FILE_NAME
    pq.write_table(pa.table(samples, schema=schema), path)
    return path, size(samples)


def _misdate(samples: Columns, clean: np.ndarray, rng: np.random.Generator) -> None:
    """Remove some dates and move a few to the future, as in exports of the laboratory."""
    rows = rng.permutation(np.flatnonzero(clean))
    undated = max(1, round(UNDATED_SHARE * len(rows)))
    future = max(2, round(FUTURE_SHARE * len(rows)))
    samples[SAMPLED][rows[:undated]] = None
    samples[SAMPLED][rows[undated : undated + future]] = FUTURE


def _spoil(samples: Columns, essays: Columns, clean: np.ndarray, lab: ClientSamples) -> tuple[Columns, Columns]:
    """Add dirty cells, odd dates and one retest. A retest has a later `id`, as there is no report date."""
    rng = lab.rng("dirt")
    dated = clean & (samples[SAMPLED] != FUTURE)
    retested = int(rng.choice(np.flatnonzero(dated) if dated.any() else np.arange(len(dated))))
    samples, essays = with_copy(samples, retested), with_copy(essays, retested)
    samples["id"][-1] = max(samples["id"]) + 1
    essays["Hierro"][-1] = str(int(rng.integers(2, 60)))
    dated[retested] = False
    as_text, as_serial = date_rows(dated, rng)
    samples[SAMPLED][as_text] = [f"{day.item():%d/%m/%Y}" for day in lab.schedule.day[as_text]]
    samples[SAMPLED][as_serial] = [str(excel_serial(day.item())) for day in lab.schedule.day[as_serial]]
    spoil_essays(essays, ALS_ESSAYS, dated, rng)
    return samples, essays


def _shuffled_pairs(essays: Columns, rng: np.random.Generator) -> tuple[Cells, Cells]:
    """Make arrays of names and values: one row per sample, 33 columns. Essays are in random order, then nulls.

    Essays that were ordered have a name. A blank result has a null value.
    """
    texts = np.column_stack(list(essays.values()))
    asked = texts != ""
    luck = rng.uniform(size=(*texts.shape, 2))  # drawn by row, so that an added row does not change others
    order = np.argsort(np.where(asked, luck[:, :, 0], 2.0), axis=1)[:, :PAIRS]
    names = cells([list(essays)], asked)
    values = cells(texts, asked & (luck[:, :, 1] >= VALUELESS_SHARE))
    return np.take_along_axis(names, order, axis=1), np.take_along_axis(values, order, axis=1)
