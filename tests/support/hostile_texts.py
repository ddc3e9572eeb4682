"""Text files and web pages as portals and laboratories export them."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Sequence

from tests.support.hostile_files import HEADERS, LONG, Case, Row, sample, table
from tests.support.lab_files import page, workbook


def text(rows: Sequence[Row], delimiter: str = ",", line_end: str = "\r\n") -> str:
    return "".join(delimiter.join(map(str, row)) + line_end for row in rows)


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def numbers(prefix: str, cells: Sequence[object], header: str = "Fe") -> list[Row]:
    """A sample for each cell of a column."""
    return [sample(f"{prefix}-{at}", **{header: cell}) for at, cell in enumerate(cells)]


def read_as(prefix: str, values: Sequence[object], column: str = "Hierro") -> dict[str, dict[str, object]]:
    return {f"{prefix}-{at}": {column: value} for at, value in enumerate(values)}


def dates(prefix: str, cells: Sequence[object]) -> bytes:
    return text(table(*numbers(prefix, cells, "Date")), ";").encode()


ROWSPAN = (
    "<table><tr>" + "".join(f"<th>{name}</th>" for name in HEADERS) + "</tr>"
    '<tr><td>span-1</td><td rowspan="2">2026-01-05</td><td rowspan="2">T-01</td><td>Motor</td><td>5000</td><td>11</td>'
    "<td>3</td><td>14.2</td></tr><tr><td>span-2</td><td>Motor</td><td>5,000</td><td>1&nbsp;234</td><td>&lt;3</td>"
    "<td>14.2</td></tr></table>"
).encode()
PLAIN = text(table(sample("x-1")), ";")
UTF16 = text(table(sample("u16-1", Component="Transmisión")), "\t").encode("utf-16")
DUPLICATE = text(table(sample("two-1"), sample("two-1", Fe=110)), ";").encode()
SAME = text(table(sample("same-1")), ";").encode()
FOOTNOTES = ["05/01/2026*", "05/01/2026 (1)", "05/01/2026**", "05/01/2026¹", "05/01/2026 †", "* 05/01/2026"]
SPOKEN = [
    "5 de janeiro de 2026", "05/fev/2026", "3-mar-2026", "15-abr-2026", "7 maio 2026", "20 out 2026",
    "31 dez. 2025", "5 janvier 2026", "12 févr. 2026", "1er août 2026", "12 déc. 2025", "lundi 5 janvier 2026",
    "segunda-feira, 5 de janeiro de 2026",
]  # fmt: skip
SPOKEN_AS = [
    "2026-01-05", "2026-02-05", "2026-03-03", "2026-04-15", "2026-05-07", "2026-10-20", "2025-12-31", "2026-01-05",
    "2026-02-12", "2026-08-01", "2025-12-12", "2026-01-05", "2026-01-05",
]  # fmt: skip
PROGRAMS = [
    "Mon Jan 05 2026 00:00:00 GMT-0300 (hora de verano de Chile)", "/Date(1767582000000)/", "2026-01-05T23:30:00-03:00",
    "20260105", "46027", "05.01.2026 08:15:00", "2026/01/05", "'05/01/2026", "2026-01-05 00:00:00.000",
    "05-JAN-26", "05-ENE-2026 10:15", "2026-01-05T00:00:00.000+0000", "Monday, January 5, 2026",
]  # fmt: skip
LARGE = ["1 234", "1\u00a0234", "1\u2009234", "1\u202f234", "1'234", "1\u2019234", "1,234.0", "1.234E+03", "1.2E3"]
LARGE_AS = [1234, 1234, 1234, 1234, 1234, 1234, 1234, 1234, 1200]
UNCLEAR = ["5-10", "1/2", "<0.1 / <0.1", "1 1/2", "½", "12;15", "(12)", "12-", "1.2.3", "12 34", "4 5", "±3"]
LONG_ROWS = [
    ("agree", "Fe", "45", "ppm"), ("agree", "Fe", "45", "mg/kg"), ("agree", "Fe", "0.0045", "%"),
    ("differ", "Fe", "45", "ppm"), ("differ", "Fe", "45", "%"), ("differ", "Cu", "3", "ppm"),
    ("case", "Fe", "45", "PPM"), ("case", "Fe", "45.0", "(ppm)"),
    ("sign", "Fe", "<1", "ppm"), ("sign", "Fe", "1", "ppm"),
    ("blank", "Fe", "45", ""), ("blank", "Fe", "45", "ppm"),
    ("water", "Water", "450", "ppm"), ("water", "Water", "0.045", "%"), ("water", "Water", "0.0450 %", ""),
]  # fmt: skip
IN_LONG = {"machineHours": None, "Viscosidad 100°C": None, "Cobre": None}

TEXTS = [
    Case("sep.csv", ("sep=;\r\n" + text(table(sample("sep-1")), ";")).encode(), {"sep-1": {}}),
    Case("sep_tab.csv", ("sep=\t\r\n" + text(table(sample("sept-1")), "\t")).encode("utf-16"), {"sept-1": {}}),
    Case("utf16.txt", UTF16, {"u16-1": {"componentName": "transmisión"}}),
    Case("packed.csv.gz", gzip.compress(PLAIN.encode()), {}, ["file_unreadable"]),
    Case("packed.zip", zipped("x.csv", PLAIN.encode()), {}, ["file_unreadable"]),
    Case("book.zip", zipped("x.xlsx", workbook(table(sample("x-2")))), {}, ["file_unreadable"]),
    Case("cut.csv", text(table(sample("cut-1"), sample("cut-2")), ";")[:-25].encode(), {"cut-1": {}},
         ["no_component"]),
    Case("cut.xlsx", workbook(table(sample("cut-3")))[:-700], {}, ["file_unreadable"]),
    Case("bom_inside.csv", text(table(sample("\ufeffbom-1"), sample("bom-2\ufeff"))).encode("utf-8-sig") + b"\x1a",
         {"bom-1": {}, "bom-2": {}}, ["no_sample"]),
    Case("line_ends.csv", (text(table(sample("end-1")), ";", "\r\n") + text([sample("end-2")], ";", "\n")
                           + text([sample("end-3")], ";", "\r")).encode(), {"end-1": {}, "end-2": {}, "end-3": {}}),
    Case("inches.csv", text(table(sample("inch-1", Component='Motor 6"'), sample("inch-2", Component='Motor 8"'),
                                  sample("inch-3"))).encode(),
         {"inch-1": {"componentName": 'motor 6"'}, "inch-2": {"componentName": 'motor 8"'}, "inch-3": {}}),
    Case("quoted.csv", text(table(sample("quo-1", Component='"Motor; izquierdo"'), sample("quo-2")), ";").encode(),
         {"quo-1": {"componentName": "motor; izquierdo"}, "quo-2": {}}),
    Case("comma.csv", text(table(sample("com-1", V100="14,2"), sample("com-2")), ",").encode(),
         {"com-2": {}}, ["more_cells_than_headers", "unknown_column"]),
    Case("decimals.csv", text(table(*numbers("dec", ["12,5", "1.234,5", "1.234", "7"])), ";").encode(),
         read_as("dec", [12.5, 1234.5, 1234, 7])),
    Case("large.csv", text(table(*numbers("lar", LARGE)), ";").encode(), read_as("lar", LARGE_AS)),
    Case("indian.csv", text(table(*numbers("ind", ["1,23,456", "12,345", "9"], "Hours")), ";").encode(),
         read_as("ind", [123456, 12345, 9], "machineHours")),
    Case("unclear.csv", text(table(*numbers("unc", UNCLEAR)), "|").encode(), read_as("unc", [None] * len(UNCLEAR)),
         ["not_a_number"] * len(UNCLEAR)),
    Case("footnotes.csv", dates("foot", FOOTNOTES), read_as("foot", ["2026-01-05"] * len(FOOTNOTES), "sampleDate")),
    Case("spoken.csv", dates("spo", SPOKEN), read_as("spo", SPOKEN_AS, "sampleDate")),
    Case("programs.csv", dates("prog", PROGRAMS), read_as("prog", ["2026-01-05"] * len(PROGRAMS), "sampleDate")),
    Case("typing.csv", dates("typ", ["05/01/2206", "05/01/0026", "31/02/2026", "5/1"]), {},
         ["every_row_rejected", "sample_date_before_1980", "sample_date_in_future", "sample_date_unreadable",
          "sample_date_unreadable"]),
    Case("duplicate.csv", DUPLICATE, {"two-1": {"Hierro": 110}}, ["repeated_in_file"]),
    Case("again.csv", SAME, {"same-1": {}}, copies=["again (1).csv", "2026-02-01/again.csv"]),
    Case("accents.csv", text([["SAMPLE\u00a0No ", "date", "ÚNIT", "Componént", "hours:", "fe", "CU", "v100"],
                              sample("acc-1", Hours=None)], ";").encode(),
         {"acc-1": {"machineHours": None}}, []),
    Case("portal.csv", text([[*HEADERS[:5], "Fe (ppm)", "Cu", "V100"], sample("por-1")], ";").encode(),
         {"por-1": {"Hierro": None}}, ["unknown_column"]),
    Case("signs.csv", text(table([*sample("sig-1", Fe=1), "<"], more=["Fe sign"]), ";").encode(),
         {"sig-1": {"Hierro": 1}}, ["unknown_column"]),
    Case("two_dates.csv", text(table([*sample("dat-1"), "2026-02-07"], more=["Date"]), ";").encode(),
         {"dat-1": {}}, ["unknown_column"]),
    Case("label_above.csv", text([["", "Sample No:", "4711"], [], *table(sample("lab-1"))], ";").encode(),
         {"lab-1": {}}),
    Case("limits_below.csv", text([HEADERS, ["Method", "", "", "", "", "D5185", "D5185", "D445"],
                                   ["Units", "", "", "", "h", "ppm", "ppm", "cSt"],
                                   ["LDL", "", "", "", "", "1", "1", "0.5"], sample("ldl-1")], ";").encode(),
         {"ldl-1": {}}, ["no_sample", "no_sample", "no_unit"]),
    Case("units_above.csv", text([["", "", "", "", "km", "ppm", "%", "cSt"], *table(sample("ua-1", Cu=0.0003))],
                                 ";").encode(), {"ua-1": {"machineHours": None, "Cobre": 3}}, ["no_sample"]),
    Case("subtotals.csv", text(table(sample("sub-1"), ["Subtotal T-01", "", "", "", "", 11, 3, 14.2], sample("sub-2"),
                                     ["Promedio", "", "", "", "", 11, 3, 14.2]), ";").encode(),
         {"sub-1": {}, "sub-2": {}}, ["no_sample_number", "no_unit"]),
    Case("comments.csv", text(table(sample("rem-1"), ["Nota: ver informe adjunto"], sample("rem-2")), ";").encode(),
         {"rem-1": {}, "rem-2": {}}, ["no_sample"]),
    Case("shifted.csv", text([["", *HEADERS], ["", *sample("shi-1")]], ";").encode(), {"shi-1": {}}),
    Case("swapped.csv", text([HEADERS[::-1], sample("swa-1")[::-1]], ";").encode(), {"swa-1": {}}),
    Case("codes.csv", text(table([*sample("cod-1"), "18/16/13"], [*sample("cod-2"), "2018-16-13"],
                                 [*sample("cod-3"), "18-dic-13"], [*sample("cod-4"), "2013-12-10 00:00:00"],
                                 more=["ISO"]), ";").encode(),
         {"cod-1": {"Código ISO": "18/16/13"}, "cod-2": {}, "cod-3": {}, "cod-4": {}},
         ["turned_into_a_date"] * 3),
    Case("floats.csv", text(table(sample("123456.0"), sample("7654321,0"), sample("2.61651E+10")), ";").encode(),
         {"123456": {}, "7654321": {}}, ["number_lost_digits"]),
    Case("page.xls", ROWSPAN, {"span-1": {}, "span-2": {"Hierro": 1234, "Cobre": 0}}),
    Case("nested.xls", page([HEADERS, sample("nest-1", Fe="1 234")]).replace(b"<td>Motor", b"<td><font><b>Motor</b>"),
         {"nest-1": {"Hierro": 1234}}),
    Case("old.xls", b'<?xml version="1.0"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', {},
         ["file_unreadable"]),
    Case("mail.xls", b"MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n", {}, ["file_unreadable"]),
    Case("transposed.csv", text([["Sample No", "tra-1", "tra-2"], ["Date", "2026-01-05", "2026-01-06"],
                                 ["Unit", "T-01", "T-01"], ["Component", "Motor", "Motor"], ["Fe", 11, 12]],
                                ";").encode(), {},
         ["every_row_rejected", *["no_sample"] * 4, "unknown_column", "unknown_column"]),
    Case("names.csv", text(table(sample("nam-1", Fe="ND"), sample("nam-2", Fe="BDL"), sample("nam-3", Fe="Anulada"),
                                 sample("nam-4", Fe="<LOQ"), sample("nam-5", Fe="TRUE")), ";").encode(),
         {"nam-1": {"Hierro": 0}, "nam-2": {"Hierro": 0}, "nam-3": {"Hierro": None}, "nam-4": {"Hierro": 0},
          "nam-5": {"Hierro": None}}, ["not_a_number", "not_a_number"]),
    Case("long.csv", text([LONG, *([number, "2026-01-05", "T-01", "Motor", *rest] for number, *rest in LONG_ROWS)],
                          ";").encode(),
         {"agree": IN_LONG | {"Hierro": 45}, "differ": IN_LONG | {"Hierro": None, "Cobre": 3},
          "case": IN_LONG | {"Hierro": 45}, "sign": IN_LONG | {"Hierro": None}, "blank": IN_LONG | {"Hierro": 45},
          "water": IN_LONG | {"Hierro": None, "Agua": 0.045}},
         ["contradictory_results", "contradictory_results"], client="hlargo"),
]  # fmt: skip
