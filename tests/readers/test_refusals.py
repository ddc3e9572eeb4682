"""Files that are not tables, or cannot be read, are named by what they are, with what to do."""

from __future__ import annotations

import io
import os
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.lab_files import ANY, OIL, ods, read, with_part, workbook

from tribolake.errors import BronzeFileUnreadable

BOOK = workbook([["Sample", "Fe"], ["A1", 7]])
DOCUMENT = ods([["Sample", "Fe"], ["A1", 7.0]])


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            packed.writestr(name, b"0" * (80 * 2**20 if name == "large.bin" else 10))
    return buffer.getvalue()


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"Sample": ["A1"]}), buffer)
    return buffer.getvalue()


def compound(stream: str) -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + stream.encode("utf-16-le") + bytes(512)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty. Copy or export it again"),
        (b"\xef\xbb\xbf \r\n", "the file is empty"),
        (bytes(4096), "the file is empty"),
        (b"%PDF-1.7 \x00\x01", "a PDF document, not a table. Ask its sender"),
        (b"{\\rtf1 text}", "a text document (RTF)"),
        (b"\x89PNG\r\n\x1a\n\0\0", "a picture (PNG)"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture (JPEG)"),
        (b"\x1f\x8b\x08\0\0\0", "packed (gzip). Unpack it"),
        (b"SQLite format 3\0", "a database (SQLite)"),
        (b"PARE" + bytes(40), "the Parquet file is encrypted"),
        (os.urandom(16).join([b"\x00\x01\x02\x03"] * 40), "of no kind that is read here"),
        (b'[{"sample": "A1"}]', "the file is JSON"),
        (b"\xef\xbb\xbf\r\n%PDF-1.7\n", "a PDF document, not a table. Ask its sender"),
        (b"<NewDataSet>\r\n<Table><Sample>A1</Sample></Table>", "the file is XML"),
        (b'ID;PWXL;N;E\r\nC;Y1;X1;K"Sample"\r\n', "a symbolic link file (SYLK). Open it, save it as .xlsx"),
        (b"TABLE\r\n0,1\r\n", "a data interchange file (DIF). Open it, save it as .xlsx"),
        (b"\x28\xb5\x2f\xfd" + bytes(range(64)), "packed (Zstandard). Unpack it"),
        (b"\0\1\0\0Standard Jet DB\0" + bytes(range(32)), "a database (Access)"),
        (b"\0\0\x1a\0" + bytes(range(32)), "a workbook of Lotus 1-2-3. Open it, save it as .xlsx"),
        (b"Delivered-To: a@mina.cl\r\nX-Received: by x\r\n\tid 7\r\nReceived: from y\r\n", "an e-mail (MIME)"),
        (b"Date: 2026-01-05\nFrom: 2026-01-01\nReceived: 2026-01-06\n", "the text file has no 'Sample' column"),
        (b"MIME-Version: 1.0\nContent-Type: multipart/related\n", "a web archive or an e-mail"),
        (
            b'<?xml version="1.0"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
            "a workbook in the XML of Excel 2003. Open it, save it as .xlsx",
        ),
        (b"<?xml version='1.0'?><samples/>", "the file is XML"),
        (b"<html><body>Session expired</body></html>", "a web page without a table"),
        (b"Sin datos para el periodo\r\n", "the text file has no 'Sample' column; columns found: Sin datos para"),
        (b"Muestra;Fe\nA1;7\n", "the text file has no 'Sample' column; columns found: Muestra, Fe"),
        (compound("EncryptedPackage"), "protected by a password. Open it, remove the password"),
        (compound("WordDocument"), "a Word document"),
        (compound("Workbook"), "the workbook is damaged or cut short"),
        (BOOK[:900], "the workbook is damaged or cut short"),
        (BOOK[:-30], "the workbook is damaged or cut short"),
        (BOOK.replace(b"sheet1.xml", b"sheet9.xml"), "Copy or export it again"),
        (with_part(DOCUMENT, "manifest.xml", {b"<manifest/>": b"<m><encryption-data/></m>"}), "by a password"),
        (with_part(DOCUMENT, "content.xml", {b"<office:body>": b"<office:bod>"}), "damaged or cut short"),
        (
            with_part(DOCUMENT, "content.xml", {b"^": b'<!DOCTYPE a [<!ENTITY b "c">]>'}),
            "declares a document type",
        ),
        (archive("export.csv", "LEEME.txt"), "an archive (ZIP) of export.csv, LEEME.txt, not a workbook. Unpack it"),
        (archive("word/document.xml"), "a Word document"),
        (archive(), "the archive is empty"),
        (archive("large.bin"), "unzips to 80 MB, more than 64 MB"),
        (b"PAR1 cut", "the Parquet file is damaged or cut short"),
        (parquet()[:-20], "the Parquet file is damaged or cut short"),
    ],
)
def test_file_that_cannot_be_read_is_named(content, words):
    with pytest.raises(BronzeFileUnreadable) as error:
        read(content, ANY)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (workbook([["Sample"], ["A1"]], sheet="Hoja1"), "no sheet OIL; sheets found: Hoja1"),
        (workbook([["Muestra", "Fe"], ["A1", 1]]), "sheet OIL has no 'Sample' column; columns found: Muestra, Fe"),
        (workbook([]), "sheet OIL has no 'Sample' column; columns found: none"),
    ],
)
def test_other_layout_is_refused_with_what_was_found(content, words):
    with pytest.raises(BronzeFileUnreadable) as error:
        read(content, OIL)
    assert words in str(error.value)
    assert "lab_sheets.csv" in str(error.value)
