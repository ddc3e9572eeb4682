"""Fixtures of lakes on S3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.faults import FaultyServer
from tests.support.servers.server import S3Server

from tribolake.lake.store import ObjectStore, open_store
from tribolake.settings import Settings, load_settings


@pytest.fixture
def settings_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """A function that makes the settings of a lake in a new bucket of a server."""

    def make(server: S3Server, **options: object) -> Settings:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        flags = {"state_dir": tmp_path / "state", "s3_timeout_seconds": 2, "s3_attempts": 4} | options
        return load_settings(
            lake=f"s3://{new_buckets(server).lake}", s3_endpoint=server.endpoint, aws_region=server.region, **flags
        )

    return make


@pytest.fixture
def proxy(moto: S3Server, faulty: Callable[[S3Server], FaultyServer]) -> FaultyServer:
    return faulty(moto)


@pytest.fixture
def store(proxy: FaultyServer, settings_of: Callable[..., Settings]) -> ObjectStore:
    """A bucket behind the proxy."""
    return open_store(settings_of(proxy.server))
