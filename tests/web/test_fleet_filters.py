"""Test filters and search of the fleet, and what it says of the last publication."""

from __future__ import annotations

import csv
import io
import json
import shutil
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from tests.oil.test_fleet import machines
from tests.support.page_reader import Pages, text_of
from tests.web.test_views import MORE

from tribolake.errors import ContractBroken
from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.give import give
from tribolake.oil.questions.last_publication import last_change
from tribolake.oil.questions.published import rows
from tribolake.settings import Settings, load_settings
from tribolake.trace.manifests import current_publication
from tribolake.web.addresses import LONGEST, Addresses
from tribolake.web.views.choice import FACETS, FLAGS, FleetChoice
from tribolake.web.views.feedback import FleetFeedback
from tribolake.web.views.fleet import Fleet, chosen_machines, fleet_page
from tribolake.web.words import words_in

WORDS = words_in("es")
NAMES = st.sampled_from(["", "Norte", "Sur", "../a b&c", "\u202ex"])
WITH_NUMBERS = """
    select client, unitId, componentName, report_status, classification_score, sampleNumber, sampleDate,
        previousSampleNumber, previousSampleDate, essays_rejected, sump_difference is not null as differs
    from classified_reports order by client, unitId, componentName, sampleTimestamp, sourceRow desc
"""


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    """A fleet of machines with other names, each with up to three components."""
    drawn = draw(st.lists(machines(), max_size=12, unique_by=lambda one: (one["client"], one["unit_id"])))
    of_machine = st.fixed_dictionaries({"site": NAMES, "machine_name": NAMES})
    fleet = [MORE | one | draw(of_machine) for one in drawn]
    samples = [
        {
            "client": one["client"],
            "unit_id": one["unit_id"],
            "component": component,
            "status": "Alerta",
            "got_worse": draw(st.booleans()),
            "is_doubtful": draw(st.booleans()),
        }
        for one in fleet
        for component in draw(st.lists(st.sampled_from(["motor", "Diferencial Á"]), max_size=2, unique=True))
    ]
    known = sorted((one["client"].lower(), one["unit_id"], one["component"]) for one in samples)
    unseen = frozenset(draw(st.lists(st.sampled_from(known), unique=True)) if known else [])
    return Fleet(fleet, samples, FleetFeedback({}, unseen))


@st.composite
def choices(draw: st.DrawFn) -> FleetChoice:
    flags = {name: draw(st.sampled_from(["", "", "1"])) for name in FLAGS}
    names = {name: draw(NAMES) for name in ("site", "family")}
    return FleetChoice(
        client=draw(st.sampled_from(["", "cda", "emin"])),
        text=draw(st.sampled_from(["", "", "motor", "diferencial a", "A-", "t"])),
        **flags | names,
    )


def choice_in(address: str) -> FleetChoice:
    """The choice that an address says."""
    query = dict(parse_qsl(urlsplit(address).query))
    query["text"] = query.pop("q", "")
    return FleetChoice(**query)


@given(fleets(), choices())
def test_count_of_each_filter_is_what_its_address_leaves(fleet: Fleet, choice: FleetChoice):
    page = fleet_page(fleet, choice, WORDS, Addresses(), date(2026, 2, 1))
    assert len(page.filters) > 1
    for one in page.filters:
        for link in one.links:
            left = len(chosen_machines(fleet, choice_in(link.href)))
            if link.is_chosen and one.name == WORDS("filter.flags"):
                # The link of a mark that is chosen takes it away. Its count is that of the mark.
                left = len(chosen_machines(fleet, choice))
            assert link.count == WORDS.number(left), (one.name, link)


@given(fleets(), choices())
def test_machine_is_shown_if_and_only_if_no_filter_leaves_it_out(fleet: Fleet, choice: FleetChoice):
    left = chosen_machines(fleet, choice)
    for machine in fleet.machines:
        key = machine["client"], machine["unit_id"]
        own = [one for one in fleet.samples if (one["client"], one["unit_id"]) == key]
        seen_by_nobody = {unit for client, unit, _ in fleet.feedback.unseen if client == key[0].lower()}
        names = [key[1].lower(), *("motor" if one["component"] == "motor" else "diferencial a" for one in own)]
        agrees = [
            choice.client in ("", key[0].lower()),
            choice.site in ("", machine["site"]),
            choice.family in ("", machine["machine_name"]),
            not choice.worse or any(one["got_worse"] for one in own),
            not choice.doubtful or any(one["is_doubtful"] for one in own),
            not choice.unseen or key[1] in seen_by_nobody,
            not choice.text or any(choice.text.lower().replace("-", "_") in name for name in names),
        ]
        assert (machine in left) == all(agrees), agrees


def test_fields_of_the_search_hold_no_name_that_they_would_change():
    page = fleet_page(
        Fleet([]), FleetChoice(site="\u202ex", family="a&b", unseen="1"), WORDS, Addresses("en"), date(2026, 2, 1)
    )
    assert page.kept == (("family", "a&b"), ("unseen", "1"), ("lang", "en"))


def shown_in(page: BeautifulSoup) -> set[tuple[str, str]]:
    links = page.select("th.unit > a, .silent tbody th > a")
    queries = (dict(parse_qsl(urlsplit(link["href"]).query)) for link in links)
    return {(query["client"], query["unit"]) for query in queries}


def recounted(settings: Settings) -> dict[str, set[tuple[str, str]]]:
    """Machines that got worse or have a doubtful sample, counted again from reports alone."""
    found: dict[str, set[tuple[str, str]]] = {"worse": set(), "doubtful": set()}
    reports = rows(settings, WITH_NUMBERS)
    for (client, unit, _), each in groupby(reports, key=lambda one: tuple(one.values())[:3]):
        own = list(each)
        latest = own[-1]
        key = client.lower(), unit
        before = [
            one["classification_score"]
            for one in own[:-1]
            if (one["sampleNumber"], one["sampleDate"])
            == (latest["previousSampleNumber"], latest["previousSampleDate"])
        ]
        is_alarm = latest["report_status"] in ("Alerta", "Anormal")
        if is_alarm and before and latest["classification_score"] > before[-1]:
            found["worse"].add(key)
        if latest["differs"] or latest["report_status"] == "Sin evaluar" or latest["essays_rejected"]:
            found["doubtful"].add(key)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["worse", "doubtful"])
def test_mark_leaves_the_machines_that_a_recount_finds(page_lake: Settings, pages: Pages, name: str):
    expected = {key for key in recounted(page_lake)[name] if len(key[1]) <= LONGEST}
    assert shown_in(pages.read("/", show=1000, **{name: "1"})) == expected
    assert 0 < len(expected) < len(shown_in(pages.read("/", show=1000)))


@pytest.mark.slow
def test_each_filter_of_the_page_leads_to_as_many_machines_as_it_says(pages: Pages):
    page = pages.read("/")
    names = {link["href"] for link in page.select(".filters nav a")}
    assert {name for href in names for name, _ in parse_qsl(urlsplit(href).query)} >= set(FACETS) - {"site"}
    for link in page.select(".filters nav a")[:40]:
        there = pages.read(link["href"] + ("&" if "?" in link["href"] else "?") + "show=1000")
        machines_there = there.select("table.fleet tbody tr, .silent tbody tr")
        assert str(len(machines_there)) == text_of(link.select_one(".count")), link["href"]


@pytest.mark.slow
def test_alert_that_somebody_saw_leaves_the_filter_and_its_table(page_lake: Settings, tmp_path: Path):
    shutil.copytree(page_lake.lake, tmp_path / "lake", symlinks=True)
    settings = load_settings(lake=tmp_path / "lake")
    pages = Pages(settings)
    before = shown_in(pages.read("/", unseen="1", client="cda", show=1000))
    give(settings, "W-2026-01-20", "seen", "Ana", datetime.now(UTC))
    after = pages.read("/", unseen="1", client="cda", show=1000)
    assert before - shown_in(after) == {("cda", "W_1")}
    links = {link.text: link["href"] for link in after.select(".take a")}
    taken = csv.DictReader(io.StringIO(pages.ask(links["CSV"]).content.decode("utf-8-sig")))
    named = {row["unit_id"] for row in taken}
    assert "W_1" not in named
    assert len(named) >= len(before) - 1 > 20


@pytest.mark.slow
def test_search_finds_units_components_and_samples(page_lake: Settings, pages: Pages):
    (sample,) = rows(
        page_lake,
        "select sampleNumber, unitId, componentName from classified_reports order by sampleTimestamp limit 1",
        ["emin"],
    )
    found = pages.read("/", q=sample["sampleNumber"].lower())
    link = found.select_one(".found a")
    assert text_of(link) == sample["sampleNumber"]
    assert sample["unitId"] in text_of(pages.read(link["href"]).h1)
    assert shown_in(pages.read("/", q="t-01", client="cda")) == {("cda", "T_01")}
    by_component = shown_in(pages.read("/", q=sample["componentName"].upper(), client="emin", show=1000))
    having = rows(page_lake, "select unit_id, component from component_status", ["emin"])
    assert by_component == {("emin", one["unit_id"]) for one in having if sample["componentName"] in one["component"]}


@pytest.mark.slow
def test_form_of_the_search_works_without_a_script(pages: Pages):
    page = pages.read("/", client="emin", doubtful="1", lang="en")
    form = page.select_one("form.search")
    fields = {field["name"]: field["value"] for field in form.select("input")}
    assert (form["method"], fields) == ("get", {"client": "emin", "doubtful": "1", "q": "", "lang": "en"})
    there = pages.read(form["action"], **fields | {"q": "no such machine"})
    assert there.html["lang"] == "en"
    assert "No machine" in text_of(there.select_one(".blank"))


@pytest.mark.slow
def test_changes_on_the_page_are_those_of_the_log(page_lake: Settings, pages: Pages):
    log = [json.loads(line) for line in (page_lake.lake / "logs" / "changes.jsonl").read_text().splitlines()]
    added = {one["client"]: one["added"] for one in log if one["entity"] == "classified_reports"}
    page = pages.read("/", lang="en")
    lines = [text_of(line) for line in page.select(".changes li")]
    assert [line.split(" ")[0].lower() for line in lines] == sorted(added)
    assert all(f"first publication, reports: {added[line.split(' ')[0].lower()]:,}" in line for line in lines)
    assert f"new reports: {sum(added.values()):,} · machines with another status: 0" in text_of(
        page.select_one(".changes summary")
    )


def entry(entity: str, **more: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("old_count", "new_count", "added", "changed", "removed"), 2)
    return {"entity": entity, "transitions": {}, "sample": [], **counts, **more}


@pytest.mark.slow
def test_machines_with_another_status_are_listed_and_broken_entries_are_named(page_lake: Settings, tmp_path: Path):
    shutil.copytree(page_lake.lake, tmp_path / "lake", symlinks=True)
    settings = load_settings(lake=tmp_path / "lake")
    published = open_objects(settings)
    publication = current_publication(published, "cda")
    assert publication is not None
    file = settings.lake / f"{publication.folder}/_changes.json"
    file.parent.chmod(0o755)
    file.chmod(0o644)
    record = {"key": {"unit_id": "T_01"}, "change": "changed", "before": "Normal", "after": "Alerta"}
    same = record | {"key": {"unit_id": "T_02"}, "after": "Normal"}
    machine = entry("machine_status_current", transitions={"Normal→Alerta": 7}, sample=[record, same])
    file.write_text(json.dumps([entry("classified_reports"), machine]), encoding="utf-8")
    (line,) = Pages(settings).read("/", client="cda").select(".changes li")
    assert "T_01 Normal → Alerta · y 6 equipos más" in text_of(line)
    assert "T_02" not in text_of(line)
    for broken in ("{", "[]", "[1]", '{"a": 1}', json.dumps([entry("classified_reports"), {"entity": "x"}])):
        file.write_text(broken, encoding="utf-8")
        with pytest.raises(ContractBroken, match=r"_changes\.json is not a list of changes"):
            last_change(published, publication)
    page = Pages(settings).read("/", client="cda")
    assert "tribolake verify" in text_of(page.select_one(".notice"))
    assert page.select("table.fleet tbody tr")
