"""Lakes in a folder and on S3 servers: the same deliveries give the same gold."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.support.als_tables import as_parquet, with_results_times
from tests.support.lake_homes import (
    PRODUCT,
    InBucket,
    InFolder,
    LakeHome,
    everything_published,
    fill,
    gold_of,
    logged,
    manifest_of,
)
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.server import S3Server, client

from tribolake.errors import RunFailed
from tribolake.lake.store import open_store
from tribolake.oil.arrivals import retry_arrivals
from tribolake.oil.product import OIL
from tribolake.oil.status import lake_status
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.usefixtures("parsed_project")
ALS = f"{PRODUCT}/bronze/emin/2026-03-01/"


@pytest.fixture(scope="module")
def sample_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("sample")
    write_sample_lake(lake, finning_units=1, als_units=4, months=10, dirty=False)
    return lake


@pytest.fixture
def on_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., InBucket]:
    """A function that makes a lake in a new bucket of a server."""

    def make(server: S3Server, **options: object) -> InBucket:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        return InBucket(server, new_buckets(server).lake, tmp_path / "disks", options)

    return make


@pytest.fixture(params=["folder", *(pytest.param(name, marks=pytest.mark.slow) for name in ("moto", "rgw"))])
def home(request: pytest.FixtureRequest, tmp_path: Path, on_s3: Callable[..., InBucket]) -> LakeHome:
    """An empty lake in a folder and on each server."""
    if request.param == "folder":
        return InFolder(tmp_path / "lake")
    return on_s3(request.getfixturevalue(request.param))


def als_row(sample_lake: Path, number: str, **columns: str | None) -> bytes:
    """Return a row of the sample ALS table with another sample number, as a Parquet file."""
    (path,) = (sample_lake / PRODUCT / "bronze" / "emin").rglob("*.parquet")
    row = pq.read_table(path).slice(0, 1)
    for name, text in {"sampleNumber": number, **columns}.items():
        row = row.set_column(row.column_names.index(name), name, pa.array([text], pa.string()))
    return as_parquet(row)


def reports_of(home: LakeHome, number: str) -> pa.Table:
    reports = gold_of(home, "emin")["classified_reports"]
    return reports.filter(pc.equal(reports["sampleNumber"], number))


@pytest.mark.slow
def test_deliveries_give_correct_gold_history_and_log(home, sample_lake):
    fill(home, sample_lake)
    first = run(OIL, home.settings())
    assert {name: client.published for name, client in first.clients.items()} == {"cda": True, "emin": True}
    published = home.keys(PRODUCT)
    assert run(OIL, home.settings()).nothing_new
    assert home.keys(PRODUCT) == published

    home.put(f"{ALS}una muestra + ñ.parquet", als_row(sample_lake, "NEW-1"))
    home.put(f"{ALS}cut short.parquet", als_row(sample_lake, "LOST")[:-200])
    second = run(OIL, home.settings("second"))
    assert [failed["file"] for failed in second.failed_files] == [f"{ALS}cut short.parquet"]
    assert second.clients["emin"].rows_loaded == 1
    assert reports_of(home, "NEW-1").num_rows == 1
    assert manifest_of(home, "cda")["run_id"] == first.run_id
    assert manifest_of(home, "emin")["run_id"] == second.run_id

    # The row is withdrawn when its file is written over. The run is on the first machine again.
    home.put(f"{ALS}una muestra + ñ.parquet", als_row(sample_lake, "NEW-2"))
    third = run(OIL, home.settings())
    assert (reports_of(home, "NEW-1").num_rows, reports_of(home, "NEW-2").num_rows) == (0, 1)
    lines = [line for line in logged(home) if (line["run_id"], line["entity"]) == (third.run_id, "samples")]
    assert [(line["client"], line["added"], line["removed"]) for line in lines] == [("emin", 1, 1)]
    day = manifest_of(home, "emin")["published_at"][:10]
    assert home.read(f"{PRODUCT}/gold/emin/_history/{day}/_manifest.json") == home.read(
        f"{PRODUCT}/gold/emin/_manifest.json"
    )
    for run_id in (first.run_id, second.run_id, third.run_id):
        assert home.read(f"{PRODUCT}/lineage/emin/{run_id}.json") is not None


@pytest.mark.slow
def test_bucket_publishes_the_same_rows_as_a_folder(on_s3, moto, sample_lake, tmp_path):
    homes = [InFolder(tmp_path / "lake"), on_s3(moto)]
    for each in homes:
        fill(each, sample_lake)
        run(OIL, each.settings())
    folder, bucket = (everything_published(each) for each in homes)
    assert folder.keys() == bucket.keys()
    for name in folder:
        assert folder[name].equals(bucket[name]), name


@pytest.mark.slow
def test_machine_with_an_empty_disk_continues_the_last_run(on_s3, moto, sample_lake):
    home = on_s3(moto)
    fill(home, sample_lake)
    run(OIL, home.settings("first"))
    home.put(f"{ALS}one.parquet", als_row(sample_lake, "ONE"))
    second = run(OIL, home.settings("second"))
    assert (second.clients["emin"].arrivals, second.clients["cda"].arrivals) == (1, 0)
    home.put(f"{ALS}two.parquet", als_row(sample_lake, "TWO"))
    # The first machine's warehouse is older than the second machine's run.
    third = run(OIL, home.settings("first"))
    assert third.clients["emin"].arrivals == 1
    assert reports_of(home, "ONE").num_rows == reports_of(home, "TWO").num_rows == 1


@pytest.mark.slow
def test_full_refresh_without_its_archived_files_is_refused(on_s3, moto, sample_lake):
    home = on_s3(moto)
    fill(home, sample_lake)
    run(OIL, home.settings())
    before = everything_published(home)
    bronze = {"Bucket": home.bucket, "Key": home.keys(f"{PRODUCT}/bronze/cda/")[0]}
    client(moto).put_object(**bronze, Body=home.read(bronze["Key"]), StorageClass="GLACIER")
    with pytest.raises(RunFailed, match=r"1 of \d+ files are archived, such as .*Restore them"):
        run(OIL, home.settings(), full_refresh=True)
    assert everything_published(home) == before
    client(moto).restore_object(**bronze, RestoreRequest={"Days": 1})
    assert run(OIL, home.settings(), full_refresh=True).failed_files == []


@pytest.mark.slow
def test_reading_machine_sees_status_and_can_request_a_retry(on_s3, moto, sample_lake):
    home = on_s3(moto)
    fill(home, sample_lake)
    broken = f"{ALS}cut short.parquet"
    home.put(broken, als_row(sample_lake, "LOST")[:-200])
    run(OIL, home.settings("works"))
    status = lake_status(home.settings("looks"), None)
    assert [failed["file"] for failed in status.failed_files] == [broken]
    assert sum(row["reports"] for row in status.reports) == sum(
        gold_of(home, name)["classified_reports"].num_rows for name in ("cda", "emin")
    )
    assert run(OIL, home.settings("works")).nothing_new
    retry_arrivals(home.settings("looks"), [broken], None)
    again = run(OIL, home.settings("works"))
    assert [failed["file"] for failed in again.failed_files] == [broken]
    assert status.calls == {}
    assert sum(lake_status(home.settings("works"), None).calls.values()) == sum(again.calls.values())


@pytest.mark.slow
def test_run_without_new_files_makes_three_calls(on_s3, moto, sample_lake):
    """Calls for one new file do not grow with the history either."""
    home = on_s3(moto)
    fill(home, sample_lake)
    run(OIL, home.settings())
    calls = open_store(home.settings()).calls

    def calls_of_a_run(name: str | None = None) -> Counter[str]:
        if name:
            home.put(f"{ALS}{name}.parquet", als_row(sample_lake, name.upper()))
        before = calls.copy()
        run(OIL, home.settings())
        return calls - before

    assert calls_of_a_run().total() == 3
    # The third publication removes the first. From then on costs are alike, except when limits are recalculated.
    costs = [calls_of_a_run(f"file-{number}") for number in range(7)]
    assert max(cost["ListObjectsV2"] for cost in costs[4:]) <= max(cost["ListObjectsV2"] for cost in costs[2:4])
    assert min(cost.total() for cost in costs[4:]) <= min(cost.total() for cost in costs[2:4])
    assert calls_of_a_run().total() == 3


@pytest.mark.slow
def test_dual_mode_bucket_catches_up_after_an_outage(on_s3, moto, sample_lake, tmp_path):
    bucket, folder = on_s3(moto), InFolder(tmp_path / "lake")
    fill(folder, sample_lake)
    settings = load_settings(lake=folder.folder, storage_mode="dual", s3_bucket=bucket.bucket)
    run(OIL, settings)
    assert everything_published(folder).keys() == everything_published(bucket).keys()
    assert bucket.keys(f"{PRODUCT}/bronze") == folder.keys(f"{PRODUCT}/bronze")
    # The bucket is unreachable for one run: the folder is still published.
    away = load_settings(
        lake=folder.folder,
        storage_mode="dual",
        s3_bucket=bucket.bucket,
        s3_endpoint="http://127.0.0.1:9",
        s3_attempts=2,
    )
    folder.put(f"{ALS}one.parquet", als_row(sample_lake, "ONE"))
    report = run(OIL, away)
    assert report.needs_a_look
    run(OIL, settings)
    assert reports_of(bucket, "ONE").num_rows == reports_of(folder, "ONE").num_rows == 1
    for name, rows in everything_published(folder).items():
        assert rows.equals(everything_published(bucket)[name]), name
    assert bucket.read("logs/changes.jsonl") == folder.read("logs/changes.jsonl")


@pytest.mark.slow
def test_s3_primary_mode_shows_the_same_gold_in_the_folder(on_s3, moto, sample_lake, tmp_path):
    bucket, folder = on_s3(moto), InFolder(tmp_path / "cache")
    for each in (bucket, folder):
        fill(each, sample_lake)
    run(OIL, folder.settings())
    history = folder.keys(f"{PRODUCT}/gold/cda/_history")
    # The folder was the lake until now.
    run(OIL, load_settings(lake=folder.folder, storage_mode="s3-primary", s3_bucket=bucket.bucket))
    assert set(history) <= set(folder.keys(f"{PRODUCT}/gold/cda/_history"))
    runs = [line["run_id"] for line in logged(bucket) if line["entity"] == "samples" and line["added"]]
    assert (len(runs), len(set(runs))) == (4, 2)
    assert logged(folder) == logged(bucket)
    for name, rows in everything_published(InFolder(tmp_path / "cache")).items():
        assert rows.equals(everything_published(bucket)[name]), name


@pytest.mark.slow
def test_published_object_names_its_run_and_its_sources(on_s3, moto, sample_lake):
    home = on_s3(moto)
    fill(home, sample_lake)
    report = run(OIL, home.settings())
    s3, key = client(moto), f"{PRODUCT}/gold/emin/classified_reports.parquet"
    head = s3.head_object(Bucket=home.bucket, Key=key)
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=home.bucket, Key=key)["TagSet"]}
    (source,) = manifest_of(home, "emin")["sources"]
    bronze = s3.head_object(Bucket=home.bucket, Key=source["key"], VersionId=source["version_id"])
    assert bronze["ContentLength"] == source["bytes"]
    assert head["Metadata"]["sources"] == f"{source['key']}@{source['version_id']}"
    assert tags["run-id"] == head["Metadata"]["run-id"] == report.run_id
    assert tags["computation"] == f"classified_reports/default@{manifest_of(home, 'emin')['code']}"
    assert {"schema-version", "computed-at", "classification", "sha256", "sources"} <= tags.keys()
    assert home.read(tags["sources"].removeprefix("manifest:")) == home.read(f"{PRODUCT}/gold/emin/_manifest.json")
    named = (home.read(f"{PRODUCT}/gold/emin/athena/classified_reports/symlink.txt") or b"").decode()
    folder = manifest_of(home, "emin")["folder"]
    assert named == f"s3://{home.bucket}/{PRODUCT}/gold/emin/{folder}/classified_reports.parquet\n"


@pytest.mark.slow
def test_lake_moved_through_all_storage_modes_loses_nothing(on_s3, moto, sample_lake, tmp_path):
    bucket, folder, still = on_s3(moto), InFolder(tmp_path / "lake"), InFolder(tmp_path / "still")
    twice = pq.read_table(pa.BufferReader(als_row(sample_lake, "TWICE")))
    # The later one has the first key, so a copy in the order of the keys turns their times around.
    corrected = {"z first.parquet": (twice, 2), "a later.parquet": (with_results_times(twice, 2), 1)}
    for each in (folder, still):
        fill(each, sample_lake)
        for name, (rows, days_ago) in corrected.items():
            each.put(f"{ALS}{name}", as_parquet(rows))
            at = time.time() - days_ago * 86_400
            os.utime(each.folder / f"{ALS}{name}", (at, at))

    def in_phase(mode: str) -> Settings:
        return load_settings(lake=folder.folder, storage_mode=mode, s3_bucket=bucket.bucket)

    phases = [("local", in_phase("local"), folder), ("dual", in_phase("dual"), folder)]
    phases += [("s3-primary", in_phase("s3-primary"), bucket), ("s3", bucket.settings("elsewhere"), bucket)]
    for name, settings, home in phases:
        for each in (home, still):
            each.put(f"{ALS}{name}.parquet", als_row(sample_lake, name.upper()))
        assert not run(OIL, settings).needs_a_look
        run(OIL, still.settings())
        if name == "local":
            # A full refresh copies the files that are older than the bucket.
            run(OIL, in_phase("dual"), full_refresh=True)
    # The full refresh calculated all limits once more than the lake that did not move.
    for settings in (phases[-1][1], still.settings()):
        run(OIL, settings, recalculate_limits=True)
    clean = everything_published(still)
    for table, rows in everything_published(bucket).items():
        assert rows.equals(clean[table]), table
    assert [line["run_id"] for line in logged(folder)][:4] == [line["run_id"] for line in logged(bucket)][:4]
