"""Lineage from an object, a file, a sample or a version of limits down to versions of bronze."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.support.lake_homes import PRODUCT, InBucket, gold_of, manifest_of
from tests.support.published_lakes import PublishedLake
from tests.support.servers.server import client as s3_client

from tribolake.errors import ConfigurationError
from tribolake.oil.lineage import lineage_of
from tribolake.oil.product import OIL
from tribolake.trace import find


def address(lake: PublishedLake, key: str) -> str:
    return f"s3://{lake.home.bucket}/{key}" if isinstance(lake.home, InBucket) else str(lake.settings.lake / key)


def judged_sample(lake: PublishedLake, client: str) -> dict:
    rows = gold_of(lake.home, client)["classified_reports"].to_pylist()
    return next(row for row in rows if row["limits_version"] and row["report_status"] == "Anormal")


def without_a_warehouse(lake: PublishedLake, tmp_path: Path):
    return lake.settings.model_copy(update={"state_dir": tmp_path / "empty"})


@pytest.mark.parametrize(
    "key",
    [
        "gold/emin/classified_reports.parquet",
        "gold/emin/_manifest.json",
        "gold/emin/_versions/{run}/machine_status_current.parquet",
        "gold/emin/_history/{day}/stewart_limits.parquet",
        "silver/harmonized/EMIN.parquet",
        "silver/_delta/EMIN_{day}.parquet",
        "lineage/emin/{run}.json",
    ],
)
def test_published_file_leads_to_its_run_and_its_bronze(new_lake: PublishedLake, key: str):
    (run_id,) = new_lake.runs
    key = f"{PRODUCT}/{key.format(run=run_id, day=find(OIL, new_lake.settings, 'delta', 'emin').published_at)}"
    found = lineage_of(new_lake.settings, address(new_lake, key))
    assert (found.client, found.run.run_id, found.run.policy) == ("emin", run_id, "default")
    assert found.file.sha256 == hashlib.sha256(new_lake.home.read(key) or b"").hexdigest()
    assert found.sources == manifest_of(new_lake.home, "emin")["sources"]
    for source in found.sources:
        assert hashlib.sha256(bronze_of(new_lake, source)).hexdigest() == source["sha256"]


def bronze_of(lake: PublishedLake, source: dict) -> bytes:
    """Return the content that a source names, by its version if it has one."""
    if not isinstance(lake.home, InBucket):
        assert source["version_id"] is None
        return lake.home.read(source["key"]) or b""
    which = {"Bucket": lake.home.bucket, "Key": source["key"], "VersionId": source["version_id"]}
    return s3_client(lake.home.server).get_object(**which)["Body"].read()


def test_reports_lead_to_their_limits_and_the_decisions(new_lake: PublishedLake):
    found = lineage_of(new_lake.settings, address(new_lake, f"{PRODUCT}/gold/emin/classified_reports.parquet"))
    (limits,) = found.limits
    reports = gold_of(new_lake.home, "emin")["classified_reports"]["limits_version"].to_pylist()
    assert (limits.version, limits.reports) == (reports[0], sum(version is not None for version in reports))
    assert {decision["reason"] for decision in limits.decisions} == {"new group"}
    assert {decision["run_id"] for decision in limits.decisions} == set(new_lake.runs)
    assert found.notes == []


def test_sample_leads_to_its_bronze_row_and_its_limits(new_lake: PublishedLake):
    report = judged_sample(new_lake, "emin")
    found = lineage_of(new_lake.settings, report["sampleNumber"])
    assert found.sample["report_status"] == "Anormal"
    (source,) = found.sources
    assert (source["key"], source["sha256"]) == (found.sample["source_file"], found.sample["source_sha256"])
    row = pq.read_table(buffer_of(bronze_of(new_lake, source))).to_pylist()[found.sample["source_row"] - 1]
    assert str(row["sampleNumber"]) == report["sampleNumber"]
    (limits,) = found.limits
    assert limits.version == report["limits_version"]
    ((machine, component),) = {(decision["machine"], decision["component"]) for decision in limits.decisions}
    assert (machine, component) == (report["machineName"], report["componentNameNormalized"])


def buffer_of(content: bytes):
    import pyarrow as pa  # noqa: PLC0415

    return pa.BufferReader(content)


def test_limits_lead_to_their_run_with_and_without_a_warehouse(new_lake: PublishedLake, tmp_path: Path):
    version = find(OIL, new_lake.settings, "stewart_limits", "emin").versions["limits_version"]
    for settings, knows_why in ((new_lake.settings, True), (without_a_warehouse(new_lake, tmp_path), False)):
        found = lineage_of(settings, version)
        assert (found.kind, found.client, found.run.run_id) == ("limits", "emin", new_lake.runs[0])
        assert found.sources == manifest_of(new_lake.home, "emin")["sources"]
        assert bool(found.limits[0].decisions) is knows_why
        assert any("why limits" in note for note in found.notes) is not knows_why


def test_sample_without_a_warehouse_lacks_only_the_decision(new_lake, tmp_path: Path):
    report = judged_sample(new_lake, "emin")
    found = lineage_of(without_a_warehouse(new_lake, tmp_path), report["sampleNumber"])
    assert found.sources
    assert found.limits[0].version == report["limits_version"]
    assert ["why limits" in note for note in found.notes] == [True]


def test_renamed_copy_is_traced_by_its_content(new_lake: PublishedLake, tmp_path):
    copy = tmp_path / "from a colleague.parquet"
    copy.write_bytes(find(OIL, new_lake.settings, "machine_status_current", "cda").path.read_bytes())
    found = lineage_of(new_lake.settings, str(copy))
    assert (found.client, found.run.run_id) == ("cda", new_lake.runs[0])
    copy.write_bytes(b"something else")
    with pytest.raises(ConfigurationError, match="no run of"):
        lineage_of(new_lake.settings, str(copy))


def test_object_without_metadata_is_traced_by_key_and_content(new_lake: PublishedLake):
    if not isinstance(new_lake.home, InBucket):
        pytest.skip("a folder's files have no metadata")
    key = f"{PRODUCT}/gold/cda/stewart_limits.parquet"
    s3, which = s3_client(new_lake.home.server), {"Bucket": new_lake.home.bucket, "Key": key}
    content = new_lake.home.read(key)
    described = s3.head_object(**which)["Metadata"]
    try:
        new_lake.home.put(key, content)
        found = lineage_of(new_lake.settings, address(new_lake, key))
        assert found.run.run_id == new_lake.runs[0]
        assert "says nothing of itself" in found.notes[0]
        new_lake.home.put(key, b"forged")
        assert any("NOT what run" in note for note in lineage_of(new_lake.settings, address(new_lake, key)).notes)
    finally:
        s3.put_object(**which, Body=content, Metadata=described)


def test_unpublished_object_is_refused_with_the_reason(new_lake: PublishedLake):
    source = manifest_of(new_lake.home, "emin")["sources"][0]["key"]
    with pytest.raises(ConfigurationError, match="is bronze"):
        lineage_of(new_lake.settings, address(new_lake, source))
    with pytest.raises(ConfigurationError, match="no sample with a report"):
        lineage_of(new_lake.settings, "no such thing")
    if new_lake.is_on_s3:
        with pytest.raises(ConfigurationError, match="there is no object"):
            lineage_of(new_lake.settings, address(new_lake, f"{PRODUCT}/gold/cda/nothing.parquet"))


def test_lineage_command_answers_as_json_and_tree(new_lake: PublishedLake, tribolake):
    report = judged_sample(new_lake, "emin")
    words = ("lineage", report["sampleNumber"], "--client", "emin", *new_lake.flags)
    ended = tribolake(*words, "--json", **new_lake.environment)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["sources"][0]["sha256"] == report["sourceSha256"]
    tree = tribolake(*words, **new_lake.environment)
    assert report["limits_version"] in tree.stdout
    assert report["sourceSha256"] in tree.stdout
    other = tribolake("lineage", report["sampleNumber"], "--client", "cda", *new_lake.flags, **new_lake.environment)
    assert other.returncode == 2
