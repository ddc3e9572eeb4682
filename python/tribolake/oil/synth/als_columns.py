"""Make cells of the ALS table: columns that describe samples, and results as printed by the laboratory."""

from __future__ import annotations

import numpy as np

from tribolake.oil.seeds import read_seed
from tribolake.oil.synth.laboratory import ClientSamples
from tribolake.oil.synth.particles import iso_text
from tribolake.oil.synth.sheet import Cells, Columns, cells
from tribolake.oil.synth.tables import BoolArray, FloatArray, oil

NOT_ASKED = ""
BELOW, ABOVE, NOT_MEASURED = "<0,05", ">0,05", "-"
DETECTION_PERCENT = 0.05
ALWAYS = ("Fe", "Cr", "Al", "Cu", "Pb", "Ag", "Si", "K", "Na", "B", "Ca", "Mo", "Mg", "P")
OIL_ONLY = ("Ni", "Sn", "Ti", "V", "Mn", "Zn", "Ba")
ESSAY_OF = {row["symbol"]: row["essay"] for row in read_seed("essays")}
ALS_ESSAYS = tuple(ESSAY_OF[symbol] for symbol in (*ALWAYS, *OIL_ONLY, "PQI", "V100"))
ISO_SHARE, V40_SHARE, TAN_SHARE = 0.41, 0.3, 0.2
UNDECLARED_OIL_SHARE, OIL_METER_SHARE = 0.24, 0.89
LOCAL_MIDNIGHT_SHARE = 0.3


def sample_columns(lab: ClientSamples, rng: np.random.Generator) -> Columns:
    """Make the 15 columns that describe a sample. `equipment_time` is the unit's meter at export."""
    schedule, fleet, size = lab.schedule, lab.fleet, len(lab.schedule)
    units = [fleet.units[u] for u in schedule.unit]
    places = [fleet.compartments[c] for c in schedule.compartment]
    products = [oil(p.oil) for p in places]
    last_meter = np.zeros(len(fleet.units))
    np.maximum.at(last_meter, schedule.unit, schedule.machine_hours)
    is_declared = rng.uniform(size=size) >= UNDECLARED_OIL_SHARE
    has_meter = rng.uniform(size=size) < OIL_METER_SHARE
    return {
        "id": cells(4_000_000 + rng.permutation(size)),
        "sampleNumber": lab.sample_number,
        "externalCode": cells(np.full(size, None)),
        "equipment_serial": cells([u.serial for u in units]),
        "equipment_tag": cells([u.tag for u in units]),
        "equipment_family_name": cells([u.machine for u in units]),
        "equipment_maker_name": cells([u.maker for u in units]),
        "equipment_model": cells([u.model for u in units]),
        "equipment_time": cells(last_meter[schedule.unit]),
        "compartment_id": cells([float(p.laboratory_id) for p in places]),
        "compartment_name": schedule.name,
        "collectionData_dateSampled": _sampled_at(lab, rng),
        "collectionData_fluidTime": cells(schedule.oil_hours, has_meter),
        "collectionData_oil_manufacturer_name": cells([p["als_maker"] for p in products], is_declared, NOT_MEASURED),
        "collectionData_oil_viscosity_name": cells([p["als_viscosity"] for p in products], is_declared, NOT_MEASURED),
    }


def _sampled_at(lab: ClientSamples, rng: np.random.Generator) -> Cells:
    """Write the sampling day as UTC text: midnight, or midnight in Chile (03:00 in summer, 04:00 in winter)."""
    is_local = rng.uniform(size=len(lab.schedule)) < LOCAL_MIDNIGHT_SHARE
    month = lab.schedule.day.astype("datetime64[M]").astype(int) % 12 + 1
    hour = np.where(is_local, np.where((month >= 4) & (month < 9), 4, 3), 0)
    return cells([f"{day}T{at:02d}:00:00.000Z" for day, at in zip(lab.schedule.day, hour, strict=True)])


def essay_texts(lab: ClientSamples, rng: np.random.Generator) -> Columns:
    """Write the result of each essay (Spanish name) as text, NOT_ASKED if it was not ordered."""
    values, counts, family = lab.values, lab.counts, lab.schedule.family
    size = len(lab.schedule)
    coolant, engine = family == "refrigerante", family == "motor"
    lubricant = ~coolant
    luck = rng.uniform(size=(size, 3))
    texts: Columns = {ESSAY_OF[symbol]: _ppm(values[symbol], np.True_, rng) for symbol in ALWAYS}
    texts |= {ESSAY_OF[symbol]: _ppm(values[symbol], lubricant, rng) for symbol in OIL_ONLY}
    texts["Índice PQ"] = _fixed(values["PQI"], 0, lubricant)
    texts["Viscosidad 100°C"] = _fixed(values["V100"], 2, lubricant)
    texts["Viscosidad 40°C"] = _fixed(values["V40"], 1, lubricant & (luck[:, 0] < V40_SHARE))
    acid = _fixed(values["TAN"], 2, lubricant)
    texts["TAN colorimétrico"] = np.where((acid != NOT_ASKED) & (luck[:, 1] >= TAN_SHARE), NOT_MEASURED, acid)
    texts["TBN"] = _fixed(values["TBN"], 2, engine)
    texts["Hollín"] = _fixed(values["ST"] / 100, 2, engine)
    texts["Agua"] = _detected(values["water"], lubricant)
    texts["Dilución por combustible"] = _detected(values["fuel"], engine)
    codes = iso_text(counts["4µ"], counts["6µ"], counts["14µ"])
    texts["Código ISO"] = cells(codes, lubricant & (luck[:, 2] < ISO_SHARE), NOT_ASKED)
    texts["Glicol"] = _fixed(rng.normal(48, 3, size), 0, coolant)
    texts["pH"] = _fixed(rng.normal(8.3, 0.3, size), 1, coolant)
    texts["Sólidos disueltos totales"] = cells(NOT_MEASURED, coolant, NOT_ASKED)
    texts["Urea"] = cells(BELOW, coolant, NOT_ASKED)
    return texts


def _fixed(value: FloatArray, decimals: int, asked: BoolArray) -> Cells:
    """Write decimal-comma text with a fixed number of decimals."""
    printed = [f"{v:.{decimals}f}".replace(".", ",") for v in np.maximum(np.nan_to_num(value), 0).tolist()]
    return cells(printed, asked & ~np.isnan(value), NOT_ASKED)


def _ppm(value: FloatArray, asked: BoolArray | np.bool_, rng: np.random.Generator) -> Cells:
    """Write whole ppm as `3`, `3,0` or `3,00`, zero also as `<0,05`, and failed tests as `-`."""
    whole = np.rint(np.nan_to_num(value)).astype(int)
    tail = rng.choice(np.array(["", ",0", ",00"], dtype=object), len(value), p=[0.72, 0.15, 0.13])
    undetected = (whole == 0) & (rng.uniform(size=len(value)) < 0.4)
    printed = np.where(undetected, BELOW, whole.astype(str).astype(object) + tail)
    failed = rng.uniform(size=len(value)) < 0.002
    return cells(np.where(np.isnan(value) | failed, NOT_MEASURED, printed), asked, NOT_ASKED)


def _detected(percent: FloatArray, asked: BoolArray) -> Cells:
    """Write whether water or fuel is above or below 0.05 %."""
    return cells(np.where(np.nan_to_num(percent) > DETECTION_PERCENT, ABOVE, BELOW), asked, NOT_ASKED)
