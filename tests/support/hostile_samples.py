"""Names that try to leave a page: as unit, sample, component, comment and model of a workbook."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.support.lab_files import finning

HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "' onmouseover='alert(1)",
    "javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "</title><script>alert(1)</script>", "<!--",
    "]]>", "&lt;b&gt;", "&#x3c;b&#x3e;", "{{ 7 * 7 }}", "{% raw %}", "${7*7}", "{0.__class__}", "%s%n",
    "../../etc/passwd", "a/b", "..", ".", "/", "//evil.example/x", "http://evil.example/", "%2e%2e%2f", "%00",
    "a?b=c&d=e#f", "a+b c", "a;b=c", "T@1", "sample@occurrence", "null", "N/A", "x" * 500, "x" * 1500,
    "\u202eTAC\u202c", "\u2066x", "\u200bzero", "\x1b[31mred", "line\nbreak", "tab\there", "\u05d0\u05d1\u05d2",
    "ñandú 柴油 🛢", "=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "'; drop table x; --",
)  # fmt: skip


def hostile_rows(names: Iterable[str]) -> list[dict[str, Any]]:
    """Rows of Finning in which each name is a unit, a component, a sample, a comment and a model, in alarm."""
    rows = []
    for number, name in enumerate(names):
        common = {"W": "E", "Fe": 900, "Interpretacion": name, "No. de control de laboratorio": f"H-{number}"}
        rows += [
            common | {"ID de equipo": name},
            common
            | {"ID de equipo": f"U{number}", "Compartimento": name, "No. de control de laboratorio": f"C-{number}"},
            common | {"ID de equipo": f"U{number}", "No. de control de laboratorio": name},
            common | {"ID de equipo": f"M{number}", "Model": name, "No. de control de laboratorio": f"M-{number}"},
        ]
    return rows


def hostile_workbook() -> bytes:
    """A workbook of Finning with the hostile names.

    After them, two samples of two units have one number, and a unit has a sample in alarm after a normal one.
    Another one had a sample each month, but none in the last two, and two cells of its last row are not numbers.
    """
    shared = [{"No. de control de laboratorio": "SHARED", "ID de equipo": unit} for unit in ("S-1", "S-2")]
    worse = [
        {"No. de control de laboratorio": f"W-{day}", "ID de equipo": "W-1", "Fe": iron, "W": water}
        | {"Fecha de Toma de Muestra": day}
        for day, iron, water in (("2026-01-10", 5, "N"), ("2026-01-20", 900, "E"))
    ]
    late = [
        {"No. de control de laboratorio": f"L-{month}", "ID de equipo": "L-1", "Cu": text, "Al": text}
        | {"Fecha de Toma de Muestra": f"2025-{month}-01"}
        for month, text in (("08", 3), ("09", 3), ("10", 3), ("11", 3), ("12", "x y"))
    ]
    return finning(*hostile_rows(HOSTILE), *shared, *worse, *late)
