"""Test what is said of what would change a status: against whole clients judged with changed files."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.support.page_reader import Pages, text_of

from tribolake.lake.replicas import open_objects
from tribolake.oil.limits.apart import change_apart
from tribolake.oil.limits.published_samples import PublishedSamples, published_samples
from tribolake.oil.limits.status_change import Condition, Outcome, StatusChange, change_of, question_of
from tribolake.oil.limits.trial import judge_versions
from tribolake.oil.limits.variants import ABSENT, Changed, opened_sample
from tribolake.oil.product import OIL
from tribolake.oil.questions.published import rows
from tribolake.oil.questions.verdicts import IN_ALARM
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings
from tribolake.web import change as web_change
from tribolake.web.trials import Trials
from tribolake.web.views.change import change_part
from tribolake.web.words import words_in

pytestmark = pytest.mark.slow
KEY = ("laboratory", "sampleNumber", "sampleOccurrence")
ALIKE = 1e-9  # a share by which a number is beyond a bound, or short of it
OF_EACH_STATUS = 4
SEVERITY = {"Normal": 0, "Sin evaluar": 0, "Alerta": 1, "Anormal": 2}
Changes = dict[tuple[Any, ...], Sequence[tuple[str, float | None, str | None]]]


def drawn_reports(settings: Settings, client: str, of_each: int) -> list[dict[str, Any]]:
    """Reports of each status, no two of one component: a result changes how the next sample is judged."""
    draw = random.Random(48)  # noqa: S311 - not for secrets
    every = rows(
        settings,
        "select * from classified_reports where length(sampleNumber) <= 1000 order by client, laboratory,"
        " sampleNumber, sampleOccurrence",
        [client],
    )
    draw.shuffle(every)
    found: list[dict[str, Any]] = []
    components: set[tuple[str, str]] = set()
    for status in ("Alerta", "Anormal", "Sin evaluar", "Normal"):
        wanted = of_each
        for report in (one for one in every if one["report_status"] == status):
            component = (report["unitId"], report["componentName"])
            if component not in components and wanted:
                components.add(component)
                found.append(report)
                wanted -= 1
    return found


def beyond(condition: Condition) -> tuple[str, float | None, str | None]:
    """The result that a condition asks for: just beyond its bound, where the bound itself is not enough."""
    if condition.bound is None:
        return condition.essay, None, condition.code
    nudge = {"<": 1 - ALIKE, "<=": 1, ">": 1 + ALIKE, ">=": 1}[condition.sign]
    return condition.essay, condition.bound * nudge, None


def short_of(condition: Condition) -> tuple[str, float | None, str | None]:
    """The nearest result that does not satisfy a condition."""
    assert condition.bound is not None
    nudge = {"<": 1, "<=": 1 + ALIKE, ">": 1, ">=": 1 - ALIKE}[condition.sign]
    return condition.essay, condition.bound * nudge, None


def statuses(settings: Settings, samples: PublishedSamples, changes: Changes, folder: Path) -> dict[tuple, str]:
    """Write the results of a client with these changed, and judge all its samples by the published limits."""
    folder.mkdir()
    rewritten = folder / "results.parquet"
    with duckdb.connect() as connection:
        connection.execute("create table results as from read_parquet($1)", [str(samples.results)])
        for key, changed in changes.items():
            for essay, value, code in changed:
                connection.execute(
                    "update results set value = $1, code = $2, censoring = null where essay = $3"
                    " and (laboratory, sampleNumber, sampleOccurrence) = ($4, $5, $6)",
                    [value, code, essay, *key],
                )
        connection.execute(f"copy results to '{rewritten}' (format parquet)")
    assert samples.limits is not None
    judged = judge_versions(settings, replace(samples, results=rewritten), samples.limits, samples.limits)
    names = ("laboratory", "sample_number", "sample_occurrence")
    return {tuple(row[name] for name in names): row["status_after"] for row in judged.rows}


def key_of(report: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(report[name] for name in KEY)


def wrong_of(settings: Settings, client: str, of_each: int, folder: Path) -> tuple[list[str], int]:
    """What is said and does not come true, and how many things were said.

    Every claim is tried twice: as it says, and with one result a billionth short of it.
    """
    published = open_objects(settings)
    reports = drawn_reports(settings, client, of_each)
    found = {key_of(one): change_of(settings, *question_of(published, one)) for one in reports}
    wrong, said = [], 0
    for way in range(4):  # the least that lowers, and three that raise
        outcomes = {key: outcome for key, one in found.items() if (outcome := outcome_of(one, way))}
        samples = published_samples(published, client)
        exact: Changes = {key: [beyond(one) for one in outcome.conditions] for key, outcome in outcomes.items()}
        after = statuses(settings, samples, exact, folder / f"{client}-{way}-exact")
        # What is nearest to raising stays short of it. A set stays short of one of its results.
        short: Changes = {
            key: [short_of(outcome.conditions[0]), *exact[key][1:]]
            for key, outcome in outcomes.items()
            if outcome.conditions[0].bound is not None and not outcome.is_all
        }
        before = statuses(settings, samples, short, folder / f"{client}-{way}-short")
        for key, outcome in outcomes.items():
            said += 1
            # Reports that nobody calls an alarm are not listed.
            status = after.get(key, "Normal")
            if status != outcome.status and not (key not in after and outcome.status not in IN_ALARM):
                wrong.append(f"{key} {outcome}: {status}")
            now, then = found[key].status, before.get(key, "Normal")
            if (SEVERITY[outcome.status] < SEVERITY[now]) != (way == 0) or SEVERITY[outcome.status] == SEVERITY[now]:
                wrong.append(f"{key} {outcome}: from {now}")
            if key in short and SEVERITY[then] != SEVERITY[now]:
                wrong.append(f"{key} {outcome}: {then} already before")
    return wrong, said


def outcome_of(change: StatusChange, way: int) -> Outcome | None:
    every = [change.lowers, *change.raises]  # the first one lowers
    return every[way] if way < len(every) else None


def test_what_is_said_comes_true_and_less_does_not(page_lake: Settings, tmp_path: Path):
    drawn = {one["report_status"] for one in drawn_reports(page_lake, "cda", OF_EACH_STATUS)}
    assert drawn >= {"Alerta", "Anormal", "Normal"}
    wrong, said = wrong_of(page_lake, "cda", OF_EACH_STATUS, tmp_path)
    assert wrong == []
    assert said > 2 * OF_EACH_STATUS


@pytest.mark.thorough
def test_what_is_said_of_real_reports_comes_true(real_data: Path, tmp_path: Path, parsed_project: None):
    settings = load_settings(lake=tmp_path / "lake")
    shutil.copytree(real_data / "bronze", settings.lake / "oil-analysis" / "bronze")
    run(OIL, settings)
    for client in ("cda", "emin"):
        wrong, said = wrong_of(settings, client, 12, tmp_path)
        assert wrong == []
        assert said > 40


def test_no_smaller_change_of_one_result_does_the_same(page_lake: Settings):
    """Random changes of random results, most of them far from any bound. None is smaller than what is said."""
    published, draw = open_objects(page_lake), random.Random(7)  # noqa: S311 - not for secrets
    tried = 0
    for report in drawn_reports(page_lake, "cda", 2):
        samples, name = question_of(published, report)
        said = change_of(page_lake, samples, name)
        with opened_sample(page_lake, samples, name) as judge:
            changes = [
                Changed(one.essay, one.value * math.exp(draw.uniform(-4, 4)) if one.value else draw.uniform(0, 100))
                for one in judge.measured
                for _ in range(30)
            ]
            own = {one.essay: one.value for one in judge.measured}
            judged = judge.judge([(one,) for one in changes])
        lowest = size_of(said.lowers, own) if said.lowers else math.inf
        nearest = min((size_of(one, own) for one in said.raises), default=math.inf)
        for changed, judgement in zip(changes, judged, strict=True):
            size = share(own[changed.essay], changed.number)
            tried += 1
            if judgement.severity < judge.own.severity:
                assert len(said.lowers.conditions) == 1
                assert size >= lowest - ALIKE, (report["sampleNumber"], changed, said)
            if judgement.severity > judge.own.severity:
                assert size >= nearest - ALIKE, (report["sampleNumber"], changed, said)
    assert tried > 1000


def share(now: float, then: float) -> float:
    return abs(then - now) / max(abs(then), abs(now)) if then != now else 0.0


def size_of(outcome: Outcome, own: dict[str, float]) -> float:
    (condition, *_) = outcome.conditions
    return math.inf if condition.bound is None else share(own[condition.essay], condition.bound)


def test_report_of_a_client_without_limits_has_an_answer(page_lake: Settings):
    """Only fixed bands judge it: water, fuel and coolant."""
    (report,) = rows(page_lake, "select * from classified_reports order by sampleNumber limit 1", ["emin"])
    assert report["limits_version"] is None
    samples, name = question_of(open_objects(page_lake), report)
    said = change_of(page_lake, samples, name)
    assert said.status == report["report_status"]
    assert {one.conditions[0].essay for one in said.raises} <= {"Agua", "Dilución por combustible", "Anticongelante"}
    assert said.raises
    assert change_apart(samples, name, 90) == said, "another process says the same"


def test_limits_that_judged_a_report_answer_not_those_of_today(page_lake: Settings, alarm, tmp_path: Path):
    """A version whose limits are ten times as high: the same report would be lowered by its own version only."""
    shutil.copytree(page_lake.lake, tmp_path / "lake", symlinks=True)
    settings = load_settings(lake=tmp_path / "lake")
    own = question_of(open_objects(settings), alarm)
    other = f"{alarm['limits_version'][:-3]}000"
    folder = settings.lake / "oil-analysis" / "silver" / "stewart_limits" / other
    folder.mkdir()
    higher = ", ".join(f"threshold_{band} * 10 as threshold_{band}" for band in ("normal", "alert", "critic"))
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select * replace ({higher}) from read_parquet('{own[0].limits}'))"
            f" to '{folder / 'judging_limits.parquet'}' (format parquet)"
        )
    then = question_of(open_objects(settings), alarm | {"limits_version": other})
    assert (then[0].version, own[0].version) == (other, alarm["limits_version"])
    now, before = change_of(settings, *own), change_of(settings, *then)
    assert (now.status, before.status) == ("Alerta", "Normal")


@pytest.fixture(scope="module")
def alarm(page_lake: Settings) -> dict[str, Any]:
    """A report that one result lowers and others raise."""
    return drawn_reports(page_lake, "cda", 1)[0]


def names_of(report: dict[str, Any]) -> dict[str, str]:
    return {
        "client": report["client"].lower(),
        "sample": report["sampleNumber"],
        "occurrence": report["sampleOccurrence"],
        "laboratory": report["laboratory"],
    }


def test_page_says_what_the_judge_says_to_who_asks(page_lake: Settings, pages: Pages, alarm, tribolake):
    said = change_of(page_lake, *question_of(open_objects(page_lake), alarm))
    page = pages.read("/r", **names_of(alarm))
    assert not page.select("#change .ways")
    asked = page.select_one("#change a")["href"]
    for language, word in (("es", "el estado sería"), ("en", "the status would be")):
        words = words_in(language)
        shown = pages.read(f"{asked.replace('#change', '')}&lang={language}").select("#change .ways li")
        outcomes = [one for one in (said.lowers, *said.raises) if one]
        assert len(shown) == len(outcomes) > 1
        for line, outcome in zip(shown, outcomes, strict=True):
            assert text_of(line.select_one(".pill")) == words.status(outcome.status)
            for condition in outcome.conditions:
                assert words.essay(condition.essay) in text_of(line)
                assert words.number(condition.bound) in text_of(line)
            assert word in text_of(line)
    sample = "@".join(filter(None, (alarm["sampleNumber"], alarm["sampleOccurrence"])))
    words = ("show", "report", sample, "--client", "cda", "--lake", str(page_lake.lake), "--change")
    printed = json.loads(tribolake(*words, "--json").stdout)["change"]
    assert printed["lowers"]["status"] == said.lowers.status
    assert [one["status"] for one in printed["raises"]] == [one.status for one in said.raises]
    assert f"To lower it to {said.lowers.status}: {said.lowers.conditions[0].essay}" in tribolake(*words).stdout


def test_charts_and_change_keep_each_other(pages: Pages, alarm):
    page = pages.read("/r", **names_of(alarm), charts="all")
    assert "charts=all" in page.select_one("#change a")["href"]
    others = [one["href"] for one in pages.read("/r", **names_of(alarm), change=1).select('a[href*="charts=all"]')]
    assert all("change=1" in one for one in others)


def test_other_sites_files_and_a_busy_server_judge_nothing(pages: Pages, alarm, monkeypatch: pytest.MonkeyPatch):
    """Another site must not make a server work. A file that is mailed has no link that asks."""
    monkeypatch.setattr(web_change, "question_of", lambda *_: pytest.fail("it was judged"))
    answer = pages.client.get("/r", params=names_of(alarm) | {"change": "1"}, headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, 'class="ways"' in answer.text) == (200, False)
    assert 'id="change"' in answer.text
    assert 'id="change"' not in pages.ask("/take/report", **names_of(alarm)).text
    monkeypatch.undo()
    trials = Trials()
    monkeypatch.setattr("tribolake.web.app.Trials", lambda: trials)
    busy = Pages(pages.settings)
    with trials.working:
        page = busy.read("/r", **names_of(alarm), change=1)
    assert "Este servidor está juzgando" in text_of(page.select_one("#change .notice"))
    assert page.select_one("#change a")["href"].endswith("#change"), "it can be asked again"
    busy.read("/r", **names_of(alarm), change=1)
    assert len(trials.changes) == 1
    with trials.working:
        assert busy.read("/r", **names_of(alarm), change=1).select("#change .ways"), "the answer is kept"


VALUE = {"essay": "Agua", "unit": "%", "value": "P"}


def part(said: StatusChange, status: str, language: str = "es"):
    values = [VALUE, VALUE | {"essay": "Hierro", "unit": "ppm", "value": "62"}]
    return change_part(said, {"report_status": status}, values, words_in(language))


def test_codes_sets_and_limits_of_what_can_be_said_are_worded():
    iron, absent = Condition("Hierro", "<", 1234.5), Condition("Agua", "code", code=ABSENT)
    both = part(StatusChange("Anormal", Outcome("Normal", (iron, absent), is_all=True), ()), "Anormal")
    (way,) = both.lowers
    assert [(one.text, one.now) for one in way.needed] == [
        ("Hierro < 1.234,5 ppm", "62"),
        ("Agua: ausente", "presente"),
    ]
    assert way.title == "Solo lo bajarían todos estos juntos"
    assert (both.raises, both.none) == ((), ()), "nothing is above Anormal"
    trace = part(StatusChange("Alerta", Outcome("Normal", (Condition("Agua", "code", code="T"),)), ()), "Alerta", "en")
    assert trace.lowers[0].needed[0].text == "Water: traces"
    assert trace.none == ("No measured result would raise it alone.",)
    assert part(StatusChange("Alerta", None, ()), "Alerta").none[0].startswith("Ningún cambio")
    assert len(part(StatusChange("Normal", None, ()), "Normal").none) == 1
    otherwise = part(StatusChange("Normal", None, ()), "Alerta")
    assert (otherwise.is_answer, "ya no juzgan" in otherwise.says) == (False, True)
