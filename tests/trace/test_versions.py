"""Versions of artefacts: the current one, that of a day and that of a run, from a folder and from S3."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.support.lake_homes import PRODUCT, InBucket, gold_of
from tests.support.published_lakes import EARLIER, LONG_AGO, ONE_MORE, PublishedLake, remember_day

from tribolake.errors import ConfigurationError, ContractBroken
from tribolake.oil.product import OIL
from tribolake.publish.history import published_as_of
from tribolake.trace import fetch, find

pytestmark = pytest.mark.slow

HAS_NO_RUN = ("delta", "judging_limits")


def status_of(reports: Path) -> list[tuple[str, float]]:
    """Return status and iron of the sample that the later runs added."""
    rows = pq.read_table(reports, columns=["sampleNumber", "report_status", "Hierro"])
    rows = rows.filter(pc.equal(rows["sampleNumber"], ONE_MORE))
    return list(zip(rows["report_status"].to_pylist(), rows["Hierro"].to_pylist(), strict=True))


@pytest.mark.parametrize("artefact", OIL.contract.artefacts)
def test_artefact_is_found_as_current_by_day_and_by_run(published_lake: PublishedLake, artefact: str):
    latest = find(OIL, published_lake.settings, artefact, "emin")
    by_day = find(OIL, published_lake.settings, artefact, "EMIN", as_of=datetime.now(UTC).date())
    by_run = find(OIL, published_lake.settings, artefact, "emin", version=published_lake.runs[2])
    assert latest == by_day == by_run
    assert latest.path.is_file()
    assert latest.run_id == (None if artefact in HAS_NO_RUN else published_lake.runs[2])


def test_fetched_file_has_the_sha256_of_the_manifest(published_lake: PublishedLake):
    for file in published_lake.manifest("emin", published_lake.runs[2])["files"]:
        content = fetch(OIL, published_lake.settings, file["name"].removesuffix(".parquet"), "emin").read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]


def test_run_before_the_last_has_its_own_reports(published_lake: PublishedLake):
    irons = [
        status_of(fetch(OIL, published_lake.settings, "classified_reports", "emin", version=run))
        for run in published_lake.runs[1:]
    ]
    assert [iron for ((_, iron),) in irons] == [9000, 8000]


def test_run_removed_by_retention_says_how_to_reprocess_it(published_lake: PublishedLake):
    with pytest.raises(ConfigurationError, match=f"reprocess --as-of {published_lake.runs[0]}"):
        fetch(OIL, published_lake.settings, "classified_reports", "emin", version=published_lake.runs[0])


def test_version_of_limits_finds_both_of_its_files(published_lake: PublishedLake):
    version = find(OIL, published_lake.settings, "stewart_limits", "emin").versions["limits_version"]
    assert version
    for artefact in ("stewart_limits", "judging_limits"):
        found = find(OIL, published_lake.settings, artefact, "emin", version=version)
        assert f"/silver/stewart_limits/{version}/" in found.address
    with pytest.raises(ConfigurationError, match="is of client 'emin'"):
        find(OIL, published_lake.settings, "judging_limits", "cda", version=version)


def test_version_of_a_day_comes_from_history_or_archive(published_lake: PublishedLake):
    remember_day(published_lake, "emin", EARLIER, archived=False)
    remember_day(published_lake, "emin", LONG_AGO, archived=True)
    asked = {date(2026, 1, 31): EARLIER, date(2026, 5, 5): EARLIER, date(2025, 12, 24): LONG_AGO}
    for day, kept in asked.items():
        found = find(OIL, published_lake.settings, "classified_reports", "emin", as_of=day)
        assert found.run_id == f"{kept}-run"
        if not published_lake.is_on_s3:
            assert found.path.parent == published_as_of(OIL, published_lake.settings.lake / PRODUCT, "emin", day)
    with pytest.raises(ConfigurationError, match=f"the oldest gold is of {LONG_AGO}"):
        find(
            OIL,
            published_lake.settings,
            "classified_reports",
            "emin",
            as_of=date.fromisoformat(LONG_AGO) - timedelta(days=1),
        )


@pytest.mark.parametrize(
    ("artefact", "client", "version"),
    [
        ("classified_reports", "../emin", None),
        ("classified_reports", "nobody", None),
        ("classified_reports", "emin", "../../../etc"),
        ("classified_reports", "emin", ".."),
        ("classified_reports", "emin", "a/b"),
        ("../warehouse", "emin", None),
        ("judging_limits", "emin", "default-000000000000"),
    ],
)
def test_invalid_or_unknown_name_is_refused(published_lake: PublishedLake, artefact, client, version):
    with pytest.raises(ConfigurationError):
        find(OIL, published_lake.settings, artefact, client, version=version)


def test_overwritten_file_is_not_returned(published_lake: PublishedLake, tmp_path: Path):
    folder = f"{PRODUCT}/gold/cda/{published_lake.manifest('cda', published_lake.runs[0])['folder']}"
    key = f"{folder}/machine_status_current.parquet"
    content = published_lake.home.read(key)
    published_lake.home.put(key, b"PAR1 something else PAR1")
    settings = (
        published_lake.settings.model_copy(update={"state_dir": tmp_path})
        if published_lake.is_on_s3
        else published_lake.settings
    )
    try:
        with pytest.raises(ContractBroken, match="not what its manifest says"):
            find(OIL, settings, "machine_status_current", "cda")
    finally:
        published_lake.home.put(key, content)


def test_fetched_object_is_fetched_again_only_if_damaged(published_lake: PublishedLake):
    if not isinstance(published_lake.home, InBucket):
        pytest.skip("a folder's files are used in place")
    path = fetch(OIL, published_lake.settings, "classified_reports", "emin")
    before = path.stat().st_mtime_ns
    assert fetch(OIL, published_lake.settings, "classified_reports", "emin") == path
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"torn")
    assert gold_of(published_lake.home, "emin")["classified_reports"] == pq.read_table(
        fetch(OIL, published_lake.settings, "classified_reports", "emin")
    )


def test_fetch_and_limits_diff_commands_answer_as_json(published_lake: PublishedLake, tribolake, tmp_path: Path):
    copy = tmp_path / "reports.parquet"
    words = ("fetch", "classified_reports", "--client", "emin", *published_lake.flags)
    ended = tribolake(*words, "--output", str(copy), "--json", **published_lake.environment)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["run_id"] == published_lake.runs[2]
    assert status_of(copy) == status_of(fetch(OIL, published_lake.settings, "classified_reports", "emin"))
    unknown = tribolake("fetch", "everything", "--client", "emin", *published_lake.flags, **published_lake.environment)
    assert (unknown.returncode, "choose one of" in unknown.stderr) == (2, True)

    version = find(OIL, published_lake.settings, "stewart_limits", "emin").versions["limits_version"]
    ended = tribolake("limits", "diff", version, version, *published_lake.flags, "--json", **published_lake.environment)
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    before, after = said.pop("before"), said.pop("after")
    assert before == after
    assert before["alarms"] <= said.pop("reports")
    assert said == {"client": "EMIN", "a": version, "b": version, "limits": [], "samples": [], "lost": []}
