"""Find the publication, or the version of a versioned folder, that a published file belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.files import sha256_of
from tribolake.lake.objects import Objects
from tribolake.lake.objects_in_bucket import BucketObjects
from tribolake.lake.replicas import open_objects
from tribolake.lake.store import open_store
from tribolake.product import Product
from tribolake.publish.manifest import parse_manifest
from tribolake.settings import S3_SCHEME, Settings
from tribolake.trace.chain import TracedFile
from tribolake.trace.manifests import (
    Publication,
    clients_with_manifest,
    current_publication,
    manifest_key,
    publication_as_of,
    publication_of_run,
    published_runs,
)
from tribolake.trace.names import checked_client, checked_run, checked_version

BUCKET = re.compile(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
CLIENT, RUN = r"(?P<client>[^/]+)", r"(?P<run>[^/]+)"
DAY = r"(?P<day>\d{4}-\d{2}-\d{2})"
# The key of its publication's manifest at the time of publication, from the metadata or tags of an object on S3.
MANIFEST_KEY = re.compile(rf"^(?P<home>.+)/gold/{CLIENT}/_versions/{RUN}/_manifest\.json$")
# Keys of published files below the data product, for files without metadata.
PLACES = (
    re.compile(rf"^gold/{CLIENT}/_versions/{RUN}/(?P<name>[^/]+)$"),
    re.compile(rf"^gold/{CLIENT}/_history/_versions/{RUN}/(?P<name>[^/]+)$"),
    re.compile(rf"^gold/{CLIENT}/_history/{DAY}/(?P<name>[^/]+)$"),
    re.compile(rf"^archive/gold/{CLIENT}/{DAY}/(?P<name>[^/]+)$"),
    re.compile(rf"^gold/{CLIENT}/(?P<name>[^/]+)$"),
    re.compile(rf"^lineage/{CLIENT}/{RUN}\.json$"),
    re.compile(r"^silver/(harmonized|rejected)/(?P<client>[^/]+)\.parquet$"),
    re.compile(rf"^silver/_delta/{CLIENT}_{DAY}\.parquet$"),
)


@dataclass(frozen=True)
class Origin:
    """The origin of a file: a publication, or a version of a versioned folder.

    `settings` are those of its lake. `notes` say how the origin was found.
    """

    settings: Settings
    published: Objects
    file: TracedFile
    publication: Publication | None
    version: str | None
    notes: tuple[str, ...] = ()


def origin_of(product: Product, settings: Settings, what: str) -> Origin | None:
    """Find the origin of a published file. Returns None if `what` is neither an S3 address nor a file on this machine.

    Raises:
        ConfigurationError: there is no such object, or the product did not publish it.
    """
    if what.startswith(S3_SCHEME):
        return _origin_of_object(product, settings, what)
    return _origin_of_path(product, settings, Path(what)) if Path(what).is_file() else None


def _origin_of_object(product: Product, settings: Settings, address: str) -> Origin:
    """Find the origin of an object by its metadata and tags, or else by its key."""
    bucket, _, key = address.removeprefix(S3_SCHEME).partition("/")
    if not (BUCKET.match(bucket) and key):
        raise ConfigurationError(f"{address[:200]!r} is not the address of an object: s3://bucket/key")
    if (settings.is_on_s3, settings.s3.bucket) != (True, bucket):
        settings = settings.changed(storage_mode="s3", s3_bucket=bucket)
    store = open_store(settings)
    found = store.head(key)
    if found is None:
        raise ConfigurationError(f"there is no object {address}")
    published = BucketObjects(store, settings.prefix, settings.state / "fetched")
    tags = store.tags(key)
    said: Mapping[str, str] = {**tags, **found.metadata}
    file = TracedFile(
        address,
        key.rpartition("/")[2],
        found.sha256 or sha256_of(published.fetch(key)),
        found.size_bytes,
        found.version_id,
        found.metadata,
        tags,
    )
    versioned = product.contract.versioned
    if versioned and versioned.label in said:
        home = key.partition(f"/{versioned.folder}/")[0]
        published = BucketObjects(store, home, published.cache)
        return Origin(settings, published, file, None, checked_version(versioned, said[versioned.label]))
    place = MANIFEST_KEY.match(said.get("manifest", ""))
    if place:
        published = BucketObjects(store, place["home"], published.cache)
        publication = publication_of_run(published, checked_client(place["client"]), checked_run(place["run"]))
        return Origin(settings, published, file, publication, None)
    note = "the object says nothing of itself (another program stored it): its key and content were used"
    return _origin_by_place(product, settings, published, file, key, (note,))


def _origin_of_path(product: Product, settings: Settings, path: Path) -> Origin:
    """Find the origin of a file on this machine by its path in the lake's folder, or else by its content."""
    published = open_objects(settings)
    file = TracedFile(str(path), path.name, sha256_of(path), path.stat().st_size)
    if not settings.is_on_s3:
        for place in (path.absolute(), path.resolve()):
            for root in (settings.lake, settings.lake.resolve()):
                if place.is_relative_to(root):
                    return _origin_by_place(product, settings, published, file, place.relative_to(root).as_posix())
    return _origin_by_content(settings, published, file)


def _origin_by_place(
    product: Product,
    settings: Settings,
    published: Objects,
    file: TracedFile,
    key: str,
    notes: tuple[str, ...] = (),
) -> Origin:
    place = key.removeprefix(f"{published.home}/")
    versioned = product.contract.versioned
    if versioned and place.startswith(f"{versioned.folder}/"):
        version = place.removeprefix(f"{versioned.folder}/").partition("/")[0]
        return Origin(settings, published, file, None, checked_version(versioned, version), notes)
    if place.startswith("bronze/"):
        raise ConfigurationError(f"{file.address} is bronze: it comes from the laboratory. Give a published file")
    found = next((match for pattern in PLACES if (match := pattern.match(place))), None)
    if found is None:
        return _origin_by_content(settings, published, file, notes)
    names = found.groupdict()
    client = checked_client(names["client"])
    if names.get("run"):
        publication: Publication | None = publication_of_run(published, client, names["run"])
    elif place.startswith("silver/_delta/"):
        run_id = _last_run(published.fetch(key))
        notes = (*notes, f"a delta covers a day: its rows name their runs, and {run_id} is the last")
        publication = publication_of_run(published, client, run_id)
    elif names.get("day"):
        publication = publication_as_of(published, client, _day(names["day"]))
    else:
        publication = current_publication(published, client)
    if publication is None:
        raise ConfigurationError(f"{file.address} belongs to no publication: client {client!r} has none")
    expected = publication.sha256_of(file.name)
    if expected not in (None, file.sha256):
        notes = (*notes, f"its content is NOT what run {publication.run_id} published: another program wrote over it")
    return Origin(settings, published, file, publication, None, notes)


def _origin_by_content(settings: Settings, published: Objects, file: TracedFile, notes: tuple[str, ...] = ()) -> Origin:
    """Find the newest publication that has a file with this content."""
    for client in clients_with_manifest(published):
        current = current_publication(published, client)
        if current is not None and _has(current, file):
            return Origin(settings, published, file, current, None, notes)
        for run_id in published_runs(published, client):
            manifest = parse_manifest(published.read(manifest_key(published, client, run_id)))
            if manifest is None or not _has(Publication(client, manifest, None), file):
                continue
            return Origin(settings, published, file, publication_of_run(published, client, run_id), None, notes)
    raise ConfigurationError(
        f"no run of {published.address(published.home)} published a file with the content of {file.address} "
        f"(SHA-256 {file.sha256})"
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{text} is not a day") from error


def is_gold(publication: Publication, file: TracedFile) -> bool:
    """Return True if a file is a gold file of a publication, under any name, or its manifest."""
    names = {str(listed["name"]) for listed in publication.manifest["files"]}
    return _has(publication, file) or file.name in names or file.name.endswith(".json")


def _has(publication: Publication, file: TracedFile) -> bool:
    return any(listed["sha256"] == file.sha256 for listed in publication.manifest["files"])


def _last_run(delta: Path) -> str:
    with duckdb.connect() as connection:
        row = connection.execute("select max(run_id) from read_parquet($1)", [str(delta)]).fetchone()
    return checked_run(str(row[0]) if row else "")
