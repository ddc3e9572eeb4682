"""Make cells of Finning's OIL and COOLANT sheets by header: dates, meters as numbers, essays as text."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from tribolake.oil.synth.laboratory import ClientSamples
from tribolake.oil.synth.particles import iso_text, visible_codes
from tribolake.oil.synth.sheet import Cell, Columns
from tribolake.oil.synth.tables import BoolArray, FloatArray, IntArray, TextArray, oil
from tribolake.oil.synth.verdict import MONITOR, NORMAL, WATER_EXCESS, lab_verdicts, looks_dirty, water_letter

CUSTOMER, SITE, DISTRIBUTOR = "MINERA EJEMPLO", "FAENA EJEMPLO NORTE", "DISTRIBUIDOR EJEMPLO S.A."
STATE, SAMPLE_DATE, REPORT_DATE = "Estado", "Fecha de Toma de Muestra", "Fecha de laboratorio"

METALS = ("Fe", "Cr", "Al", "Cu", "Pb", "Ni", "Ag", "Sn", "Ti", "V", "Mn", "Si", "K", "Na")
ADDITIVES = ("Zn", "Ba", "B", "Ca", "Mo", "Mg", "P")
ENGINE_ESSAYS = ("ST", "OXI", "NIT", "SUL")
ESSAYS = (*METALS, *ADDITIVES, "PQI", "V100", *ENGINE_ESSAYS)

OPTICAL_SIZES, IMAGED_SIZES = (4, 6, 10, 14, 18, 21, 38, 50), (4, 6, 14, 21, 38, 70)
IMAGED_DEBRIS = {"Cutting SD": 6, "Fatigue SD": 9, "Sliding SD": 7, "Non Metallic SD": 25, "Non Metallic": 18}
IMAGED_DEBRIS |= {"Fatigue": 9, "Fibers": 3}
COUNTED_SHARE, VISIBLE_SHARE, IMAGED_SHARE, TBN_SHARE = 0.37, 0.38, 0.25, 0.3
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
    columns |= {STATE: list(verdict), "Interpretacion": list(comment)}
    for essay in (*METALS, *ADDITIVES):
        columns[essay] = whole_text(values[essay], ~insufficient)
    columns["PQI"] = whole_text(values["PQI"], np.ones(len(schedule), dtype=bool))
    measurable = (~insufficient & (water < WATER_EXCESS)).tolist()
    columns["V100"] = [
        _four_digits(v) if keep else None for v, keep in zip(values["V100"].tolist(), measurable, strict=True)
    ]
    for essay in ENGINE_ESSAYS:
        columns[essay] = whole_text(values[essay], engine & ~insufficient)
    has_tbn = engine & (rng.uniform(size=len(schedule)) < TBN_SHARE)
    columns["TBN"] = [
        f"{v:.1f}" if keep else None for v, keep in zip(values["TBN"].tolist(), has_tbn.tolist(), strict=True)
    ]
    columns["W"] = list(water_letter(water))
    columns["A"] = _where(np.isin(family, GLYCOL_TESTED), np.where(values["glycol"] > 0.15, "P", "N"))
    columns["F"] = _where(engine, np.where(np.nan_to_num(values["fuel"]) > 1, "P", "N"))
    columns |= _particle_columns(counts, counted, visible, rng)
    return {name: [cells[r] for r in rows.tolist()] for name, cells in columns.items()}


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
    columns["ISO"] = [c if k else v for c, k, v in zip(codes, counted.tolist(), visible, strict=True)]
    return columns


def coolant_sheet(lab: ClientSamples, rows: IntArray) -> Columns:
    """Make columns of the COOLANT sheet for the samples at `rows`."""
    rng = lab.rng("layout")
    columns = _common(lab, rng)
    size = len(lab.schedule)
    glycol = rng.integers(36, 54, size)
    acidity = [f"{v:.1f}" for v in rng.normal(8.0, 0.3, size)]
    freezing = -(0.9 * glycol - 11).astype(int)
    watched = rng.uniform(size=size) < 0.2
    columns |= {
        STATE: [MONITOR if w else NORMAL for w in watched],
        "Interpretacion": ["REFRIGERANTE DENTRO DE LO ESPERADO/"] * size,
        "GL": [str(v) for v in glycol],
        "FP": [str(v) for v in freezing],
        "FP (°F)": [str(round(v * 1.8 + 32)) for v in freezing.tolist()],
        "BP": [str(103 + v // 12) for v in glycol],
        "Color": ["red"] * size,
        "App": ["clear"] * size,
        "Odor": ["norm"] * size,
        "Foam": ["norm"] * size,
        "Oil": ["none"] * size,
        "PAmt": ["light" if w else "none" for w in watched],
        "PH": acidity,
        "pH": acidity,
        "CON": [str(v) for v in rng.integers(4_800, 7_600, size)],
        "NO2": ["0"] * size,
        "Fluid Type": ["DELVAC ELC"] * size,
        "Fluid Weight": [None] * size,
    }
    return {name: [cells[r] for r in rows.tolist()] for name, cells in columns.items()}


def _common(lab: ClientSamples, rng: np.random.Generator) -> Columns:
    """Make the columns of both sheets: machine, place, dates and hours."""
    schedule, size = lab.schedule, len(lab.schedule)
    units = [lab.fleet.units[u] for u in schedule.unit.tolist()]
    products = [oil(lab.fleet.compartments[c].oil) for c in schedule.compartment.tolist()]
    declared = rng.uniform(size=(size, 5))
    seconds = rng.integers(0, 86_400, size).tolist()
    reported = lab.report_day.tolist()
    sent = [
        datetime(d.year, d.month, d.day) + timedelta(days=1, seconds=s) for d, s in zip(reported, seconds, strict=True)
    ]
    changed = np.where(declared[:, 0] < 0.03, "U", np.where(schedule.oil_changed, "Y", "N"))
    return {
        "No. de control de laboratorio": list(lab.sample_number),
        REPORT_DATE: reported,
        SAMPLE_DATE: schedule.day.tolist(),
        "Model": [u.model for u in units],
        "ID de equipo": [u.tag for u in units],
        "No. de serie del equipo": [u.serial for u in units],
        "Compartimento": list(schedule.name),
        "Horas": schedule.machine_hours.tolist(),
        "Meter on Fluid": _where(declared[:, 1] < 0.975, schedule.oil_hours),
        "Estimacion de horas del fluido": schedule.oil_hours.tolist(),
        "Meter Units": ["HR"] * size,
        "Component Meter": _where(declared[:, 2] < 0.955, schedule.component_hours),
        "Fluido Cambiado": changed.tolist(),
        "Filtro Cambiado": _where(declared[:, 3] < 0.94, np.array(["U"] * size)),
        "Fluid Brand": _where(declared[:, 4] < 0.965, np.array([p["brand"] for p in products], dtype=object)),
        "Fluid Type": _where(declared[:, 4] < 0.55, np.array([p["type"] for p in products], dtype=object)),
        "Fluid Weight": [fluid_weight(p["weight"]) for p in products],
        "Kidney Loop": ["U"] * size,
        "Nombre del Distribuidor": [DISTRIBUTOR] * size,
        "Nombre del Cliente": [CUSTOMER] * size,
        "Sitio de Trabajo": [SITE] * size,
        "UCID": [CUSTOMER] * size,
        "Sample Activity": ["None"] * size,
        "Distribution Date": sent,
        "Install Meter": [0.0] * size,
    }


def fluid_weight(grade: str) -> Cell:
    """Make the cell of a grade: a number for monogrades (60), text for winter grades (`10W`, `15W-40`)."""
    return float(grade) if grade.isdigit() else grade or None


def whole_text(value: FloatArray, measured: BoolArray) -> list[Cell]:
    """Write whole numbers as text, None if not measured."""
    kept = measured & ~np.isnan(value)
    whole = np.rint(np.nan_to_num(value)).astype(int)
    return [str(w) if k else None for w, k in zip(whole.tolist(), kept.tolist(), strict=True)]


def _four_digits(value: float) -> str:
    """Write viscosity with four significant digits, as the laboratory does: `26.52`, `6.730`."""
    return f"{value:.{2 if value >= 10 else 3}f}"


def _where(keep: BoolArray, cells: np.ndarray) -> list[Cell]:
    return [c if k else None for c, k in zip(cells.tolist(), keep.tolist(), strict=True)]
