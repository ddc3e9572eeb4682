"""An object that other content of the same size replaces within one second is read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from tests.support.lab_files import finning
from tests.support.lake_homes import InBucket
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.server import S3Server, client, server_at
from tribolake.oil.product import OIL
from tribolake.run.pipeline import run

KEY = "oil-analysis/bronze/cda/2026-02-01/T-09.xlsx"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """A moto server in this process, so that a test can hold its clock."""
    threaded = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    threaded.start()
    _, port = threaded.get_host_and_port()
    found = server_at(f"http://127.0.0.1:{port}", name="moto")
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    yield found
    threaded.stop()


@pytest.mark.slow
@pytest.mark.usefixtures("parsed_project")
def test_overwritten_object_of_equal_size_and_second_is_read(server: S3Server, tmp_path: Path):
    home = InBucket(server, new_buckets(server).lake, tmp_path)
    made = {iron: finning({"Fe": iron}) for iron in range(20, 90)}
    other = next(iron for iron in made if iron != 20 and len(made[iron]) == len(made[20]))
    s3 = client(server)

    def deliver(iron: int) -> tuple[object, object]:
        """Put a workbook in the second of the first one. Returns what a listing says of it."""
        s3.put_object(Bucket=home.bucket, Key=KEY, Body=made[iron])
        stored = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_bucket(home.bucket).keys[KEY]
        stored.last_modified = stored.last_modified.replace(year=2026, month=2, day=1, hour=8, minute=0, second=0)
        (listed,) = s3.list_objects_v2(Bucket=home.bucket, Prefix=KEY)["Contents"]
        return listed["Size"], listed["LastModified"]

    first = deliver(20)
    assert "1 new files" in run(OIL, home.settings()).reasons
    assert run(OIL, home.settings()).nothing_new
    assert deliver(other) == first, "the listing tells the versions apart by more than the ETag"
    assert "1 new files" in run(OIL, home.settings()).reasons
    assert run(OIL, home.settings()).nothing_new
    with duckdb.connect(home.settings().warehouse, read_only=True) as warehouse:
        found = warehouse.execute("select value from silver.results where essay ilike 'hierro'").fetchall()
    assert found == [(other,)]
