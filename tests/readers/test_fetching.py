"""A reader fetches an object by a presigned address of one version. If it cannot, the object is streamed to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.readers.test_read_by_duckdb import table
from tests.support.lab_files import layout, workbook
from tests.support.lake_homes import PRODUCT, InBucket, fill
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.faults import FaultyServer
from tests.support.servers.plan import Fault
from tests.support.servers.server import client

from tribolake.lake import open_lake
from tribolake.lake.bucket import ObjectContent
from tribolake.lake.content import FileContent, ObjectAddress
from tribolake.oil.synth import write_sample_lake
from tribolake.readers import confined
from tribolake.readers.confined import ReadingTask, read_files
from tribolake.readers.fetching import fetched
from tribolake.readers.reading import Reading, ReadingLimits

LIMITS = ReadingLimits(max_file_mb=1, max_inflated_mb=64, memory_mb=1536, processor_seconds=30)
BOTH = layout(("OIL", "Sample"), ("*", "Sample"))
BRONZE = f"{PRODUCT}/bronze/cda/2026-01-05/"
PARQUET = table(Fe=pa.array([7.5]))
FILES = {"ñ +*[1].parquet": PARQUET, "b.csv": b"Sample;Fe\nB1;8\n", "c.CSV": b'\n"Sample";Fe\nC1;9\n'}


@pytest.fixture
def bucket(proxy: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InBucket:
    """A lake in a versioned bucket behind the proxy, on each of the servers in turn."""
    for name, value in proxy.server.environment.items():
        monkeypatch.setenv(name, value)
    # Answers in the logs of the reader, which has none of its own, would be seen here.
    monkeypatch.setattr(confined.subprocess, "DEVNULL", None)
    options = {"s3_timeout_seconds": 2, "s3_attempts": 2}
    return InBucket(proxy.server, new_buckets(proxy.server).lake, tmp_path / "disks", options)


def deliver(bucket: InBucket, name: str, content: bytes) -> str:
    """Returns the version."""
    key = f"{BRONZE}{name}"
    return str(client(bucket.server).put_object(Bucket=bucket.bucket, Key=key, Body=content).get("VersionId"))


def contents_of(bucket: InBucket) -> list[ObjectContent]:
    lake = open_lake(bucket.settings())
    contents = [lake.content(file) for file in lake.list_bronze(whole=True)]
    assert all(isinstance(content, ObjectContent) for content in contents)
    return contents


def readings_of(contents: list, folder: Path) -> list[Reading]:
    folder.mkdir()
    return list(read_files([ReadingTask(content, f"{folder}/staged.", BOTH) for content in contents], LIMITS))


def staged(folder: Path, reading: Reading) -> list[dict]:
    return pq.read_table(folder / f"staged.{reading.sha256}.parquet").to_pylist()


def test_fetched_object_gives_the_rows_of_a_file(bucket, proxy, tmp_path, capfd):
    versions = {name: deliver(bucket, name, content) for name, content in FILES.items()}
    listed = contents_of(bucket)
    proxy.forget()
    calls_before = listed[0].store.calls.copy()
    fetched_ones = readings_of(listed, tmp_path / "bucket")
    # One HEAD and one download of each object.
    assert proxy.calls == {"HeadObject": len(FILES), "GetObject": len(FILES)}
    assert listed[0].store.calls - calls_before == proxy.calls
    downloads = [one for one in proxy.passed if one.request.operation == "GetObject"]
    assert all("X-Amz-Signature" in one.request.query and one.status == 200 for one in downloads)
    for number, (content, reading) in enumerate(zip(listed, fetched_ones, strict=True)):
        name = content.key.removeprefix(BRONZE)
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(FILES[name])
        (of_file,) = readings_of([FileContent(str(path))], tmp_path / f"folder-{number}")
        assert (reading.sha256, reading.version_id) == (hashlib.sha256(FILES[name]).hexdigest(), versions[name])
        assert staged(tmp_path / "bucket", reading) == staged(tmp_path / f"folder-{number}", of_file)
    assert "X-Amz" not in "".join(capfd.readouterr())


def test_workbook_is_passed_to_a_reader_without_an_address(bucket, proxy, tmp_path):
    deliver(bucket, "a.xlsx", workbook([["Sample"], ["A1"]]))
    (content,) = contents_of(bucket)
    proxy.forget()
    (reading,) = readings_of([content], tmp_path / "bucket")
    assert (reading.rows, reading.problem) == (1, None)
    assert content.address(2**20) is None
    assert proxy.calls == {"GetObject": 1}


@dataclass(frozen=True)
class Overwritten:
    """An object that is overwritten as soon as its address is known."""

    content: ObjectContent
    overwrite: Callable[[], object] = field(compare=False)

    def size_bytes(self) -> int:
        return self.content.size_bytes()

    def address(self, max_bytes: int) -> ObjectAddress | None:
        address = self.content.address(max_bytes)
        self.overwrite()
        return address

    def open(self, max_bytes: int):
        return self.content.open(max_bytes)


def test_object_overwritten_before_download_gives_listed_version(bucket, tmp_path):
    first = deliver(bucket, "a.csv", b"Sample;Fe\nA1;7\n")
    (content,) = contents_of(bucket)
    overwritten = Overwritten(content, lambda: deliver(bucket, "a.csv", b"Sample;Fe\nA1;8\nA2;9\n"))
    (reading,) = readings_of([overwritten], tmp_path / "bucket")
    assert (reading.version_id, reading.rows) == (first, 1)
    assert staged(tmp_path / "bucket", reading)[0]["cells"] == [("Sample", "A1"), ("Fe", "7")]


def test_object_overwritten_after_listing_gives_new_version(bucket, tmp_path):
    deliver(bucket, "a.csv", b"Sample;Fe\nA1;7\n")
    (content,) = contents_of(bucket)
    second = deliver(bucket, "a.csv", b"Sample;Fe\nA1;8\nA2;9\n")
    assert content.address(2**20) is None
    (reading,) = readings_of([content], tmp_path / "bucket")
    assert (reading.version_id, reading.rows) == (second, 2)


def test_bucket_without_versions_gives_no_address(bucket, tmp_path):
    buckets = new_buckets(bucket.server)
    unversioned = InBucket(bucket.server, buckets.leases, tmp_path / "other", bucket.options)
    deliver(unversioned, "a.csv", b"Sample;Fe\nA1;7\n")
    (content,) = contents_of(unversioned)
    assert content.address(2**20) is None
    (reading,) = readings_of([content], tmp_path / "bucket")
    assert (reading.version_id, reading.rows) == (None, 1)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.SLOW_DOWN,
        Fault.INTERNAL_ERROR,
        Fault.RESET,
        Fault.TRUNCATE,
        Fault.CORRUPT,
        pytest.param(Fault.LATE_REPLY, marks=pytest.mark.slow),
    ],
)
def test_object_that_cannot_be_fetched_is_streamed(bucket, proxy, tmp_path, fault, capfd):
    version = deliver(bucket, "a.parquet", PARQUET)
    deliver(bucket, "b.csv", FILES["b.csv"])
    contents = contents_of(bucket)
    proxy.plan.inject(fault, operation="GetObject", when=lambda request: "X-Amz-Signature" in request.query, seconds=4)
    readings = readings_of(contents, tmp_path / "bucket")
    assert [(reading.rows, reading.problem) for reading in readings] == [(1, None), (1, None)]
    assert (readings[0].version_id, readings[0].sha256) == (version, hashlib.sha256(PARQUET).hexdigest())
    assert [each.fault for each in proxy.injured] == [fault]
    assert "X-Amz" not in "".join(capfd.readouterr()) + repr(readings)


def test_refused_download_shows_no_address(bucket, proxy, tmp_path, capfd):
    deliver(bucket, "a.parquet", PARQUET)
    (content,) = contents_of(bucket)
    address = content.address(2**20)
    assert address is not None
    proxy.plan.inject(Fault.INTERNAL_ERROR, operation="GetObject", times=None)
    with pytest.raises(OSError, match="did not give it") as error:
        fetched(vars(address))
    (reading,) = readings_of([content], tmp_path / "bucket")
    assert reading.is_transient
    shown = [repr(address), repr(error.value), str(reading), repr(error.value.__cause__), "".join(capfd.readouterr())]
    assert error.value.__suppress_context__
    assert not [text for text in shown if "X-Amz" in text or proxy.server.endpoint + "/" in text]


def test_changed_address_is_refused(bucket, tmp_path):
    deliver(bucket, "a.parquet", PARQUET)
    deliver(bucket, "b.parquet", table(Fe=pa.array([8.5])))
    content, _ = contents_of(bucket)
    address = content.address(2**20)
    assert fetched(vars(address)) == PARQUET
    for url in (address.url.replace("/a.parquet", "/b.parquet"), address.url.partition("?")[0]):
        if bucket.server.name != "moto":  # which checks no signature
            with pytest.raises(OSError, match="did not give it"):
                fetched(vars(address) | {"url": url})
    for wrong in ({"size_bytes": 1}, {"md5": "0" * 32}, {"sha256": "0" * 64}):
        with pytest.raises(OSError):
            fetched(vars(address) | wrong)


def test_object_that_is_too_large_or_gone_is_not_fetched(bucket, proxy, tmp_path):
    deliver(bucket, "a.csv", b"Sample;Fe\n" + b"A1;7\n" * 300_000)
    deliver(bucket, "b.csv", b"Sample;Fe\nA1;7\n")
    contents = contents_of(bucket)
    client(bucket.server).delete_object(Bucket=bucket.bucket, Key=f"{BRONZE}b.csv")
    proxy.forget()
    large, gone = readings_of(contents, tmp_path / "bucket")
    assert "more than 1 MB" in large.problem
    assert gone.is_transient
    assert "GetObject" not in proxy.calls


@pytest.mark.slow
def test_no_output_of_a_run_has_an_address(bucket, proxy, tmp_path, tribolake):
    """Some objects cannot be fetched, one cannot be read at all, and one is not a table."""
    write_sample_lake(tmp_path / "sample", finning_units=1, als_units=2, months=3, dirty=False)
    fill(bucket, tmp_path / "sample")
    emin = f"{PRODUCT}/bronze/emin/2026-03-01/"
    bucket.put(f"{emin}unreachable.parquet", PARQUET)
    bucket.put(f"{emin}broken.parquet", b"PAR1 broken")
    bucket.put(f"{emin}odd.csv", b"a;b\n1;2\n")
    proxy.plan.inject(
        Fault.INTERNAL_ERROR, operation="GetObject", when=lambda one: "unreachable" in one.key, times=None
    )
    proxy.plan.inject(
        Fault.TRUNCATE,
        operation="GetObject",
        when=lambda one: "broken" in one.key and "X-Amz-Signature" in one.query,
    )
    settings = bucket.settings()
    environment = proxy.server.environment | {
        "TRIBOLAKE_LAKE": f"s3://{bucket.bucket}",
        "TRIBOLAKE_STATE_DIR": str(settings.state_dir),
        "TRIBOLAKE_S3_ENDPOINT": proxy.server.endpoint,
        "TRIBOLAKE_S3_ATTEMPTS": "2",
    }
    outputs = []
    for command in (["run", "--json"], ["run"], ["status", "--json"], ["rejected", "list"]):
        ended = tribolake(*command, **environment)
        outputs += [ended.stdout, ended.stderr]
    assert "unreachable.parquet" in outputs[0], outputs[:2]
    assert any("X-Amz-Signature" in one.request.query for one in proxy.passed)
    proxy.plan.calm()
    outputs += [path.read_bytes().decode(errors="replace") for path in settings.state.rglob("*") if path.is_file()]
    outputs += [(bucket.read(key) or b"").decode(errors="replace") for key in bucket.keys("")]
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        tables = warehouse.execute("select format('{}.{}', schema_name, table_name) from duckdb_tables()").fetchall()
        outputs += [str(warehouse.execute(f"from {name}").fetchall()) for (name,) in tables]
    assert not [output[:200] for output in outputs if "X-Amz" in output or "Signature=" in output]
