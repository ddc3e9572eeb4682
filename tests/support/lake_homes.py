"""Lakes in a folder and on S3 servers, with the calls of laboratories and of readers of gold."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from tests.support.servers.server import S3Server, client

from tribolake.errors import RunFailed
from tribolake.lake.lease import Lease
from tribolake.lake.shared import SharedCustody
from tribolake.settings import Settings, load_settings

PRODUCT = "oil-analysis"


class LakeHome(Protocol):
    """A lake as laboratories and readers use it."""

    def settings(self, machine: str = "first") -> Settings:
        """Return the settings of a machine that runs on the lake."""

    def put(self, key: str, content: bytes) -> None:
        """Deliver a file."""

    def read(self, key: str) -> bytes | None:
        """Read a file. Returns None if there is no such file."""

    def keys(self, prefix: str) -> list[str]:
        """List the files below a folder."""


@dataclass
class InFolder:
    """A lake in a folder."""

    folder: Path

    def settings(self, machine: str = "first") -> Settings:
        return load_settings(lake=self.folder)

    def put(self, key: str, content: bytes) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def read(self, key: str) -> bytes | None:
        path = self.folder / key
        return path.read_bytes() if path.is_file() else None

    def keys(self, prefix: str) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self._walk(self.folder / prefix))

    def _walk(self, folder: Path) -> Iterator[Path]:
        for path in folder.iterdir() if folder.is_dir() else []:
            if path.is_dir():
                yield from self._walk(path)
            else:
                yield path


@dataclass
class InBucket:
    """A lake in a bucket. Each machine has its own disk."""

    server: S3Server
    bucket: str
    disks: Path
    options: dict[str, Any] = field(default_factory=dict)

    def settings(self, machine: str = "first") -> Settings:
        return load_settings(
            lake=f"s3://{self.bucket}",
            state_dir=self.disks / machine,
            s3_endpoint=self.server.endpoint,
            aws_region=self.server.region,
            **self.options,
        )

    def put(self, key: str, content: bytes) -> None:
        client(self.server).put_object(Bucket=self.bucket, Key=key, Body=content)

    def read(self, key: str) -> bytes | None:
        s3 = client(self.server)
        try:
            content: bytes = s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None
        return content

    def keys(self, prefix: str) -> list[str]:
        pages = client(self.server).get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return sorted(found["Key"] for page in pages for found in page.get("Contents", []))


def fill(home: LakeHome, sample_lake: Path) -> None:
    """Deliver the bronze of a sample lake."""
    for path in sorted((sample_lake / PRODUCT / "bronze").rglob("*")):
        if path.is_file():
            home.put(path.relative_to(sample_lake).as_posix(), path.read_bytes())


def manifest_of(home: LakeHome, client_name: str) -> dict[str, Any]:
    content = home.read(f"{PRODUCT}/gold/{client_name}/_manifest.json")
    assert content is not None, f"{client_name} was never published"
    manifest: dict[str, Any] = json.loads(content)
    return manifest


def gold_of(home: LakeHome, client_name: str) -> dict[str, pa.Table]:
    """Read gold as the contract says: the manifest, then each file in its folder. Checks each SHA-256."""
    manifest = manifest_of(home, client_name)
    tables = {}
    for file in manifest["files"]:
        content = home.read(f"{PRODUCT}/gold/{client_name}/{manifest['folder']}/{file['name']}")
        assert content is not None, f"the manifest names {file['name']}, which is not there"
        assert hashlib.sha256(content).hexdigest() == file["sha256"], f"{file['name']} is not what its manifest says"
        tables[file["name"].removesuffix(".parquet")] = pq.read_table(io.BytesIO(content))
    return tables


def everything_published(home: LakeHome, clients: tuple[str, ...] = ("cda", "emin")) -> dict[str, pa.Table]:
    """Read gold and harmonized silver of all clients, by name."""
    found = {f"{name}/{table}": rows for name in clients for table, rows in gold_of(home, name).items()}
    for name in clients:
        content = home.read(f"{PRODUCT}/silver/harmonized/{name.upper()}.parquet")
        assert content is not None
        found[f"{name}/harmonized"] = pq.read_table(io.BytesIO(content))
    return found


def logged(home: LakeHome) -> list[dict[str, Any]]:
    """Read every line of the log of changes."""
    content = home.read("logs/changes.jsonl") or b""
    return [json.loads(line) for line in content.decode().splitlines()]


def is_lost(lease: Lease | SharedCustody) -> bool:
    """Return whether a lease is lost."""
    try:
        lease.assert_lease_held()
    except RunFailed:
        return True
    return False
