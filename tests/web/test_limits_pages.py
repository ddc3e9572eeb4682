"""Test the pages of limits: what they list, what they say of other limits, and what is taken along."""

from __future__ import annotations

import csv
import io
import threading
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from bs4 import BeautifulSoup
from tests.support.page_reader import Pages, text_of

from tribolake.lake.replicas import open_objects
from tribolake.oil.limits import apart
from tribolake.oil.limits.choice import Choice
from tribolake.oil.limits.impact import impact_of
from tribolake.oil.limits.published_samples import PublishedSamples, published_samples
from tribolake.oil.limits.trial import judge_choice
from tribolake.oil.questions.limit_groups import group_of, limits_in
from tribolake.settings import Settings
from tribolake.web.addresses import Addresses
from tribolake.web.trials import TrialBusy, Trials

pytestmark = pytest.mark.slow
FOREIGN = {"sec-fetch-site": "cross-site"}


@pytest.fixture(scope="module")
def samples(page_lake: Settings) -> PublishedSamples:
    return published_samples(open_objects(page_lake), "cda")


@pytest.fixture(scope="module")
def row(samples: PublishedSamples) -> dict:
    """Limits of the group with most values of aluminium: it decides, and not every report breaks it."""
    found = [one for one in limits_in(samples.limits, samples.policy) if one["essay"] == "Aluminio" and one["p50"]]
    return dict(max(found, key=lambda one: one["n"]))


def address(path: str, row: dict, **more: object) -> str:
    found = Addresses().limit(path, group_of(row), **more)
    assert found is not None
    return found


def low(row: dict) -> dict[str, object]:
    """Limits below the median of a group, as an address has them."""
    factors = {"marginal": 0.4, "condenatorio": 0.5, "critico": 0.6}
    return {"how": "limit", **{band: f"{row['p50'] * factor:.6g}" for band, factor in factors.items()}}


def counts(page: BeautifulSoup) -> dict[str, tuple[str, ...]]:
    rows = page.select("table.counts tbody tr")
    return {text_of(one.th): tuple(text_of(cell).split()[-1] for cell in one.select("td")) for one in rows}


def test_limits_are_listed_and_filtered_by_the_address(pages: Pages, samples: PublishedSamples):
    every = limits_in(samples.limits, samples.policy)
    page = pages.read("/limits", client="cda", show=2000)
    assert len(page.select("tbody tr")) == len(every)
    few = pages.read("/limits", client="cda", show=3)
    assert len(few.select("tbody tr")) == 3
    assert f"{len(every)}" in text_of(few.select_one(".headline"))
    by_essay = Counter(one["essay"] for one in every)
    for essay, count in by_essay.most_common(3):
        shown = pages.read("/limits", client="cda", essay=essay, show=2000)
        assert len(shown.select("tbody tr")) == count
        assert shown.select_one("select[name=essay] option[selected]")["value"] == essay
    assert not pages.read("/limits", client="emin").select("tbody tr"), "its groups have too few samples"
    assert text_of(pages.read("/limits", lang="en").h1) == "Limits"


def test_page_of_a_group_has_its_limits_intervals_floors_and_versions(pages: Pages, samples, row):
    page = pages.read(address("/limit", row))
    said = text_of(page.main)
    first, *_ = [text_of(cell) for cell in page.select("tbody tr td b")]
    assert first == f"{row['threshold_normal']:g}".replace(".", ",")
    assert samples.version in said
    assert text_of(page.select_one(".entries .chosen b")).split(" ")[0] == first
    assert pages.ask(address("/limit", row, version=samples.version)).status_code == 200
    for version in ("default-000000000000", "../../x", "x" * 90):
        assert pages.ask(address("/limit", row, version=version)).status_code == 404


def test_value_of_a_report_leads_to_the_limits_that_judged_it(pages: Pages):
    links = pages.read("/m", client="cda", unit="T_01").select("table.components th a")
    (href,) = (link["href"] for link in links if text_of(link) == "motor")
    page = pages.read(href)
    checked = 0
    for one in page.select("table.values tbody tr"):
        link = one.select_one(".limits .sub a")
        if link is None:
            continue
        checked += 1
        limit = pages.read(link["href"])
        asked = dict(parse_qsl(urlsplit(link["href"]).query))
        assert asked["version"] in text_of(limit.main)
        shown = [text_of(cell) for cell in limit.select("tbody tr td b")]
        assert any(text in text_of(link) for text in shown if text != "–"), (text_of(link), shown)
    assert checked > 3
    alone = BeautifulSoup(pages.ask("/take/report", **dict(parse_qsl(urlsplit(href).query))).text, "html.parser")
    assert not alone.select("a[href]")


def test_what_if_counts_and_lists_what_the_judge_says(pages: Pages, page_lake: Settings, samples, row):
    asked = low(row)
    upper = tuple(float(asked[band]) for band in ("marginal", "condenatorio", "critico"))
    impact = impact_of(judge_choice(page_lake, samples, Choice(group_of(row), upper)), ())
    page = pages.read(address("/what-if", row, **asked, lang="en"))
    found = counts(page)
    assert found["In alarm"] == (str(impact.before.alarms), str(impact.after.alarms))
    assert found["Confirmed"] == (str(impact.before.confirmed), str(impact.after.confirmed))
    assert found["Not in alarm, but confirmed"] == (str(impact.before.missed), str(impact.after.missed))
    assert len(impact.changed) > 3, "the limits change too few reports"
    whole = pages.read(address("/what-if", row, **asked, show=5000))
    links = [link["href"] for link in whole.select("section:last-of-type tbody a")]
    assert len(links) == len(impact.changed)
    for link in links[:3]:
        pages.read(link)
    first = pages.read(address("/what-if", row, **asked, show=2))
    assert len(first.select("section:last-of-type tbody tr")) == 2
    assert first.select_one("p.more a")["href"].endswith("show=27")
    assert first.select_one("input[name=marginal]")["value"] == asked["marginal"], "the choice stays in the form"


def test_reports_that_a_choice_would_change_can_be_taken_along(pages: Pages, row):
    asked = low(row)
    page = pages.read(address("/what-if", row, **asked, show=5000))
    links = {link.text: link["href"] for link in page.select("section:last-of-type .take a")}
    taken = list(csv.DictReader(io.StringIO(pages.ask(links["CSV"]).content.decode("utf-8-sig"))))
    shown = page.select("section:last-of-type tbody tr")
    assert [one["sample_number"] for one in taken] == [text_of(line.a or line.bdi) for line in shown] != []
    assert all(one["status_before"] != one["status_after"] for one in taken)
    assert pages.ask(links["XLSX"]).content.startswith(b"PK")
    assert pages.client.get(links["CSV"], headers=FOREIGN).status_code == 403
    assert pages.ask(address("/take/what-if", row, **asked | {"marginal": "nan"}, form="csv")).status_code == 400


def test_what_if_writes_nothing_to_the_lake(pages: Pages, page_lake: Settings, row):
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in page_lake.lake.rglob("*") if path.is_file()}

    before = files()
    pages.read(address("/what-if", row, how="percentile", marginal="55"))
    pages.ask(address("/take/seed", row, how="percentile", marginal="55"))
    assert files() == before


def test_seed_of_a_choice_fits_its_seed_and_is_the_limit_that_judged(pages: Pages, row):
    answer = pages.ask(address("/take/seed", row, how="percentile", marginal="50"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert 'filename="tribolake-policy_limits.csv"' in answer.headers["content-disposition"]
    (seed,) = csv.DictReader(io.StringIO(answer.text))
    assert (seed["policy"], seed["client"], seed["grain"]) == ("default", "CDA", row["grain"])
    assert seed["reason"] and seed["source"].startswith("P50")
    numbers = {band: seed[band] for band in ("marginal", "condenatorio", "critico")}
    page = pages.read(address("/what-if", row, how="limit", **numbers))
    of_percentile = pages.read(address("/what-if", row, how="percentile", marginal="50"))
    assert counts(page) == counts(of_percentile)
    assert pages.ask("/take/seed", client="cda", how="policy", policy="reference").status_code == 404
    assert pages.ask(address("/take/seed", row, how="limit", marginal="nan")).status_code == 400


@pytest.mark.parametrize(
    "numbers",
    [
        {"marginal": "nan"},
        {"marginal": "-inf"},
        {"marginal": "1e308"},
        {"marginal": "5", "condenatorio": "4"},
        {"marginal": "5", "critico": "9"},
        {"marginal": "1;drop table x"},
        {"how": "percentile", "marginal": "100"},
        {"how": "percentile", "marginal": "-5"},
        {"how": "percentile"},
        {},
    ],
)
def test_choice_that_is_none_gets_a_sentence(pages: Pages, row, numbers: dict[str, str]):
    answer = pages.ask(address("/what-if", row, **{"how": "limit", **numbers}))
    assert answer.status_code == 400
    page = BeautifulSoup(answer.text, "html.parser")
    assert text_of(page.select_one("p.notice"))
    assert page.select_one("input[name=marginal]")["value"] == numbers.get("marginal", "")
    assert not page.select("table.counts")


def test_another_site_does_not_make_the_server_judge(pages: Pages, row):
    where = address("/what-if", row, how="limit", marginal="0.123")
    answer = pages.client.get(where, headers=FOREIGN)
    assert (answer.status_code, "table" in answer.text) == (200, False)
    assert "Todavía no se juzgó" in answer.text
    assert pages.client.get(where.replace("/what-if", "/take/seed"), headers=FOREIGN).status_code == 403


def test_one_judgement_at_a_time_and_each_is_kept(samples: PublishedSamples, row, monkeypatch: pytest.MonkeyPatch):
    """While one is at work another one is refused, and what was judged is answered without a process."""
    trials, choice = Trials(), Choice(group_of(row), (0.5, 0.6, 0.7))
    refused = []

    def ask_another() -> None:
        for _ in range(200):
            if trials.working.locked():
                break
            threading.Event().wait(0.01)
        try:
            trials.judge(samples, Choice(group_of(row), (0.1, 0.2, 0.3)))
        except TrialBusy as error:
            refused.append(error)

    other = threading.Thread(target=ask_another)
    other.start()
    judged = trials.judge(samples, choice)
    other.join()
    assert len(refused) == 1
    monkeypatch.setattr(apart, "CHILD", "tribolake.no_such_module")
    assert trials.judge(samples, choice) is judged
    with pytest.raises(apart.TrialFailed):
        trials.judge(samples, Choice(group_of(row), (0.1, 0.2, 0.3)))
    assert not trials.working.locked(), "a failure frees the place"


def test_judgement_that_takes_too_long_is_ended(samples: PublishedSamples, row):
    trials = Trials(seconds=0.3)
    with pytest.raises(apart.TrialOverdue):
        trials.judge(samples, Choice(group_of(row), (0.5, None, None)))
    assert not trials.working.locked()
