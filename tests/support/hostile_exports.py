"""Texts, web pages and tables that people export, edit and mail."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.support.hostile_files import HEADERS, LONG, Case, sample, table
from tests.support.hostile_texts import IN_LONG, dates, numbers, read_as, text
from tests.support.lab_files import page

QUOTED = '"Motor ""A""\nizquierdo"'
WORDS = ["0,05 %", "<0.05%", "450 ppm", "negativo", "Negativo (-)", "0.05\u00a0", "\u00a0450 ppm\u00a0"]
WORDS_AS = [0.05, 0, 0.045, 0, None, 0.05, 0.045]
GERMAN = ["5. Januar 2026", "05. Jänner 2026", "5. März 2026", "05. Mrz. 2026", "Montag, 5. Januar 2026",
          "5. Okt. 2025", "5. Dezember 2025", "Di. 6. Mai 2025", "5. Juni 2025"]  # fmt: skip
GERMAN_AS = ["2026-01-05", "2026-01-05", "2026-03-05", "2026-03-05", "2026-01-05", "2025-10-05", "2025-12-05",
             "2025-05-06", "2025-06-05"]  # fmt: skip
OTHER = ["05-ene.-26", "Sept. 5, 2025", "2026-01-05 22:00 -0300", "2026-01-06T02:00:00+00:00", "1767582000000",
         "2026-W02-1", "5.1.2026", "2026-01-05T00:00:00Z", "05/ENE./2026 08:15 hrs.", "Lu 05/01/2026"]  # fmt: skip
OTHER_AS = ["2026-01-05", "2025-09-05", *["2026-01-05"] * 8]
MONTHS = ["2024年5月", "2024-05", "05/2026", "ene-26", "enero 2026"]
MARKS = ["1.234,5", "1,234.5", "1.234", "7", "12,5", "12.5"]
SCIENCE = ["1,2E+03", "1.2x10^3", "1,2·10³", "1.2 × 10³", "1,2 E3"]
# A letter beside a unit is another unit, or `mil` a thousand.
THOUSANDS = ["12,3 mil", "12345 kmh", "12345 km H", "12345 (R) h", "12345 h*", "12 mi"]
THOUSANDS_AS = [None, None, None, 12345, 12345, None]
HIDDEN = {
    ">hid-a<": '><span style="display: none">0000</span>hid-a<', ">11<": '><span style="display:none">0045.0</span>11<',
    ">3<": "><del>54</del>3<", ">14.2<": "><strike>9</strike>14.2<", ">Motor<": "><i hidden>x</i>Motor<",
}  # fmt: skip
AT_40 = [
    ("visc", "V100", "14.2", "cSt @ 100°C"), ("cold", "V100", "98.5", "cSt @ 40°C"), ("cold", "Fe", "45", "ppm"),
    ("method", "Fe", "45", "ppm"), ("method", "Fe", "120", ""),
]  # fmt: skip


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, **options)
    return buffer.getvalue()


def hidden_texts() -> bytes:
    """A page with what a reader does not see: keys to sort by, and values that were struck out."""
    content = page(table(sample("hid-a"))).decode()
    for shown, written in HIDDEN.items():
        assert shown in content
        content = content.replace(shown, written)
    return content.encode()


MIDNIGHT = dt.datetime(2026, 1, 5, 3)
TYPES = {
    "Sample No": pa.array(["pq-1", "pq-2"]).dictionary_encode(),
    "Date": pa.array([MIDNIGHT, MIDNIGHT]).cast(pa.timestamp("ns", "America/Santiago")),
    "Unit": ["T-01", "T-01"],
    "Component": pa.array(["Motor", "Motor"], pa.large_string()),
    "Hours": pa.array([dt.timedelta(hours=5000)] * 2, pa.duration("s")),
    "Fe": pa.array([Decimal("11.000"), Decimal("1234.500")], pa.decimal256(50, 3)),
    "Cu": pa.array([[3.0], [3.0, 4.0]]),
    "V100": pa.array([{"value": 14.2}, None]),
}
COUNTED = {header: [cell] for header, cell in zip(HEADERS, sample("epo-1"), strict=True)}
COUNTED |= {"Date": pa.array([1767582000000], pa.int64()), "Fe": pa.array([11.25], pa.float32())}

EXPORTS = [
    Case("dos.csv", text(table(sample("dos-1", Component="Transmisión"), sample("dos-2", Component="Dirección")), ";")
         .encode("cp850"), {"dos-1": {"componentName": "transmisión"}, "dos-2": {"componentName": "dirección"}}),
    Case("windows.csv", text(table(sample("win-1", Component="Motor “A” – año"), sample("win-2", Component="Ø 5")), ";")
         .encode("cp1252"), {"win-1": {"componentName": "motor “a” - año"}, "win-2": {"componentName": "ø 5"}}),
    # The comment at the end is empty: the comma of 14,2 moves it behind the last header.
    Case("ragged.csv", text(table([*sample("rag-1", V100="14,2"), ""], [*sample("rag-2"), ""], more=["Comment"]))
         .encode(), {"rag-2": {}}, ["more_cells_than_headers", "unknown_column"]),
    Case("padded.csv", text([HEADERS, [*sample("pad-1"), ""], [*sample("pad-2"), ""]]).encode(),
         {"pad-1": {}, "pad-2": {}}),
    Case("lines.csv", text(table(sample("lin-1", Component=QUOTED), sample("lin-2", V100='"14,2"', Fe='"1.234,5"'),
                                 sample("lin-3", V100='"14,5"'))).encode(),
         {"lin-1": {"componentName": 'motor "a" izquierdo'}, "lin-2": {"Hierro": 1234.5},
          "lin-3": {"Viscosidad 100°C": 14.5}}),
    Case("tabs.tsv", text(table(sample("tab-1", Component='"Motor\tizquierdo"'), sample("tab-2")), "\t").encode(),
         {"tab-1": {"componentName": "motor izquierdo"}, "tab-2": {}}),
    Case("zeros.csv", text(table(sample("nul-1", Unit="T-01\0", Component="Motor\0", Fe="11\0"), sample("nul-2"),
                                 sample("nul-3")), ";").encode(), {"nul-1": {}, "nul-2": {}, "nul-3": {}}),
    Case("marks.csv", text(table(*numbers("mar", MARKS)), ";").encode(),
         read_as("mar", [1234.5, 1234.5, None, 7, 12.5, 12.5]), ["decimal_mark_contradictory"]),
    Case("science.csv", text(table(*numbers("sci", SCIENCE)), ";").encode(),
         read_as("sci", [1200, None, None, None, None]), [*["not_a_number"] * 2, *["unknown_unit"] * 2]),
    Case("thousands.csv", text(table(*numbers("tho", THOUSANDS, "Hours")), ";").encode(),
         read_as("tho", THOUSANDS_AS, "machineHours"), ["field_has_unknown_unit"] * 2),
    Case("water.csv", text(table(*([*sample(f"wat-{at}"), word] for at, word in enumerate(WORDS)), more=["Water"]), ";")
         .encode(), read_as("wat", WORDS_AS, "Agua"), ["unknown_code"]),
    Case("found.csv", text(table([*sample("fou-1"), "Pos", "<1%", "0.5 A/cm"],
                                 [*sample("fou-2"), "Neg", "1,5 %", "0.5"],
                                 more=["Glycol", "Fuel", "Soot"]), ";").encode(),
         {"fou-1": {"Dilución por combustible": 0},
          "fou-2": {"Dilución por combustible": 1.5, "Hollín": 0.5}}, ["unit_not_convertible"]),
    Case("german.csv", dates("ger", GERMAN), read_as("ger", GERMAN_AS, "sampleDate")),
    Case("other_dates.csv", dates("oth", OTHER), read_as("oth", OTHER_AS, "sampleDate")),
    Case("months.csv", dates("mon", MONTHS), {}, ["every_row_rejected", *["sample_date_unreadable"] * len(MONTHS)]),
    Case("methods.csv", text(table([*sample("fer-1"), 120, 85, "D5185"], more=["Fe PQ", "Fe ferrografía", "Fe método"]),
                             ";").encode(), {"fer-1": {}}, ["unknown_column"] * 3),
    Case("states.csv", text(table([*sample("sta-a", Fe=9), "Preliminar"], [*sample("sta-a", Fe=11), "Final"],
                                  more=["Estado"]), ";").encode(),
         {"sta-a": {}}, ["repeated_in_file", "unknown_column"]),
    Case("limits.csv", text(table(sample("lim-1"), ["Aceite nuevo", "2026-01-05", "", "Motor", "", 1, 0, 14.0],
                                  ["Límite crítico", "", "", "Motor", "", 100, 50, 16],
                                  ["", "", "", "", "", 11, 3, 14.2],
                                  ["Total general", "", "", "", "", 11, 3, 14.2]), ";").encode(),
         {"lim-1": {}}, ["no_sample_number", "no_unit", "no_unit", "no_unit"]),
    Case("look_alikes.csv", text(table(sample("loo-1", Unit="Т-01"), sample("loo-2", Unit="T–01\u00a0"),
                                       sample("loo-3", Unit="t‑01\u200b"), sample("loo-4\u00a0")), ";").encode(),
         {f"loo-{at}": {} for at in range(1, 5)}),
    Case("hidden_texts.xls", hidden_texts(), {"hid-a": {}}),
    Case("mailed.csv", b"Delivered-To: taller@mina.cl\r\nX-Received: by 2002\r\n\tid 7\r\nReceived: from x\r\n\r\n", {},
         ["file_unreadable"]),
    Case("renamed.xlsx", b"\xef\xbb\xbf\r\n%PDF-1.7\n1 0 obj\n", {}, ["file_unreadable"]),
    Case("records.csv", b"<NewDataSet>\r\n<Table><SampleNo>x-9</SampleNo></Table></NewDataSet>", {},
         ["file_unreadable"]),
    Case("types.parquet", parquet(TYPES),
         {"pq-1": {"Cobre": None, "Viscosidad 100°C": None},
          "pq-2": {"Hierro": 1234.5, "Cobre": None, "Viscosidad 100°C": None}}, ["not_a_number"] * 3),
    Case("spark.parquet", parquet(TYPES | {"Sample No": ["spa-1", "spa-2"], "Cu": [3, 3], "V100": [14.2, 14.2]},
                                  use_deprecated_int96_timestamps=True),
         {"spa-1": {}, "spa-2": {"Hierro": 1234.5}}),
    Case("counted.parquet", parquet(COUNTED), {"epo-1": {"Hierro": 11.25}}),
    Case("half.parquet", parquet(TYPES)[:-30], {}, ["file_unreadable"]),
    Case("at_40.csv", text([LONG, *([number, "2026-01-05", "T-01", "Motor", *rest] for number, *rest in AT_40)], ";")
         .encode(),
         {"visc": IN_LONG | {"Hierro": None, "Viscosidad 100°C": 14.2}, "cold": IN_LONG | {"Hierro": 45},
          "method": IN_LONG | {"Hierro": None}},
         ["contradictory_results", "unit_not_convertible"], client="hlargo"),
]  # fmt: skip
