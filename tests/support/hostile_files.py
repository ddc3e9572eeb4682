"""What a file of a laboratory holds that tests expect, and a plain sample of each layout to vary.

Two laboratories are rows of seeds: `hostil` writes an essay a column on any sheet, `hlargo` a result a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SEEDS = {
    "clients": """
        hostil,HOSTIL,hostil,,America/Santiago
        hlargo,HLARGO,hlargo,,America/Santiago
        """,
    "laboratories": """
        hostil,wide,.,true,true
        hlargo,long,.,true,true
        """,
    "lab_sheets": """
        hostil,*,oil,Sample No
        hlargo,*,oil,sample_id
        """,
    "lab_fields": """
        hostil,Sample No,1,sampleNumber
        hostil,Date,1,sampleDate
        hostil,Unit,1,unitId
        hostil,Component,1,componentName
        hostil,Hours,1,machineHours
        hlargo,sample_id,1,sampleNumber
        hlargo,drawn,1,sampleDate
        hlargo,unit,1,unitId
        hlargo,component,1,componentName
        hlargo,parameter,1,essayName
        hlargo,result,1,essayValue
        hlargo,uom,1,essayUnit
        """,
    "lab_essays": """
        hostil,*,Fe,Hierro,1
        hostil,*,Cu,Cobre,1
        hostil,*,Si,Silicio,1
        hostil,*,V100,Viscosidad 100°C,1
        hostil,*,Water,Agua,1
        hostil,*,ISO,Código ISO,1
        hostil,*,Glycol,Anticongelante,1
        hostil,*,Fuel,Dilución por combustible,1
        hostil,*,Soot,Hollín,1
        hlargo,*,Fe,Hierro,1
        hlargo,*,Cu,Cobre,1
        hlargo,*,Water,Agua,1
        hlargo,*,V100,Viscosidad 100°C,1
        """,
}
SAMPLE: dict[str, object] = {
    "Sample No": "", "Date": "2026-01-05", "Unit": "T-01", "Component": "Motor", "Hours": 5000, "Fe": 11, "Cu": 3,
    "V100": 14.2,
}  # fmt: skip
HEADERS = list(SAMPLE)
LONG = ["sample_id", "drawn", "unit", "component", "parameter", "result", "uom"]
# The columns of `silver.samples` that are compared, and what they hold of a plain sample.
EXPECTED: dict[str, object] = {
    "sampleDate": "2026-01-05", "unitId": "T_01", "componentName": "motor", "machineHours": 5000, "Hierro": 11,
    "Cobre": 3, "Silicio": None, "Viscosidad 100°C": 14.2, "Agua": None, "Código ISO": None,
    "Dilución por combustible": None, "Hollín": None,
}  # fmt: skip
Row = list[object]


@dataclass(frozen=True)
class Case:
    """A file, the samples that a reader should find in it, and the reasons of what it does not use.

    Attributes:
        samples: number -> how the sample differs from `EXPECTED`.
        reasons: of the rows of `silver.rejected` about the file.
    """

    name: str
    content: bytes
    samples: Mapping[str, Mapping[str, object]]
    reasons: Sequence[str] = ()
    client: str = "hostil"
    copies: Sequence[str] = field(default=())  # further names of the same content


def sample(number: object, **differences: object) -> Row:
    """A row of a plain sample but for the columns that differ; `No` is the number, `None` leaves a cell empty."""
    row = SAMPLE | {"Sample No": number} | differences
    return ["" if row[header] is None else row[header] for header in row]


def table(*rows: Row, more: Sequence[str] = ()) -> list[Row]:
    """Rows below the headers, and below further ones."""
    return [[*HEADERS, *more], *rows]
