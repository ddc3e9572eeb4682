"""Make cells of Finning's OIL and COOLANT sheets by header: dates, meters as numbers, essays as text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tribolake.oil.synth.laboratory import ClientSamples
from tribolake.oil.synth.particles import iso_text, visible_codes
from tribolake.oil.synth.sheet import Cells, Columns, cells, take
from tribolake.oil.synth.tables import BoolArray, FloatArray, IntArray, TextArray, oil
from tribolake.oil.synth.verdict import MONITOR, NORMAL, WATER_EXCESS, lab_verdicts, looks_dirty, water_letter

STATE, SAMPLE_DATE, REPORT_DATE = "Estado", "Fecha de Toma de Muestra", "Fecha de laboratorio"

METALS = ("Fe", "Cr", "Al", "Cu", "Pb", "Ni", "Ag", "Sn", "Ti", "V", "Mn", "Si", "K", "Na")
ADDITIVES = ("Zn", "Ba", "B", "Ca", "Mo", "Mg", "P")
ENGINE_ESSAYS = ("ST", "OXI", "NIT", "SUL")
ESSAYS = (*METALS, *ADDITIVES, "PQI", "V100", *ENGINE_ESSAYS)

OPTICAL_SIZES, IMAGED_SIZES = (4, 6, 10, 14, 18, 21, 38, 50), (4, 6, 14, 21, 38, 70)
IMAGED_DEBRIS = {"Cutting SD": 6, "Fatigue SD": 9, "Sliding SD": 7, "Non Metallic SD": 25, "Non Metallic": 18}
IMAGED_DEBRIS |= {"Fatigue": 9, "Fibers": 3}
COUNTED_SHARE, VISIBLE_SHARE, IMAGED_SHARE, TBN_SHARE = 0.37, 0.38, 0.25, 0.3
# Cells that are the same in every row.
SAME_CELLS = {
    "Meter Units": "HR",
    "Kidney Loop": "U",
    "Nombre del Distribuidor": "DISTRIBUIDOR EJEMPLO S.A.",
    "Nombre del Cliente": "MINERA EJEMPLO",
    "Sitio de Trabajo": "FAENA EJEMPLO NORTE",
    "UCID": "MINERA EJEMPLO",
    "Sample Activity": "None",
    "Install Meter": 0.0,
}
COOLANT_CELLS = {
    "Interpretacion": "REFRIGERANTE DENTRO DE LO ESPERADO/",
    "Color": "red",
    "App": "clear",
    "Odor": "norm",
    "Foam": "norm",
    "Oil": "none",
    "NO2": "0",
    "Fluid Type": "DELVAC ELC",
    "Fluid Weight": None,
}
GLYCOL_TESTED = ("motor", "hidraulico", "transmision", "direccion")


def oil_sheet(lab: ClientSamples, rows: IntArray) -> Columns:
    """Make columns of the OIL sheet for the samples at `rows`. Headers that are always empty are absent."""
    rng = lab.rng("layout")
    schedule, values, counts = lab.schedule, lab.values, lab.counts
    family = schedule.family
    luck = rng.uniform(size=len(schedule))
    engine = family == "motor"
    water = np.nan_to_num(values["water"])
    visible = visible_codes(~engine & (luck < VISIBLE_SHARE), np.where(engine, 0.0, water), rng)
    counted = ~engine & (luck >= 1 - COUNTED_SHARE) & np.array([code is None for code in visible])
    dirty = looks_dirty(schedule, counts, visible, rng)
    verdict, comment = lab_verdicts(schedule, lab.episodes, water, dirty, rng)
    insufficient = (verdict == "Sin comentarios") & (luck < 0.35)

    columns = _common(lab, rng)
    columns |= {STATE: verdict, "Interpretacion": comment}
    for essay in (*METALS, *ADDITIVES):
        columns[essay] = whole_text(values[essay], ~insufficient)
    columns["PQI"] = whole_text(values["PQI"], np.ones(len(schedule), dtype=bool))
    columns["V100"] = cells([_four_digits(v) for v in values["V100"]], ~insufficient & (water < WATER_EXCESS))
    for essay in ENGINE_ESSAYS:
        columns[essay] = whole_text(values[essay], engine & ~insufficient)
    has_tbn = engine & (rng.uniform(size=len(schedule)) < TBN_SHARE)
    columns["TBN"] = cells([f"{v:.1f}" for v in values["TBN"]], has_tbn)
    columns["W"] = water_letter(water)
    columns["A"] = cells(np.where(values["glycol"] > 0.15, "P", "N"), np.isin(family, GLYCOL_TESTED))
    columns["F"] = cells(np.where(np.nan_to_num(values["fuel"]) > 1, "P", "N"), engine)
    columns |= _particle_columns(counts, counted, visible, rng)
    return take(columns, rows)


def _particle_columns(
    counts: dict[str, FloatArray], counted: BoolArray, visible: TextArray, rng: np.random.Generator
) -> Columns:
    """Make counts of one of the two counters with their ISO code, or the visible-particle code."""
    imaged = counted & (rng.uniform(size=len(counted)) < IMAGED_SHARE)
    columns: Columns = {}
    for name, count in counts.items():
        size = int(name.removesuffix("µ"))
        by_optical = counted & ~imaged if size in OPTICAL_SIZES else np.zeros_like(counted)
        columns[name] = whole_text(count, by_optical | (imaged if size in IMAGED_SIZES else False))
    columns["Total part/ml"] = whole_text(counts["4µ"], imaged)
    for name, mean in IMAGED_DEBRIS.items():
        columns[name] = whole_text(rng.poisson(mean, len(counted)).astype(float), imaged)
    codes = iso_text(counts["4µ"], counts["6µ"], counts["14µ"])
    columns["ISO"] = np.where(counted, codes, visible)
    return columns


def coolant_sheet(lab: ClientSamples, rows: IntArray) -> Columns:
    """Make columns of the COOLANT sheet for the samples at `rows`."""
    rng = lab.rng("layout")
    columns = _common(lab, rng)
    size = len(lab.schedule)
    glycol = rng.integers(36, 54, size)
    acidity = cells([f"{v:.1f}" for v in rng.normal(8.0, 0.3, size)])
    freezing = -(0.9 * glycol - 11).astype(int)
    watched = rng.uniform(size=size) < 0.2
    columns |= {
        STATE: np.where(watched, MONITOR, NORMAL),
        "GL": glycol.astype(str),
        "FP": freezing.astype(str),
        "FP (°F)": np.rint(freezing * 1.8 + 32).astype(int).astype(str),
        "BP": (103 + glycol // 12).astype(str),
        "PAmt": np.where(watched, "light", "none"),
        "PH": acidity,
        "pH": acidity,
        "CON": rng.integers(4_800, 7_600, size).astype(str),
    }
    columns |= {name: np.full(size, cell) for name, cell in COOLANT_CELLS.items()}
    return take({name: cells(column) for name, column in columns.items()}, rows)


def _common(lab: ClientSamples, rng: np.random.Generator) -> Columns:
    """Make the columns of both sheets: machine, place, dates and hours."""
    schedule, size = lab.schedule, len(lab.schedule)
    units = [lab.fleet.units[u] for u in schedule.unit]
    products = [oil(lab.fleet.compartments[c].oil) for c in schedule.compartment]
    declared = rng.uniform(size=(size, 5))
    sent = lab.report_day.astype("datetime64[s]") + np.timedelta64(1, "D") + rng.integers(0, 86_400, size)
    changed = np.where(declared[:, 0] < 0.03, "U", np.where(schedule.oil_changed, "Y", "N"))
    columns: dict[str, npt.ArrayLike] = {
        "No. de control de laboratorio": lab.sample_number,
        REPORT_DATE: lab.report_day,
        SAMPLE_DATE: schedule.day,
        "Model": [u.model for u in units],
        "ID de equipo": [u.tag for u in units],
        "No. de serie del equipo": [u.serial for u in units],
        "Compartimento": schedule.name,
        "Horas": schedule.machine_hours,
        "Meter on Fluid": cells(schedule.oil_hours, declared[:, 1] < 0.975),
        "Estimacion de horas del fluido": schedule.oil_hours,
        "Component Meter": cells(schedule.component_hours, declared[:, 2] < 0.955),
        "Fluido Cambiado": changed,
        "Filtro Cambiado": cells("U", declared[:, 3] < 0.94),
        "Fluid Brand": cells([p["brand"] for p in products], declared[:, 4] < 0.965),
        "Fluid Type": cells([p["type"] for p in products], declared[:, 4] < 0.55),
        "Fluid Weight": np.array([fluid_weight(p["weight"]) for p in products], dtype=object),
        "Distribution Date": sent,
        **{name: np.full(size, cell) for name, cell in SAME_CELLS.items()},
    }
    return {name: cells(column) for name, column in columns.items()}


def fluid_weight(grade: str) -> float | str | None:
    """Make the cell of a grade: a number for monogrades (60), text for winter grades (`10W`, `15W-40`)."""
    return float(grade) if grade.isdigit() else grade or None


def whole_text(value: FloatArray, measured: BoolArray) -> Cells:
    """Write whole numbers as text, None if not measured."""
    return cells(np.rint(np.nan_to_num(value)).astype(int).astype(str), measured & ~np.isnan(value))


def _four_digits(value: float) -> str:
    """Write viscosity with four significant digits, as the laboratory does: `26.52`, `6.730`."""
    return f"{value:.{2 if value >= 10 else 3}f}"
