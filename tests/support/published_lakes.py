"""A lake that three runs have published, in a folder and in a bucket.

1. The sample files of both laboratories.
2. One more EMIN sample with outlying iron. Its group's limits are kept.
3. A correction that overwrites that sample's file. Only a versioned bucket still has the file of run 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.support.als_tables import as_parquet
from tests.support.lake_homes import PRODUCT, InBucket, InFolder, LakeHome, fill, manifest_of
from tests.support.made_once import made_once
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.server import S3Server

from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import Settings

ONE_MORE = "ONE-MORE"
ONE_MORE_KEY = f"{PRODUCT}/bronze/emin/2026-03-01/one more.parquet"
# Tests of `lake/` use both servers. What builds on them behaves alike on both.
HOMES = [
    "folder",
    pytest.param("moto", marks=pytest.mark.slow),
    pytest.param("rgw", marks=[pytest.mark.slow, pytest.mark.thorough]),
]
LONG_AGO, EARLIER = "2025-06-30", "2026-01-31"


@dataclass(frozen=True)
class PublishedLake:
    """The lake and its runs in order."""

    home: LakeHome
    runs: tuple[str, ...]

    @property
    def settings(self) -> Settings:
        return self.home.settings()

    @property
    def is_on_s3(self) -> bool:
        return isinstance(self.home, InBucket)

    @property
    def flags(self) -> tuple[str, str]:
        """Command-line flags that name the lake."""
        return "--lake", f"s3://{self.home.bucket}" if isinstance(self.home, InBucket) else str(self.settings.lake)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for commands on the lake."""
        return {"TRIBOLAKE_STATE_DIR": str(self.settings.state)}

    def manifest(self, client: str, run_id: str) -> dict:
        return json.loads(self.home.read(f"{PRODUCT}/lineage/{client}/{run_id}.json") or b"")


@pytest.fixture(scope="module", params=HOMES)
def published_lake(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, parsed_project: None
) -> Iterator[PublishedLake]:
    """The lake after the three runs."""
    with lake_after_first_run(request, tmp_path_factory) as home:
        runs = [manifest_of(home, "emin")["run_id"]]
        (first,) = [home.read(key) for key in home.keys(f"{PRODUCT}/bronze/emin")]
        for iron in ("9000", "8000"):
            home.put(ONE_MORE_KEY, one_more_sample(first or b"", iron))
            runs.append(run(OIL, home.settings()).run_id)
        yield PublishedLake(home, tuple(runs))


@pytest.fixture(scope="module", params=HOMES)
def new_lake(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, parsed_project: None
) -> Iterator[PublishedLake]:
    """The lake after the first run."""
    with lake_after_first_run(request, tmp_path_factory) as home:
        yield PublishedLake(home, (manifest_of(home, "emin")["run_id"],))


@contextmanager
def lake_after_first_run(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> Iterator[LakeHome]:
    """Make the lake in a folder or on the server that is a fixture's parameter, and run once."""
    if request.param == "folder":
        made = made_once(folders, "first-run", lambda folder: first_run(InFolder(folder), folders.mktemp("sample")))
        yield InFolder(made)
        return
    with home_of(request, folders.mktemp("lake")) as home:
        first_run(home, folders.mktemp("sample"))
        yield home


def first_run(home: LakeHome, sample_lake: Path) -> str:
    write_sample_lake(sample_lake, finning_units=1, als_units=7, months=14, dirty=False)
    fill(home, sample_lake)
    return run(OIL, home.settings()).run_id


@contextmanager
def home_of(request: pytest.FixtureRequest, folder: Path) -> Iterator[LakeHome]:
    """Make an empty lake in the folder or on the server that is a fixture's parameter."""
    if request.param == "folder":
        yield InFolder(folder / "lake")
        return
    server: S3Server = request.getfixturevalue(request.param)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield InBucket(server, new_buckets(server).lake, folder / "disks")


def one_more_sample(samples: bytes, iron: str) -> bytes:
    """Return the first of EMIN's samples with another number and another iron result, as a Parquet file."""
    rows = pq.read_table(pa.BufferReader(samples)).slice(0, 1)
    rows = rows.set_column(rows.column_names.index("sampleNumber"), "sampleNumber", pa.array([ONE_MORE]))
    for name in [name for name in rows.column_names if name.endswith("_test_translation_name")]:
        value = name.replace("test_translation_name", "resultValue")
        is_iron = pc.fill_null(pc.equal(rows[name], "Hierro"), False)
        changed = pc.if_else(is_iron, iron, rows[value].cast(pa.string()))
        rows = rows.set_column(rows.column_names.index(value), value, changed)
    return as_parquet(rows)


def remember_day(lake: PublishedLake, client: str, day: str, *, archived: bool) -> None:
    """Store a client's current gold as the snapshot of an earlier day too."""
    gold = f"{PRODUCT}/gold/{client}"
    manifest = json.loads(lake.home.read(f"{gold}/_manifest.json") or b"")
    folder = f"{PRODUCT}/archive/gold/{client}/{day}" if archived else f"{gold}/_history/{day}"
    for file in manifest["files"]:
        lake.home.put(f"{folder}/{file['name']}", lake.home.read(f"{gold}/{file['name']}") or b"")
    manifest |= {"published_at": f"{day}T12:00:00+00:00", "run_id": f"{day}-run"}
    lake.home.put(f"{folder}/_manifest.json", json.dumps(manifest).encode())
