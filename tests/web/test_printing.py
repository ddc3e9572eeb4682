"""Test documents as PDF: what they say, that they ask for nothing, and that they stop nobody."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pypdfium2
import pytest
from bs4 import BeautifulSoup
from httpx import Response
from tests.support.page_reader import Pages, text_of
from tests.support.servers.apt import MAY_INSTALL, ProgramsMissing, install_packages

from tribolake.oil.questions.published import rows
from tribolake.settings import Settings
from tribolake.web.printing.printer import Printer, PrinterBusy, PrintFailed

pytestmark = pytest.mark.slow
LIBRARIES = ["libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libharfbuzz-subset.so.0"]
PACKAGES = ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-dejavu-core"]
MOST_SHEETS = 4
WITHOUT_IT = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "weasyprint":
            raise ModuleNotFoundError(f"No module named {name!r}", name="weasyprint")

sys.meta_path.insert(0, Hidden())
"""
ASK = """
from datetime import UTC, datetime
from pathlib import Path
import sys
from tests.support.page_reader import Pages
from tribolake.settings import load_settings
pages = Pages(load_settings(lake=Path(sys.argv[1])))
print(pages.read("/m", client="cda", unit="T-01").select_one(".take").text)
answer = pages.ask("/take/machine", client="cda", unit="T-01", form="pdf")
print(answer.status_code, answer.text)
"""


@pytest.fixture(scope="module", autouse=True)
def pango() -> None:
    """The libraries that WeasyPrint needs."""
    try:
        install_packages(LIBRARIES, PACKAGES)
    except ProgramsMissing as missing:
        if os.environ.get(MAY_INSTALL) == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def text_in(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    return " ".join(" ".join(page.get_textpage().get_text_bounded().split()) for page in document)


def worst_report(pages: Pages) -> BeautifulSoup:
    machine = pages.read("/m", client="cda", unit="T-01")
    return pages.read(machine.select_one("table.components th a")["href"])


def pdf_link(page: BeautifulSoup) -> str:
    return next(link["href"] for link in page.select(".take a") if link.text == "PDF")


def test_document_of_a_report_says_what_its_page_says(pages: Pages):
    page = worst_report(pages)
    answer = pages.ask(pdf_link(page))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"].endswith('.pdf"')
    document = pypdfium2.PdfDocument(answer.content)
    assert 1 <= len(document) <= MOST_SHEETS
    said = text_in(answer.content)
    flat = said.replace(" ", "")
    for part in (".advice", ".headline .pill", ".headline h1 bdi"):
        assert text_of(page.select_one(part)).replace(" ", "") in flat, part
    rows_of_values = page.select("table.values tbody tr")
    assert len(rows_of_values) > 10
    for row in rows_of_values:
        essay = next(iter(row.th.stripped_strings))
        assert f"{essay}{text_of(row.select_one('td.number b'))}".replace(" ", "") in flat, essay
    for band in page.select(".band"):
        assert text_of(band) in said
    assert any(pages.settings.lake.rglob("*.parquet"))
    assert "EMIN:" not in said
    run = pages.read("/").footer.text.split("corrida ")[1].split()[0]
    assert run in said, "the publication that it shows"


def test_pictures_of_a_document_have_their_colours(page_lake: Settings, pages: Pages):
    """WeasyPrint draws what has no style in black."""
    alarm = rows(
        page_lake,
        "select * from classified_reports where report_status = 'Anormal' and unitId = 'T_01' limit 1",
        ["cda"],
    )[0]
    names = {"sample": alarm["sampleNumber"], "laboratory": alarm["laboratory"]}
    answer = pages.ask("/take/report", client="cda", form="pdf", **names)
    image = pypdfium2.PdfDocument(answer.content)[0].render(scale=2).to_pil().convert("RGB")
    colours = {colour: count for count, colour in image.getcolors(2**24)}
    for name, colour in {"series": (47, 93, 155), "critical": (204, 47, 34), "scale": (228, 232, 237)}.items():
        assert colours.get(colour, 0) > 50, name
    black = sum(count for colour, count in colours.items() if max(colour) < 12)
    assert black < 50, "text is not black, and no picture is"


def test_document_of_a_machine_has_its_components_and_its_axis(pages: Pages):
    page = pages.read("/m", client="cda", unit="T-01", component="motor", axis="oil", lang="en")
    answer = pages.ask(pdf_link(page))
    said = text_in(answer.content)
    assert len(pypdfium2.PdfDocument(answer.content)) <= MOST_SHEETS
    for row in page.select("table.components tbody tr"):
        assert text_of(row.th.bdi).lower() in said.lower()
    assert "Axis: hours of the oil." in said


class Counting(http.server.BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012 - of this one server

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def counting() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Counting)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Counting.asked.clear()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_document_fetches_nothing(counting: str, tmp_path: Path):
    """Even if markup of a stranger came in: no address is asked, and no file of this machine is within."""
    secret = tmp_path / "secret.txt"
    secret.write_text("a-secret-of-this-machine", encoding="utf-8")
    places = [f"{counting}/x", secret.as_uri()]
    markup = "".join(
        f"<img src='{at}'><link rel=stylesheet href='{at}'><link rel=attachment href='{at}'>"
        f"<style>@import url('{at}'); @font-face {{ font-family: f; src: url('{at}') }}"
        f" p {{ background: url('{at}'); font-family: f }}</style>"
        f"<object data='{at}'></object><embed src='{at}'><p>text</p>"
        f"<svg width='9' height='9'><image href='{at}' width='9' height='9'/><use href='{at}#a'/></svg>"
        for at in places
    )
    content = Printer().print_document(f"<html><body>{markup}</body></html>")
    assert Counting.asked == []
    assert "text" in text_in(content)
    assert b"EmbeddedFile" not in content
    assert pypdfium2.PdfDocument(content).count_attachments() == 0


def test_hostile_names_are_printed_as_text(page_lake: Settings, pages: Pages, counting: str):
    hostile = rows(
        page_lake,
        "select sampleNumber as sample, sampleOccurrence as occurrence, laboratory from classified_reports"
        " where sourceFile like '%hostile.xlsx' and length(sampleNumber) <= 1000 order by all",
        ["cda"],
    )
    for names in hostile[:: len(hostile) // 3]:
        known = {name: value for name, value in names.items() if value is not None}
        answer = pages.ask("/take/report", client="cda", form="pdf", **known)
        assert answer.status_code == 200, answer.text
        assert len(pypdfium2.PdfDocument(answer.content)) <= 2 * MOST_SHEETS


def test_second_document_is_refused_while_one_is_printed_and_pages_go_on(pages: Pages):
    """Another reader gets the fleet at once, and a sentence instead of a second document."""
    link = pdf_link(pages.read("/m", client="cda", unit="T-01"))
    answers: list[Response] = []
    readers = [threading.Thread(target=lambda: answers.append(pages.ask(link))) for _ in range(2)]
    for reader in readers:
        reader.start()
    while any(reader.is_alive() for reader in readers):
        assert pages.ask("/health").status_code == 200
    # Both ask at once, and printing takes a second or more.
    assert sorted(answer.status_code for answer in answers) == [200, 503]
    refused = [answer.text for answer in answers if answer.status_code == 503]
    assert "imprimiendo otro documento" in refused[0]
    assert pages.ask(link).status_code == 200


def test_document_that_takes_too_long_is_ended():
    printer = Printer(seconds=1)
    began = time.monotonic()
    with pytest.raises(PrintFailed):
        printer.print_document("<p>" + "<table><tr><td>a" * 4000)
    assert time.monotonic() - began < 20
    busy = Printer()
    with busy.working, pytest.raises(PrinterBusy):
        busy.print_document("<p>a")
    assert Printer().print_document("<p>a").startswith(b"%PDF")


@pytest.mark.parametrize(
    "address",
    [
        "/take/report?client=cda&sample=nothing&form=pdf",
        "/take/report?client=nobody&sample=H-1&form=pdf",
        "/take/report?client=cda&sample=SHARED&form=pdf",
        "/take/machine?client=emin&unit=T-01&form=pdf",
    ],
)
def test_what_is_not_published_is_not_printed(pages: Pages, address: str):
    assert pages.ask(address).status_code == 404


def test_another_site_may_not_make_this_server_print(pages: Pages):
    for site, status in (("cross-site", 403), ("same-site", 403), ("none", 404)):
        answer = pages.client.get("/take/report?client=cda&sample=no&form=pdf", headers={"Sec-Fetch-Site": site})
        assert answer.status_code == status


def test_server_without_the_extra_says_what_to_install(page_lake: Settings, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_IT, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(Path(__file__).parents[2])))}
    words = [sys.executable, "-c", ASK, str(page_lake.lake)]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert "requirements-pdf.lock" in ended.stdout.splitlines()[0]
    assert "503 No se pudo imprimir" in ended.stdout
    assert "libpango-1.0-0" in ended.stdout


def test_file_of_a_report_offers_no_pdf(pages: Pages):
    link = next(link["href"] for link in worst_report(pages).select(".take a") if link.text == "HTML")
    assert "PDF" not in BeautifulSoup(pages.ask(link).content, "html.parser").main.text
    assert datetime.now(UTC).strftime("%Y") in pages.ask(link).text
