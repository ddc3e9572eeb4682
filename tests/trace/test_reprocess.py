"""Reprocessing computes a run's gold again from the bronze versions in its manifest, with the same result."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.support.lake_homes import PRODUCT, InFolder, LakeHome, manifest_of
from tests.support.published_lakes import ONE_MORE_KEY, PublishedLake

from tribolake.errors import ConfigurationError
from tribolake.lake.files import sha256_of
from tribolake.oil.product import OIL
from tribolake.oil.reprocess import reprocess, reprocess_current
from tribolake.run.pipeline import run
from tribolake.trace.bronze_copy import BronzeGone
from tribolake.trace.file_comparison import compare

pytestmark = pytest.mark.slow


def everything(home: LakeHome) -> dict[str, bytes | None]:
    """Read the product's published files and its bronze."""
    return {key: home.read(key) for key in home.keys(PRODUCT) if "/_state/" not in key}


def test_reprocess_of_the_last_run_is_identical(published_lake, tmp_path: Path):
    if published_lake.is_on_s3:
        pytest.skip("another test reprocesses an earlier run on S3")
    before = everything(published_lake.home)
    done = reprocess(published_lake.settings, published_lake.runs[2], clients=["emin"], into=tmp_path / "again")
    assert done.is_identical, done
    assert everything(published_lake.home) == before
    (emin,) = done.clients
    # The new sample's iron is an outlier: limits calculated from this bronze are different.
    assert emin.basis == "given"
    assert {file.name: file.outcome for file in emin.files} == {
        "classified_reports.parquet": "identical",
        "component_status.parquet": "identical",
        "results.parquet": "identical",
        "machine_status_current.parquet": "identical",
        "stewart_limits.parquet": "given",
        "_harmonized.parquet": "identical",
    }
    assert "limits of earlier runs" in emin.notes[-1]


def test_reprocess_of_current_gold_tells_what_differs(published_lake: PublishedLake, tribolake, tmp_path: Path):
    if published_lake.is_on_s3:
        pytest.skip("a bucket makes no difference here")
    shutil.copytree(published_lake.settings.lake, tmp_path / "lake", symlinks=True)
    settings = InFolder(tmp_path / "lake").settings()
    results = reprocess_current(settings)
    # The last runs changed emin only: each client is compared with the run that published it.
    compared = {client.client: done.run_id for done in results for client in done.clients}
    assert compared == {"cda": published_lake.runs[0], "emin": published_lake.runs[2]}
    assert all(done.is_identical for done in results)
    assert list((settings.state / "reprocessed").iterdir()) == []
    # A publication of other rows, as by a defect of that day's release.
    manifest = (tmp_path / "lake" / PRODUCT / "gold" / "cda" / "_manifest.json").resolve()
    said = json.loads(manifest.read_text(encoding="utf-8"))
    (reports,) = (file for file in said["files"] if file["name"] == "classified_reports.parquet")
    path = manifest.with_name(reports["name"])
    rows = pq.read_table(path).slice(1)
    path.unlink()  # it may have other names
    pq.write_table(rows, path)
    reports |= {"sha256": sha256_of(path), "bytes": path.stat().st_size, "rows": len(rows)}
    manifest.unlink()
    manifest.write_text(json.dumps(said), encoding="utf-8")
    ended = tribolake(
        "reprocess", "--current", "--quiet", "--json", "--client", "cda", "--lake", str(tmp_path / "lake")
    )
    assert ended.returncode == 4, ended.stderr
    (again,) = json.loads(ended.stdout)["runs"]
    assert not again["is_identical"]
    assert Path(again["lake"]).is_dir(), "what differs is kept"
    refused = tribolake("reprocess", "--lake", str(tmp_path / "lake"))
    assert (refused.returncode, "--current" in refused.stderr) == (2, True)


def test_reprocess_uses_kept_limits_with_equal_thresholds(published_lake: PublishedLake, tmp_path: Path):
    """Limits of one version have equal thresholds. Their percentiles and counts can differ."""
    if published_lake.is_on_s3:
        pytest.skip("a bucket makes no difference here")
    shutil.copytree(published_lake.settings.lake, tmp_path / "lake", symlinks=True)
    home = InFolder(tmp_path / "lake")
    run(OIL, home.settings(), recalculate_limits=True)
    rows = pq.read_table(tmp_path / "lake" / ONE_MORE_KEY)
    changed = [
        pc.if_else(pc.equal(rows[name].cast(pa.string()), "8000"), "7000", rows[name].cast(pa.string()))
        if name.endswith("_resultValue")
        else rows[name]
        for name in rows.column_names
    ]
    pq.write_table(pa.table(changed, names=rows.column_names), tmp_path / "lake" / ONE_MORE_KEY)
    last = run(OIL, home.settings()).run_id
    done = reprocess(home.settings(), last, clients=["emin"], into=tmp_path / "again")
    (emin,) = done.clients
    assert (done.is_identical, emin.basis) == (True, "given"), done
    assert emin.files[0].outcome == "identical"


def test_reprocess_of_overwritten_bronze_needs_its_version(published_lake: PublishedLake, tribolake, tmp_path: Path):
    """A versioned bucket still has the overwritten file. In a folder it is reported as gone."""
    words = ("reprocess", "--as-of", published_lake.runs[1], "--client", "emin", "--into", str(tmp_path / "again"))
    before = everything(published_lake.home)
    ended = tribolake(*words, *published_lake.flags, "--json", **published_lake.environment)
    assert everything(published_lake.home) == before
    if published_lake.is_on_s3:
        assert ended.returncode == 0, ended.stderr
        done = json.loads(ended.stdout)
        assert done["is_identical"]
        assert done["clients"]["emin"]["limits"] == "given"
        assert done["clients"]["emin"]["files"][0]["outcome"] == "identical"
        irons = pq.read_table(tmp_path / "again" / PRODUCT / "gold" / "emin" / "classified_reports.parquet")["Hierro"]
        assert 9000 in irons.to_pylist()
    else:
        assert ended.returncode == 1
        assert ONE_MORE_KEY in ended.stderr
        with pytest.raises(BronzeGone, match="1 of 2 bronze contents"):
            reprocess(published_lake.settings, published_lake.runs[1], clients=["emin"])


def test_reprocess_of_a_run_without_files_uses_its_manifest(published_lake: PublishedLake, tmp_path: Path):
    if published_lake.is_on_s3:
        pytest.skip("manifests are the same on S3")
    done = reprocess(published_lake.settings, published_lake.runs[0], into=tmp_path / "again")
    assert done.is_identical, done
    assert {client.client: client.basis for client in done.clients} == {"cda": "calculated", "emin": "calculated"}
    assert {file.outcome for client in done.clients for file in client.files} == {"identical"}


def test_reprocess_refuses_an_unknown_run_or_a_full_folder(published_lake: PublishedLake, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="no manifest of run"):
        reprocess(published_lake.settings, "20200101T000000000000Z-0000")
    with pytest.raises(ConfigurationError, match="cannot be a run"):
        reprocess(published_lake.settings, "../gold")
    (tmp_path / "something").touch()
    with pytest.raises(ConfigurationError, match="is not empty"):
        reprocess(published_lake.settings, published_lake.runs[0], into=tmp_path)


def test_reprocess_refuses_a_manifest_with_keys_outside_bronze(published_lake: PublishedLake, tmp_path: Path):
    manifest = manifest_of(published_lake.home, "cda")
    manifest["sources"][0]["key"] = f"{PRODUCT}/bronze/../../etc/passwd"
    key = f"{PRODUCT}/lineage/cda/forged.json"
    published_lake.home.put(key, json.dumps(manifest | {"run_id": "forged"}).encode())
    with pytest.raises(ConfigurationError, match="not in oil-analysis/bronze"):
        reprocess(published_lake.settings, "forged", clients=["cda"], into=tmp_path / "again")


def test_comparison_counts_rows_and_columns(tmp_path: Path):
    then, now = tmp_path / "then.parquet", tmp_path / "now.parquet"
    pq.write_table(pa.table({"id": [1, 2, 3], "a": [1, None, 3], "b": ["x", "y", "z"]}), then)
    pq.write_table(pa.table({"id": [2, 3, 4], "a": [2, 3, 4], "b": ["y", "z", "w"], "c": [0, 0, 0]}), now)
    about = [{"name": "t.parquet", "sha256": str(number), "rows": 3} for number in range(2)]
    found = compare(about[0], about[1], ["id"], (then, now))
    assert (found.outcome, found.rows_missing, found.rows_added, found.rows_changed) == ("differs", 1, 1, 1)
    assert found.columns == {"a": 1, "c": -1}
    assert compare(about[0], about[1], ["id"], None).outcome == "not kept"
    assert compare(about[0], about[0], ["id"], None).outcome == "identical"
    assert compare(about[0], about[1], ["id"], (then, then)).outcome == "same rows"
