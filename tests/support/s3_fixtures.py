"""Fixtures of real S3 servers: moto, and a Ceph RADOS gateway if its packages are installed."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

import pytest
from tests.support.servers.apt import MAY_INSTALL, ProgramsMissing
from tests.support.servers.faults import FaultyServer, faulty_server
from tests.support.servers.moto import moto_server
from tests.support.servers.rgw import rgw_server
from tests.support.servers.server import S3Server, client

NewBuckets = Callable[[S3Server], "Buckets"]
NewProxy = Callable[[S3Server], FaultyServer]


@dataclass(frozen=True)
class Buckets:
    """A lake's two buckets: a versioned one for its files, and one without versions for conditional writes.

    Ceph 16 ignores `If-None-Match` on a versioned bucket.
    """

    lake: str
    leases: str


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """A moto server for the whole session."""
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def rgw() -> Iterator[S3Server]:
    """A Ceph RADOS gateway for the whole session. Its lifecycle day lasts two seconds."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(rgw_server())
        except ProgramsMissing as missing:
            skip_or_fail(missing)
        yield server


@pytest.fixture
def quiet_rgw() -> Iterator[S3Server]:
    """A gateway for one test. A shared gateway would be slow with the lifecycle rules of other tests' buckets."""
    try:
        with rgw_server() as server:
            yield server
    except ProgramsMissing as missing:
        skip_or_fail(missing)


def skip_or_fail(missing: ProgramsMissing) -> NoReturn:
    """Skip a test. If tests may install programs, it fails instead: nothing is left out unseen there."""
    if os.environ.get(MAY_INSTALL) == "1":
        pytest.fail(str(missing))
    pytest.skip(str(missing))


@pytest.fixture(params=["moto", pytest.param("rgw", marks=pytest.mark.slow)])
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """Each of the servers in turn."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def faulty() -> Iterator[NewProxy]:
    """A function that puts a fault-injecting proxy before a server during the test."""
    with contextlib.ExitStack() as stack:
        yield lambda server: stack.enter_context(faulty_server(server))


@pytest.fixture
def proxy(s3_server: S3Server, faulty: NewProxy) -> FaultyServer:
    """A fault-injecting proxy before each of the servers in turn."""
    return faulty(s3_server)


@pytest.fixture
def bucket() -> NewBuckets:
    """A function that makes two new buckets on a server. They are not removed: the server is temporary."""
    return new_buckets


def new_buckets(server: S3Server) -> Buckets:
    """Make a new versioned bucket and a new one without versions."""
    name = f"lake-{uuid.uuid4().hex[:12]}"
    buckets, s3 = Buckets(name, f"{name}-leases"), client(server)
    s3.create_bucket(Bucket=buckets.lake)
    s3.put_bucket_versioning(Bucket=buckets.lake, VersioningConfiguration={"Status": "Enabled"})
    s3.create_bucket(Bucket=buckets.leases)
    return buckets
