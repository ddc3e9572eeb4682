"""Carry out the settling steps of a version in a bucket."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path

import duckdb

from tribolake.errors import ContractBroken
from tribolake.lake.files import sha256_of
from tribolake.publish.bucket_folder import BucketFolder, manifest_last
from tribolake.publish.bucket_verification import keep_aside
from tribolake.publish.in_folder import carry_out
from tribolake.publish.places import Places
from tribolake.publish.settling import FileStep, KeepManifest, KeepSnapshot, PlaceFile, RetireSnapshots, settling_steps
from tribolake.publish.version import Version


def settle_in_bucket(
    bucket: BucketFolder, places: Places, version: Version, altered: AbstractSet[str], make: Callable[[FileStep], None]
) -> None:
    """Carry out the steps. `make` carries out those that make a file of the folder too."""
    history, archive = bucket.days(places.history), bucket.days(places.archive)
    snapshot = bucket.snapshot(places, version)
    history.setdefault(version.day, set()).update(f"{snapshot}/{path.name}" for path in version.kept_files)
    for step in settling_steps(places, version, version.prepared - altered, history.keys(), archive.keys()):
        match step:
            case KeepManifest():
                pass  # copied before the version was published
            case KeepSnapshot():
                _keep_snapshot(bucket, places, version)
            case RetireSnapshots(archived, dropped):
                for day in archived:
                    for key in sorted(history[day], key=manifest_last):
                        bucket.copy(key, f"{bucket.key(places.archive)}/{day}/{key.rpartition('/')[2]}")
                for day in sorted((*archived, *dropped)):
                    bucket.remove(history[day])
            case _:
                make(step)


def make_in_both(
    bucket: BucketFolder, connection: duckdb.DuckDBPyConnection, places: Places, version: Version, step: FileStep
) -> None:
    """Make a file in the folder and in the bucket. The bucket has the latest state of the file.

    Raises:
        ContractBroken: another program damaged the object. It is kept aside, so the next run can go on.
    """
    key = bucket.key(step.path)
    stored = bucket.store.head(key)
    before = stored.sha256 if stored else None
    if isinstance(step, PlaceFile):
        if before != sha256_of(step.source):
            bucket.copy(bucket.key(step.source), key)
        carry_out(connection, places, version, step)
        return
    if stored and not (step.path.exists() and sha256_of(step.path) == before):
        bucket.fetch(step.path)
        before = sha256_of(step.path)
    try:
        carry_out(connection, places, version, step)
    except ContractBroken as error:  # the folder has the damaged file aside
        if not stored:
            raise
        kept = keep_aside(bucket, places, key, version.run_id)
        bucket.remove([key])
        raise ContractBroken(f"{error}. Its object is kept as {kept}") from error
    if step.path.exists():
        content, described = bucket.labelled(version, step.path)
        if content.sha256 != before:
            bucket.put(key, content, described)


def mirror(bucket: BucketFolder, version: Version, path: Path) -> None:
    """Store a file of the folder unless the bucket has the same file."""
    if path.exists():
        bucket.store.put_if_new(bucket.key(path), *bucket.labelled(version, path))


def _keep_snapshot(bucket: BucketFolder, places: Places, version: Version) -> None:
    """Keep a version as the snapshot of its day. The manifest is copied last, so it marks a complete snapshot."""
    day = bucket.snapshot(places, version)
    if bucket.run_of(day) == version.run_id:
        return
    _write_athena_links(bucket, places, version)
    for path in version.kept_files:
        bucket.copy(bucket.key(path), f"{day}/{path.name}")


def _write_athena_links(bucket: BucketFolder, places: Places, version: Version) -> None:
    """Name the published file of each table for Athena. There a table is a folder, and gold has several files."""
    for table in places.contract.tables:
        published = f"s3://{bucket.store.bucket}/{bucket.key(version.folder / table.file_name)}\n"
        bucket.put(bucket.key(places.athena(table.name)), published.encode())
