"""Make cells of the ALS table: columns that describe samples, and results as printed by the laboratory."""

from __future__ import annotations

import numpy as np

from tribolake.oil.synth.laboratory import ClientSamples
from tribolake.oil.synth.particles import iso_text
from tribolake.oil.synth.sheet import Cell, Columns
from tribolake.oil.synth.tables import BoolArray, FloatArray, oil

NOT_ASKED = ""
BELOW, ABOVE, NOT_MEASURED = "<0,05", ">0,05", "-"
DETECTION_PERCENT = 0.05

ALWAYS = {
    "Hierro": "Fe",
    "Cromo": "Cr",
    "Aluminio": "Al",
    "Cobre": "Cu",
    "Plomo": "Pb",
    "Plata": "Ag",
    "Silicio": "Si",
    "Potasio": "K",
    "Sodio": "Na",
    "Boro": "B",
    "Calcio": "Ca",
    "Molibdeno": "Mo",
    "Magnesio": "Mg",
    "Fósforo": "P",
}
OIL_ONLY = {
    "Níquel": "Ni",
    "Estaño": "Sn",
    "Titanio": "Ti",
    "Vanadio": "V",
    "Manganeso": "Mn",
    "Zinc": "Zn",
    "Bario": "Ba",
}
ALS_ESSAYS = (*ALWAYS, *OIL_ONLY, "Índice PQ", "Viscosidad 100°C")
ISO_SHARE, V40_SHARE, TAN_SHARE = 0.41, 0.3, 0.2
UNDECLARED_OIL_SHARE, OIL_METER_SHARE = 0.24, 0.89
LOCAL_MIDNIGHT_SHARE = 0.3


def sample_columns(lab: ClientSamples, rng: np.random.Generator) -> Columns:
    """Make the 15 columns that describe a sample. `equipment_time` is the unit's meter at export."""
    schedule, fleet, size = lab.schedule, lab.fleet, len(lab.schedule)
    units = [fleet.units[u] for u in schedule.unit.tolist()]
    places = [fleet.compartments[c] for c in schedule.compartment.tolist()]
    products = [oil(p.oil) for p in places]
    last_meter = np.zeros(len(fleet.units))
    np.maximum.at(last_meter, schedule.unit, schedule.machine_hours)
    undeclared = (rng.uniform(size=size) < UNDECLARED_OIL_SHARE).tolist()
    no_meter = (rng.uniform(size=size) >= OIL_METER_SHARE).tolist()
    return {
        "id": (4_000_000 + rng.permutation(size)).tolist(),
        "sampleNumber": list(lab.sample_number),
        "externalCode": [None] * size,
        "equipment_serial": [u.serial for u in units],
        "equipment_tag": [u.tag for u in units],
        "equipment_family_name": [u.machine for u in units],
        "equipment_maker_name": [u.maker for u in units],
        "equipment_model": [u.model for u in units],
        "equipment_time": last_meter[schedule.unit].tolist(),
        "compartment_id": [float(p.laboratory_id) for p in places],
        "compartment_name": list(schedule.name),
        "collectionData_dateSampled": _sampled_at(lab, rng),
        "collectionData_fluidTime": [
            None if n else h for n, h in zip(no_meter, schedule.oil_hours.tolist(), strict=True)
        ],
        "collectionData_oil_manufacturer_name": _declared("als_maker", products, undeclared),
        "collectionData_oil_viscosity_name": _declared("als_viscosity", products, undeclared),
    }


def _declared(field: str, products: list[dict[str, str]], undeclared: list[bool]) -> list[Cell]:
    return [NOT_MEASURED if u else p[field] for p, u in zip(products, undeclared, strict=True)]


def _sampled_at(lab: ClientSamples, rng: np.random.Generator) -> list[Cell]:
    """Write the sampling day as UTC text: midnight, or midnight in Chile (03:00 in summer, 04:00 in winter)."""
    local = rng.uniform(size=len(lab.schedule)) < LOCAL_MIDNIGHT_SHARE
    texts: list[Cell] = []
    for day, is_local in zip(lab.schedule.day.tolist(), local.tolist(), strict=True):
        hour = (4 if 4 <= day.month < 9 else 3) if is_local else 0
        texts.append(f"{day.isoformat()}T{hour:02d}:00:00.000Z")
    return texts


def essay_texts(lab: ClientSamples, rng: np.random.Generator) -> Columns:
    """Write the result of each essay (Spanish name) as text, NOT_ASKED if it was not ordered."""
    values, counts, family = lab.values, lab.counts, lab.schedule.family
    size = len(lab.schedule)
    coolant, engine = family == "refrigerante", family == "motor"
    lubricant = ~coolant
    luck = rng.uniform(size=(size, 3))
    everywhere = np.ones(size, dtype=bool)
    texts: Columns = {name: _ppm(values[symbol], everywhere, rng) for name, symbol in ALWAYS.items()}
    texts |= {name: _ppm(values[symbol], lubricant, rng) for name, symbol in OIL_ONLY.items()}
    texts["Índice PQ"] = _fixed(values["PQI"], 0, lubricant)
    texts["Viscosidad 100°C"] = _fixed(values["V100"], 2, lubricant)
    texts["Viscosidad 40°C"] = _fixed(values["V40"], 1, lubricant & (luck[:, 0] < V40_SHARE))
    acid = _fixed(values["TAN"], 2, lubricant)
    skipped = (luck[:, 1] >= TAN_SHARE).tolist()
    texts["TAN colorimétrico"] = [NOT_MEASURED if t and skip else t for t, skip in zip(acid, skipped, strict=True)]
    texts["TBN"] = _fixed(values["TBN"], 2, engine)
    texts["Hollín"] = _fixed(values["ST"] / 100, 2, engine)
    texts["Agua"] = _detected(values["water"], lubricant)
    texts["Dilución por combustible"] = _detected(values["fuel"], engine)
    codes = iso_text(counts["4µ"], counts["6µ"], counts["14µ"])
    texts["Código ISO"] = _choose(lubricant & (luck[:, 2] < ISO_SHARE), codes.tolist())
    texts["Glicol"] = _fixed(rng.normal(48, 3, size), 0, coolant)
    texts["pH"] = _fixed(rng.normal(8.3, 0.3, size), 1, coolant)
    texts["Sólidos disueltos totales"] = _choose(coolant, [NOT_MEASURED] * size)
    texts["Urea"] = _choose(coolant, [BELOW] * size)
    return texts


def _choose(asked: BoolArray, cells: list[Cell]) -> list[Cell]:
    return [c if a else NOT_ASKED for c, a in zip(cells, asked.tolist(), strict=True)]


def _fixed(value: FloatArray, decimals: int, asked: BoolArray) -> list[Cell]:
    """Write decimal-comma text with a fixed number of decimals."""
    printed = [f"{v:.{decimals}f}".replace(".", ",") for v in np.maximum(np.nan_to_num(value), 0).tolist()]
    return _choose(asked & ~np.isnan(value), printed)


def _ppm(value: FloatArray, asked: BoolArray, rng: np.random.Generator) -> list[Cell]:
    """Write whole ppm as `3`, `3,0` or `3,00`, zero also as `<0,05`, and failed tests as `-`."""
    whole = np.rint(np.nan_to_num(value)).astype(int)
    tail = rng.choice(np.array(["", ",0", ",00"], dtype=object), len(value), p=[0.72, 0.15, 0.13])
    printed = [f"{w}{t}" for w, t in zip(whole.tolist(), tail, strict=True)]
    undetected = (whole == 0) & (rng.uniform(size=len(value)) < 0.4)
    cells = np.where(undetected, BELOW, np.array(printed, dtype=object))
    failed = rng.uniform(size=len(value)) < 0.002
    return _choose(asked, np.where(np.isnan(value) | failed, NOT_MEASURED, cells).tolist())


def _detected(percent: FloatArray, asked: BoolArray) -> list[Cell]:
    """Write whether water or fuel is above or below 0.05 %."""
    found = np.nan_to_num(percent) > DETECTION_PERCENT
    return _choose(asked, np.where(found, ABOVE, BELOW).tolist())
