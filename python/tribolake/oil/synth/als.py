"""Write the ALS layout: one Parquet table with essays as name/value text pairs in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tribolake.oil.synth.als_columns import ALS_ESSAYS, essay_texts, sample_columns
from tribolake.oil.synth.dirt import date_rows, excel_serial, spoil_essays
from tribolake.oil.synth.laboratory import ClientSamples
from tribolake.oil.synth.sheet import Columns, append_copy, size

FILE_NAME = "muestrasAlsHistoricos.parquet"
PAIRS = 33
NAME, VALUE = "testResults_{}_test_translation_name", "testResults_{}_resultValue"
SAMPLED = "collectionData_dateSampled"
FUTURE = "2035-01-01T00:00:00.000Z"
UNDATED_SHARE, FUTURE_SHARE, VALUELESS_SHARE = 0.013, 0.002, 0.003

SAMPLE_TYPES = {
    "id": pa.int64(),
    "sampleNumber": pa.large_string(),
    "externalCode": pa.null(),
    "equipment_serial": pa.large_string(),
    "equipment_tag": pa.large_string(),
    "equipment_family_name": pa.large_string(),
    "equipment_maker_name": pa.large_string(),
    "equipment_model": pa.large_string(),
    "equipment_time": pa.float64(),
    "compartment_id": pa.float64(),
    "compartment_name": pa.large_string(),
    SAMPLED: pa.large_string(),
    "collectionData_fluidTime": pa.float64(),
    "collectionData_oil_manufacturer_name": pa.large_string(),
    "collectionData_oil_viscosity_name": pa.large_string(),
}
PAIR_COLUMNS = [pattern.format(n) for n in range(PAIRS) for pattern in (NAME, VALUE)]
SCHEMA = pa.schema([*SAMPLE_TYPES.items(), *((name, pa.large_string()) for name in PAIR_COLUMNS)])


def write_parquet(folder: Path, lab: ClientSamples, *, dirty: bool) -> tuple[Path, int]:
    """Write the client's table (81 columns) into `folder`. Returns its path and number of rows."""
    rng = lab.rng("layout")
    samples, essays = sample_columns(lab, rng), essay_texts(lab, rng)
    clean = lab.is_clean()
    _misdate(samples, clean, rng)
    if dirty and size(samples):
        _spoil(samples, essays, clean & np.array([s is not None for s in samples[SAMPLED]]), lab)
    names, values = _shuffled_pairs(essays, rng)
    columns = [pa.array(samples[name], kind) for name, kind in SAMPLE_TYPES.items()]
    for n in range(PAIRS):
        columns += [pa.array(names[:, n], pa.large_string()), pa.array(values[:, n], pa.large_string())]
    path = folder / FILE_NAME
    pq.write_table(pa.Table.from_arrays(columns, schema=SCHEMA), path)
    return path, size(samples)


def _misdate(samples: Columns, clean: np.ndarray, rng: np.random.Generator) -> None:
    """Remove some dates and move a few to the future, as in exports of the laboratory."""
    rows = rng.permutation(np.flatnonzero(clean)).tolist()
    undated = max(1, round(UNDATED_SHARE * len(rows)))
    future = max(2, round(FUTURE_SHARE * len(rows)))
    for row in rows[:undated]:
        samples[SAMPLED][row] = None
    for row in rows[undated : undated + future]:
        samples[SAMPLED][row] = FUTURE


def _spoil(samples: Columns, essays: Columns, clean: np.ndarray, lab: ClientSamples) -> None:
    """Add dirty cells, odd dates and one retest. A retest has a later `id`, as there is no report date."""
    rng = lab.rng("dirt")
    dated = clean & np.array([s != FUTURE for s in samples[SAMPLED]])
    candidates = np.flatnonzero(dated) if dated.any() else np.arange(len(dated))
    retested = int(rng.choice(candidates))
    append_copy(samples, retested)
    append_copy(essays, retested)
    samples["id"][-1] = max(samples["id"]) + 1
    essays["Hierro"][-1] = str(int(rng.integers(2, 60)))
    dated[retested] = False
    as_text, as_serial = date_rows(dated, rng)
    for row in as_text:
        samples[SAMPLED][row] = f"{lab.schedule.day[row].item():%d/%m/%Y}"
    for row in as_serial:
        samples[SAMPLED][row] = str(excel_serial(lab.schedule.day[row].item()))
    spoil_essays(essays, ALS_ESSAYS, dated, rng)


def _shuffled_pairs(essays: Columns, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Make arrays of names and values: one row per sample, 33 columns. Essays are in random order, then nulls.

    Essays that were ordered have a name. A blank result has a null value.
    """
    texts = np.array(list(essays.values()), dtype=object).T
    asked = texts != ""
    luck = rng.uniform(size=(*texts.shape, 2))  # drawn by row, so that an added row does not change others
    order = np.argsort(np.where(asked, luck[:, :, 0], 2.0), axis=1)[:, :PAIRS]
    names = np.broadcast_to(np.array(list(essays), dtype=object), texts.shape).copy()
    names[~asked] = None
    values = texts.copy()
    values[~asked | (luck[:, :, 1] < VALUELESS_SHARE)] = None
    return np.take_along_axis(names, order, axis=1), np.take_along_axis(values, order, axis=1)
