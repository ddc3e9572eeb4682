"""Compare the objects of a published version with its manifest, and keep altered ones aside."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest, md5
from pathlib import Path

from tribolake.errors import StoreUnavailable
from tribolake.lake.files import sha256_of
from tribolake.lake.store_errors import ChecksumMismatch, ObjectMissing
from tribolake.publish.bucket_folder import BucketFolder
from tribolake.publish.contract import MANIFEST
from tribolake.publish.manifest import parse_manifest
from tribolake.publish.places import Places
from tribolake.publish.verification import ALTERED, Difference, Expected, Problem, expected_in_gold
from tribolake.publish.version import Version

CALLS_AT_ONCE = 8


def differences_in_bucket(bucket: BucketFolder, places: Places, version: Version | None) -> list[Difference]:
    """Compare every object that readers of a version open. Altered ones are copied to where no reader looks."""
    key = bucket.key(places.manifest)
    found = bucket.store.read(key)
    if version is None:
        return [Difference(MANIFEST, key, "altered", keep_aside(bucket, places, key, "unknown"))] if found else []
    differences = []
    expected = expected_in_gold(places.gold, version.manifest)
    with ThreadPoolExecutor(CALLS_AT_ONCE) as threads:
        problems = list(threads.map(lambda one: _problem_of(bucket, one, version.folder / one.name), expected))
    for one, problem in zip(expected, problems, strict=True):
        if problem:
            of_reader = bucket.key(one.path)
            kept = keep_aside(bucket, places, of_reader, version.run_id) if problem == "altered" else None
            differences.append(Difference(one.name, of_reader, problem, kept))
    kept_manifest = bucket.store.read(bucket.key(places.lineage(version.run_id)))
    if any(parse_manifest(content[0]) != version.manifest for content in (found, kept_manifest) if content):
        differences.append(Difference(MANIFEST, key, "altered", keep_aside(bucket, places, key, version.run_id)))
    return differences


def keep_aside(bucket: BucketFolder, places: Places, key: str, run_id: str) -> str:
    """Copy an altered object to where no reader looks. Returns the key of the copy."""
    stored = bucket.store.head(key)
    name = f"{stored.etag[:12] if stored else 'gone'}-{key.rpartition('/')[2]}"
    kept = f"{bucket.key(places.gold)}/{ALTERED}/{run_id}/{name}"
    bucket.copy(key, kept)
    return kept


def _problem_of(bucket: BucketFolder, expected: Expected, local: Path) -> Problem | None:
    """Compare an object with its manifest. The content is transferred only if its ETag does not tell."""
    key = bucket.key(expected.path)
    stored = bucket.store.head(key)
    if stored is None:
        return "missing"
    if stored.size_bytes != expected.size_bytes or stored.sha256 not in (None, expected.sha256):
        return "altered"
    if local.is_file() and sha256_of(local) == expected.sha256 and stored.etag == _md5_of(local):
        return None
    try:
        with tempfile.TemporaryFile() as file:
            bucket.store.get(key, file)
            file.seek(0)
            return None if file_digest(file, "sha256").hexdigest() == expected.sha256 else "altered"
    except ObjectMissing:
        return "missing"
    except StoreUnavailable as error:
        if isinstance(error.__cause__, ChecksumMismatch):
            return "altered"
        raise


def _md5_of(path: Path) -> str:
    """Return the ETag of an object that was sent in one part and is not encrypted with a customer key."""
    with path.open("rb") as file:
        return file_digest(file, lambda: md5(usedforsecurity=False)).hexdigest()
