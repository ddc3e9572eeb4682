"""Files that are not tables, or tables that cannot be read: what they really are, and what to do."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence

ASK = "Ask its sender for a CSV or Excel export"
SAVE = "Open it, save it as .xlsx and copy it again"
PROTECTED = (
    "is protected by a password. Open it, remove the password (in Excel: File, Info, Protect Workbook), save it and "
    "copy it again"
)
DOCUMENTS = {
    b"%PDF": f"the file is a PDF document, not a table. {ASK}",
    b"{\\rtf": f"the file is a text document (RTF), not a table. {ASK}",
}
BINARIES = {
    b"\x89PNG": f"the file is a picture (PNG), not a table. {ASK}",
    b"\xff\xd8\xff": f"the file is a picture (JPEG), not a table. {ASK}",
    b"GIF8": f"the file is a picture (GIF), not a table. {ASK}",
    b"BM": f"the file is a picture (BMP), not a table. {ASK}",
    b"II*\0": f"the file is a picture (TIFF), not a table. {ASK}",
    b"MM\0*": f"the file is a picture (TIFF), not a table. {ASK}",
    b"\x1f\x8b": "the file is packed (gzip). Unpack it and copy what is inside",
    b"7z\xbc\xaf": "the file is packed (7-Zip). Unpack it and copy what is inside",
    b"Rar!": "the file is packed (RAR). Unpack it and copy what is inside",
    b"BZh": "the file is packed (bzip2). Unpack it and copy what is inside",
    b"\xfd7zXZ": "the file is packed (xz). Unpack it and copy what is inside",
    b"SQLite format 3": f"the file is a database (SQLite), not a table. {ASK}",
    b"\x28\xb5\x2f\xfd": "the file is packed (Zstandard). Unpack it and copy what is inside",
    b"\0\1\0\0Standard": f"the file is a database (Access), not a table. {ASK}",
    b"\0\0\2\0\6\4": f"the file is a workbook of Lotus 1-2-3. {SAVE}",
    b"\0\0\x1a\0": f"the file is a workbook of Lotus 1-2-3. {SAVE}",
    b"PARE": "the Parquet file is encrypted. Export it without encryption",
    b"\x09\x00": f"the file is a workbook of Excel 2. {SAVE}",
    b"\x09\x02": f"the file is a workbook of Excel 3. {SAVE}",
    b"\x09\x04": f"the file is a workbook of Excel 4. {SAVE}",
}
TEXTS = {
    re.compile(r"<\?xml.*urn:schemas-microsoft-com:office:spreadsheet", re.DOTALL): (
        f"the file is a workbook in the XML of Excel 2003. {SAVE}"
    ),
    re.compile(r"<\?xml.*office:document", re.DOTALL): f"the file is a flat OpenDocument file. {SAVE}",
    re.compile(r"\s*<(\?xml|[A-Za-z])"): f"the file is XML, not a table. {ASK}",
    re.compile(
        r"(?:[A-Za-z][A-Za-z0-9-]*: .*\n(?:[ \t].*\n)*)*?"
        # A table may have a title such as `From: 2026-01-01`.
        r"(MIME-Version: |From: .*@|Received: (from|by) |Return-Path: |Content-Type: |Message-ID: |Delivered-To: .*@)",
        re.IGNORECASE,
    ): f"the file is a web archive or an e-mail (MIME), not a table. {SAVE}",
    re.compile(r"ID;P[A-Z]"): f"the file is a symbolic link file (SYLK). {SAVE}",
    re.compile(r"TABLE\r?\n0,1"): f"the file is a data interchange file (DIF). {SAVE}",
    re.compile(r'\s*(\{\s*"|\[\s*[{\[])'): f"the file is JSON, not a table. {ASK}",
}
UNKNOWN = f"the file is of no kind that is read here: Excel (.xlsx, .xlsb, .xls), .ods, CSV, Parquet, HTML. {ASK}"
# Streams of compound files.
COMPOUND = {
    "EncryptedPackage": f"the workbook {PROTECTED}",
    "WordDocument": f"the file is a Word document, not a table. {ASK}",
    "PowerPoint Document": f"the file is a PowerPoint presentation, not a table. {ASK}",
    "__properties_version1.0": "the file is an e-mail of Outlook. Copy the file attached to it",
}
MEMBERS = {
    "word/document.xml": f"the file is a Word document, not a table. {ASK}",
    "ppt/presentation.xml": f"the file is a PowerPoint presentation, not a table. {ASK}",
    "index/document.iwa": f"the file is a document of Apple Numbers or Pages. {SAVE}",
}


def text_refusal(head: str) -> str | None:
    """Return why a text is not read as a table, from its beginning. None if it may be one."""
    return next((problem for pattern, problem in TEXTS.items() if pattern.match(head)), None)


def binary_refusal(content: bytes) -> str:
    """Return what a file is that is neither text nor a workbook."""
    return next((problem for magic, problem in BINARIES.items() if content.startswith(magic)), UNKNOWN)


def compound_refusal(content: bytes) -> str | None:
    """Return why a compound file is not read as an .xls. None if it may be one."""
    for stream, problem in COMPOUND.items():
        if stream.encode("utf-16-le") in content:
            return problem
    return None


def contradictory_archive(members: Sequence[zipfile.ZipInfo]) -> str | None:
    """Return why an archive is not read that has a member twice. None if it has not, or twice the same."""
    sums: dict[str, int] = {}
    for member in members:
        if sums.setdefault(member.filename, member.CRC) != member.CRC:
            return f"the archive has {member.filename} twice, with different contents. {SAVE}"
    return None


def archive_refusal(members: Sequence[zipfile.ZipInfo]) -> str:
    """Return what an archive is that is not a workbook."""
    names = [member.filename for member in members if not member.is_dir()]
    if not names:
        return "the archive is empty. Copy or export it again"
    known = {name.lower() for name in names}
    problem = next((problem for name, problem in MEMBERS.items() if name in known), None)
    return problem or (
        f"the file is an archive (ZIP) of {', '.join(names[:3])}{'…' if names[3:] else ''}, not a workbook. "
        "Unpack it and copy what is inside"
    )
