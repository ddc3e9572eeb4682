"""Test what pages say where nothing is published, where data is old or broken, and while a run publishes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from tests.support.page_reader import Pages, text_of
from tests.support.small_warehouse import gold_of, publish, shelf_in, warehouse

from tribolake.lake.replicas import open_objects
from tribolake.oil.product import OIL
from tribolake.oil.questions.machine import show_machine
from tribolake.oil.questions.quality import _runs_until
from tribolake.publish.gold import publish_client
from tribolake.publish.version import ManifestHeader
from tribolake.settings import Settings, load_settings
from tribolake.trace.manifests import current_publication
from tribolake.trace.pinned import PinnedObjects
from tribolake.trace.published_rows import PublishedEarlier
from tribolake.trace.query import query
from tribolake.trace.shown import end_shown
from tribolake.web.access import Headers, Reader, ThisMachine

RUNS = "20260131T000000000000Z-0001", "20260201T000000000000Z-0002"
SEEN = {"kind": "seen", "written_by": "Ana"}


@pytest.fixture
def published(settings: Settings) -> Settings:
    settings.lake.mkdir()
    publish(warehouse(1, rows=20), settings.lake, RUNS[0])
    return settings


def publish_again(settings: Settings) -> None:
    publish(warehouse(2, rows=20), settings.lake, RUNS[1], "2026-02-01")


def marks(settings: Settings, published: PinnedObjects) -> set[int]:
    return {mark for (mark,) in query(OIL, settings, "select mark from classified_reports", published=published).rows}


def test_empty_lake_says_which_command_to_start(settings: Settings):
    settings.lake.mkdir()
    pages = Pages(settings)
    page = pages.read("/")
    assert f"tribolake run --lake {settings.lake}" in text_of(page)
    assert page.html["lang"] == "es"
    english = pages.read("/", lang="en")
    assert english.html["lang"] == "en"
    assert "Nothing is published yet" in text_of(english)
    assert pages.ask("/health").json() == {"status": "ok", "published": []}


def test_language_of_the_settings_needs_no_parameter(settings: Settings):
    settings.lake.mkdir()
    page = Pages(settings.changed(language="en")).read("/")
    assert page.html["lang"] == "en"
    assert page.find("a", class_="language")["href"] == "/?lang=es"
    assert page.find("a", class_="brand")["href"] == "/"


def test_request_sees_one_publication_whatever_is_published(published: Settings):
    pinned = PinnedObjects(open_objects(published))
    assert marks(published, pinned) == {1}
    publish_again(published)
    assert marks(published, pinned) == {1}
    first = current_publication(pinned, "cda")
    assert first is not None
    assert first.run_id == RUNS[0]
    assert marks(published, PinnedObjects(open_objects(published))) == {2}


def test_reader_cannot_write_through_pinned_objects(published: Settings):
    pinned = PinnedObjects(open_objects(published))
    for write in (lambda: pinned.put("oil-analysis/x", b""), lambda: pinned.remove("oil-analysis/x")):
        with pytest.raises(NotImplementedError):
            write()


def test_health_names_the_current_publication(published: Settings):
    pages = Pages(published)
    assert pages.ask("/health").json()["published"] == [{"client": "cda", "run_id": RUNS[0]}]
    publish_again(published)
    assert pages.ask("/health").json()["published"] == [{"client": "cda", "run_id": RUNS[1]}]


def damage(manifest: Path) -> None:
    content = manifest.read_bytes()
    manifest.unlink()
    manifest.write_bytes(content[:-9])


DAMAGES: dict[str, Callable[[Path], None]] = {
    "cut": damage,
    "gone": Path.unlink,
    "a loop": lambda manifest: (manifest.unlink(), manifest.symlink_to(manifest.name)),  # type: ignore[dict-item,func-returns-value]
    "a folder": lambda manifest: (manifest.unlink(), manifest.mkdir()),  # type: ignore[dict-item,func-returns-value]
}
UNREAD = "No se pueden leer los datos publicados de EMIN"
SHOWN_LAST = "No se pueden leer ahora los datos publicados de EMIN"


@pytest.fixture
def two_clients(page_lake: Settings, tmp_path: Path) -> Settings:
    settings = load_settings(lake=tmp_path / "lake")
    shutil.copytree(page_lake.lake, settings.lake, symlinks=True)
    return settings


def manifest_of(settings: Settings, client: str) -> Path:
    return settings.lake / "oil-analysis" / "gold" / client / "_manifest.json"


def pages_of(pages: Pages, client: str) -> list[str]:
    """Return the addresses of a client: its machine, a report, its origin, its limits, and files to take along."""
    machine = pages.read("/", client=client).select_one("th.unit > a")["href"]
    report = pages.read(machine).select_one("table.components th a")["href"]
    files = [machine.replace("/m?", "/take/machine?"), report.replace("/r?", "/take/report?")]
    return [machine, report, report.replace("/r?", "/lineage?"), f"/quality?client={client}", *files]


def test_damaged_manifest_of_one_client_leaves_the_others(two_clients: Settings):
    pages = Pages(two_clients)
    others, own = pages_of(pages, "cda"), pages_of(pages, "emin")
    end_shown()  # a server that starts
    damage(manifest_of(two_clients, "emin"))
    assert UNREAD in text_of(pages.read("/").find(role="note"))
    for address in (*others, "/quality", "/limits", "/take/fleet?form=csv"):
        assert pages.ask(address).status_code == 200, address
    for address in own[:4]:
        answer = pages.ask(address)
        assert (answer.status_code, UNREAD in answer.text) == (503, True), address
    health = pages.ask("/health")
    assert health.status_code == 200
    assert (health.json()["status"], health.json()["unread"]) == ("incomplete", ["emin"])
    assert [one["client"] for one in health.json()["published"]] == ["cda"]
    assert pages.log == []


@pytest.mark.parametrize("how", DAMAGES)
def test_last_good_publication_is_shown_and_marked(two_clients: Settings, how: str):
    pages = Pages(two_clients)
    every = [address for client in ("cda", "emin") for address in ("/", *pages_of(pages, client))]
    before = {address: pages.ask(address).status_code for address in every}
    manifest = manifest_of(two_clients, "emin")
    content = manifest.read_bytes()
    DAMAGES[how](manifest)
    shutil.rmtree(manifest.parent / "_versions")  # as a run does that publishes twice
    for address in every:
        answer = pages.ask(address)
        assert answer.status_code == before[address] == 200, address
        assert (SHOWN_LAST in answer.text) is not address.startswith("/take"), address
    assert {one["client"] for one in pages.ask("/health").json()["published"]} == {"cda", "emin"}
    assert pages.ask("/health").json()["unread"] == ["emin"]
    publish_over(manifest, content)
    assert SHOWN_LAST not in pages.ask("/").text
    assert pages.ask("/health").json()["status"] == "ok"


@dataclass(frozen=True)
class OneClient(ThisMachine):
    """Whoever is on this machine sees one client."""

    client: str

    def reader(self, peer: str, headers: Headers) -> Reader:
        return Reader("ana", frozenset({self.client}))


def publish_over(manifest: Path, content: bytes) -> None:
    if manifest.is_dir() and not manifest.is_symlink():
        manifest.rmdir()
    manifest.unlink(missing_ok=True)
    manifest.write_bytes(content)


def test_reader_hears_of_damage_of_own_clients_only(two_clients: Settings):
    damage(manifest_of(two_clients, "emin"))
    pages = Pages(two_clients, entrance=OneClient("cda"))
    assert pages.read("/").find(role="note") is None
    assert "unread" not in pages.ask("/health").json()
    assert UNREAD in text_of(Pages(two_clients, entrance=OneClient("emin")).read("/").find(role="note"))


def test_client_whose_files_cannot_be_read_is_named(published: Settings):
    for file in (gold_of(published.lake) / "_versions" / RUNS[0]).glob("machine_status_current*"):
        file.unlink()
    page = Pages(published).read("/")
    assert "No se pueden leer los datos publicados de CDA" in text_of(page.find(role="note"))


def test_client_of_an_earlier_release_names_the_command(settings: Settings):
    settings.lake.mkdir()
    # Its contract had no status of components, and no results.
    contract = replace(OIL.contract, tables=OIL.contract.tables[:3])
    header = ManifestHeader(RUNS[0], "default", "2026-01-31")
    publish_client(warehouse(1, rows=20), contract, shelf_in(settings.lake), "cda", header, {})
    pages = Pages(settings)
    for path, name in (("/m", {"unit": "T_1"}), ("/r", {"sample": "S1"})):
        answer = pages.ask(path, client="cda", **name)
        assert answer.status_code == 503
        assert "Una versión anterior publicó los datos de CDA" in answer.text
        assert "tribolake run" in answer.text
    assert pages.log == []
    with pytest.raises(PublishedEarlier, match=r"published cda without component_status: start `tribolake run`"):
        show_machine(settings, "T_1", None, date(2026, 2, 1))


@pytest.mark.parametrize(("days", "is_stale"), [(1, False), (30, True)])
def test_old_publication_is_marked(published: Settings, days: int, is_stale: bool):
    # Its machines have too few columns for a page. A notice stands above what cannot be read, too.
    next((gold_of(published.lake) / "_versions" / RUNS[0]).glob("machine_status_current*")).unlink()
    now = datetime(2026, 1, 31, tzinfo=UTC) + timedelta(days=days)
    page = Pages(published, lambda: now).read("/")
    assert ("sin actualizar" in text_of(page)) is is_stale


def test_pages_write_nothing(published: Settings, tmp_path: Path):
    def state() -> dict[str, int]:
        return {str(path): path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}

    before = state()
    pages = Pages(published)
    for path in ("/", "/health", "/m?client=cda&unit=T_1", "/r?client=cda&sample=S1"):
        pages.ask(path)
    assert state() == before
    assert duckdb.sql("select 1").fetchone() == (1,)


def test_runs_of_alarm_quality_end_with_the_publication_that_is_read(published: Settings):
    publish_again(published)
    objects = open_objects(published)
    assert _runs_until(objects, "cda", RUNS[0]) == [RUNS[0]]
    assert _runs_until(objects, "cda", RUNS[1]) == [RUNS[1], RUNS[0]]


def test_pages_stay_marked_while_the_lake_is_away(page_lake: Settings, tmp_path: Path):
    """Given pages that were read, and then a mount that is gone, what was read last is shown, and says so."""
    settings = load_settings(lake=tmp_path / "lake")
    shutil.copytree(page_lake.lake, settings.lake, symlinks=True)
    pages = Pages(settings)
    machine = pages.read("/", client="emin").select_one("th.unit > a")["href"]
    report = pages.read(machine).select_one("table.components th a")["href"]
    form = {field["name"]: field["value"] for field in pages.read(report).select("main form input[type=hidden]")}
    settings.lake.rename(tmp_path / "away")
    for path in ("/", machine, report, "/quality"):
        assert "El lago no responde ahora" in text_of(pages.read(path).find(role="note")), path
    assert pages.ask("/health").status_code == 503
    given = pages.client.post("/feedback", data=form | SEEN, headers={"origin": pages.base})
    assert given.status_code == 503
    assert not settings.lake.exists()
    (tmp_path / "away").rename(settings.lake)
    assert "El lago no responde" not in text_of(pages.read("/"))
