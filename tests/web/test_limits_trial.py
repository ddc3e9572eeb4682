"""Test that a change of limits is judged as a run with that change of the seeds judges."""

from __future__ import annotations

import csv
import json
import random
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from tests.support.project_copy import copy_project, in_project
from tests.support.seed_copy import seeds_with

from tribolake.errors import ConfigurationError
from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.entry import new_entry
from tribolake.oil.feedback.shelf import add_entry
from tribolake.oil.limits.apart import TrialOverdue, judge_apart
from tribolake.oil.limits.check import check_seeds
from tribolake.oil.limits.choice import NONE, Choice, LimitGroup, Numbers, seed_row
from tribolake.oil.limits.other_limits import LOWER, UPPER, numbers_of
from tribolake.oil.limits.published_samples import PublishedSamples, published_samples
from tribolake.oil.limits.trial import Judged, judge_choice
from tribolake.oil.questions.deciding import deciding_essays
from tribolake.oil.questions.limit_groups import group_of, limits_in
from tribolake.oil.questions.published import rows
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.slow
CLIENTS = ("cda", "emin")
KEY = "client, laboratory, sampleNumber, sampleOccurrence"
DRAWS = 6


@pytest.fixture(scope="module")
def samples(page_lake: Settings) -> dict[str, PublishedSamples]:
    published = open_objects(page_lake)
    return {client: published_samples(published, client) for client in CLIENTS}


def limits_with_a_median(samples: PublishedSamples) -> list[dict]:
    """Limits of essays that decide."""
    deciding = deciding_essays(samples.policy)
    found = limits_in(samples.limits, samples.policy)
    return [dict(row) for row in found if (row["p50"] or 0) > 0 and row["essay"] in deciding]


def drawn_limits(row: dict, draw: random.Random) -> tuple[Numbers, Numbers]:
    """Other limits for a group, around its median: many of its samples break them, and some do not."""
    marginal = round(draw.uniform(0.1, 1.0) * row["p50"], 2) + 0.01
    upper = (marginal, marginal * 1.5, marginal * 2)
    lower: Numbers = (marginal * 0.9, marginal * 0.8, marginal * 0.7) if row["lower_normal"] is not None else NONE
    return upper, lower


def changed(judged: Judged) -> list[dict]:
    """Reports whose status or points differ from the published ones."""
    return [
        row
        for row in judged.rows
        if (row["status_before"], row["score_before"]) != (row["status_after"], row["score_after"])
    ]


@pytest.mark.parametrize("client", CLIENTS)
def test_limits_that_are_published_change_nothing(page_lake: Settings, samples, client: str):
    """Statuses and points of every report are those of gold, hostile names included: calculated again, and kept."""
    again = judge_choice(page_lake, samples[client], Choice())
    gold = rows(page_lake, "select count(*) as n from classified_reports", [client])[0]["n"]
    assert (again.reports, changed(again)) == (gold, [])


def test_limits_that_a_group_has_change_nothing(page_lake: Settings, samples):
    row = limits_with_a_median(samples["cda"])[0]
    upper, lower = numbers_of(row, UPPER), numbers_of(row, LOWER)
    same = judge_choice(page_lake, samples["cda"], Choice(group_of(row), upper, lower))
    assert changed(same) == []
    assert {name: same.limits[name] for name in (*UPPER, *LOWER)} == {name: row[name] for name in (*UPPER, *LOWER)}


def test_percentiles_of_the_policy_give_its_limits(page_lake: Settings, samples):
    """Of the groups whose values differ most, so that a percentile nearby gives another limit."""
    spread = sorted(limits_with_a_median(samples["cda"]), key=lambda row: (row["p90"] - row["p50"]) / row["p50"])
    for row in spread[-3:]:
        own = tuple(None if row[name] is None else one for name, one in zip(UPPER, (90, 95, 98), strict=True))
        judged = judge_choice(page_lake, samples["cda"], Choice(group_of(row), percentiles=own))
        assert changed(judged) == []
        assert [judged.limits[name] for name in UPPER] == [row[name] for name in UPPER]
        lowest = judge_choice(page_lake, samples["cda"], Choice(group_of(row), percentiles=(1.0, None, None)))
        assert lowest.limits["threshold_normal"] < row["threshold_normal"]


def test_choice_of_a_page_is_judged_as_the_seed_with_its_row(page_lake: Settings, samples, tmp_path: Path):
    """Random limits of random groups. The seed's limits are all calculated again, the page keeps those of others."""
    draw = random.Random(20260301)  # noqa: S311 - not for secrets
    moved = 0
    for number in range(DRAWS):
        row = draw.choice(limits_with_a_median(samples["cda"]))
        group, (upper, lower) = group_of(row), drawn_limits(row, draw)
        of_page = judge_choice(page_lake, samples["cda"], Choice(group, upper, lower))
        seeds = seeds_with(
            tmp_path / str(number), "policy_limits", [seed_row(group, "default", upper, lower, "drawn", "test")]
        )
        of_seed = judge_choice(page_lake, samples["cda"], Choice(), seeds)
        assert (of_page.reports, of_page.rows) == (of_seed.reports, of_seed.rows), (group, upper, lower)
        moved += len(changed(of_seed))
    assert moved > DRAWS, "the limits that were drawn change too few reports for a comparison"


@pytest.mark.thorough
def test_real_run_with_the_seed_publishes_what_the_check_said(page_lake: Settings, samples, tmp_path: Path):
    """Several rows at once: the statuses of every report, by a run of a project with these seeds."""
    draw = random.Random(7)  # noqa: S311 - not for secrets
    added = []
    for row in draw.sample(limits_with_a_median(samples["cda"]), 5):
        upper, lower = drawn_limits(row, draw)
        added.append(seed_row(group_of(row), "default", upper, lower, "drawn", "test"))
    added.append(seed_row(replace(group_of(row), machine="nowhere"), "default", upper, lower, "no such group", "test"))
    project = copy_project(tmp_path / "project")
    shutil.rmtree(project / "seeds" / "oil")
    seeds_with(project / "seeds" / "oil", "policy_limits", added)
    said = {one.client: one.impact for one in check_seeds(page_lake, project)}
    lake = tmp_path / "lake"
    shutil.copytree(page_lake.lake / "oil-analysis" / "bronze", lake / "oil-analysis" / "bronze")
    ended = in_project(project, "tribolake", "run", "--lake", str(lake), "--json")
    assert ended.returncode == 0, ended.stderr
    assert any("limits_that_people_set_are_used" in warning for warning in json.loads(ended.stdout)["warnings"])
    for client, impact in said.items():
        files = [
            home / "oil-analysis" / "gold" / client / "classified_reports.parquet" for home in (page_lake.lake, lake)
        ]
        found = duckdb.execute(
            f"select a.sampleNumber, a.sampleOccurrence, a.report_status, b.report_status"
            f" from read_parquet($1) as a full join read_parquet($2) as b using ({KEY})"
            f" where a.report_status is distinct from b.report_status",
            [str(file) for file in files],
        ).fetchall()
        names = ("sample_number", "sample_occurrence", "status_before", "status_after")
        assert sorted(found) == sorted(tuple(row[name] for name in names) for row in impact.changed)
        assert bool(found) == (client == "cda"), "emin has no limits, so no row of the seed is about it"


def test_other_policy_is_judged_with_its_own_limits(page_lake: Settings, samples):
    judged = judge_choice(page_lake, samples["emin"], Choice(policy="reference"))
    assert any(row["status_before"] == "Sin evaluar" and row["status_after"] == "Normal" for row in judged.rows)
    with pytest.raises(ConfigurationError, match="no policy"):
        judge_choice(page_lake, samples["emin"], Choice(policy="x'; drop table published; --"))


def test_group_without_limits_and_hostile_names_are_refused(page_lake: Settings, samples):
    for name in ("x' or '1'='1", "", "\u202e", "x" * 5000):
        group = LimitGroup("CDA", "model", name, name, name, "Hierro", "ppm")
        with pytest.raises(ConfigurationError, match="group"):
            judge_choice(page_lake, samples["cda"], Choice(group, (1.0, None, None)))


def test_judging_apart_gives_the_same_and_can_be_ended(page_lake: Settings, samples):
    row = limits_with_a_median(samples["cda"])[0]
    choice = Choice(group_of(row), (0.5, 0.7, 0.9))
    assert judge_apart(samples["cda"], choice, 90) == judge_choice(page_lake, samples["cda"], choice)
    with pytest.raises(TrialOverdue):
        judge_apart(samples["cda"], choice, 0.2)
    with pytest.raises(ConfigurationError, match="group"):
        judge_apart(samples["cda"], Choice(LimitGroup("CDA", "model", "x", "", "x", "x", ""), (1.0, None, None)), 90)


def test_check_fails_where_a_confirmed_finding_would_be_lost(page_lake: Settings, tribolake, tmp_path: Path):
    """A policy whose alarms need many points. The first alarm has a finding, so its loss is an error."""
    shutil.copytree(page_lake.lake, tmp_path / "lake", symlinks=True)
    settings = load_settings(lake=tmp_path / "lake")
    alarm = rows(settings, "select * from classified_reports where report_status = 'Alerta' order by 1, 2", ["cda"])[0]
    seeds = seeds_with(tmp_path / "seeds", "policy_limits", [])
    path = seeds / "policy_statuses.csv"
    with path.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, read[0].keys())
        writer.writeheader()
        writer.writerows(row | ({"min_score": "9999"} if row["report_status"] != "Normal" else {}) for row in read)
    words = ("limits", "check", "--lake", str(settings.lake), "--client", "cda", "--json")
    ended = tribolake(*words, "--seeds", str(seeds))
    assert (ended.returncode, json.loads(ended.stdout)["lost"]) == (0, 0), ended.stderr
    entry = new_entry(alarm, "confirmed", "A", datetime(2026, 3, 1, tzinfo=UTC), finding="bearing")
    add_entry(settings, entry)
    ended = tribolake(*words, "--seeds", str(seeds))
    said = json.loads(ended.stdout)
    assert (ended.returncode, said["lost"]) == (4, 1), ended.stderr
    (client,) = said["clients"]
    assert [row["sample_number"] for row in client["lost"]] == [alarm["sampleNumber"]]
    assert (client["before"]["confirmed_by_finding"], client["after"]["missed_findings"]) == (1, 1)
    assert tribolake(*words).returncode == 0, "the seeds of the installation lose nothing"


def test_check_explains_seeds_that_cannot_be_read(page_lake: Settings, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="no seeds of oil"):
        check_seeds(page_lake, tmp_path)
    seeds = seeds_with(tmp_path / "seeds", "policy_limits", [{"policy": "default", "client": "CDA", "marginal": "x,y"}])
    (seeds / "policy_floors.csv").write_text("policy,essay,surprise\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="surprise"):
        check_seeds(page_lake, seeds)
    (seeds / "policy_floors.csv").unlink()
    with pytest.raises(ConfigurationError, match="policy_floors"):
        check_seeds(page_lake, seeds)
