"""Find what was computed, by name, client and version, and have it as a file of this machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.publish.contract import HARMONIZED
from tribolake.publish.version import HARMONIZED_FILE
from tribolake.settings import Settings
from tribolake.trace.manifests import (
    Publication,
    current_publication,
    publication_as_of,
    publication_of_run,
    published_clients,
)
from tribolake.trace.names import (
    DELTA,
    JUDGING_LIMITS,
    STEWART_LIMITS,
    checked_artefact,
    checked_client,
    checked_limits_version,
    is_limits_version,
)
from tribolake.trace.published import NotThere, Published, PublishedFile, open_published

SHOWN_VERSIONS = 8


@dataclass(frozen=True)
class Found:
    """A version of an artefact: `path` on this machine, `address` in the lake."""

    artefact: str
    client: str
    path: Path
    address: str
    run_id: str | None  # of a delta or of a version of limits, none: many runs share them
    published_at: str | None
    limits_version: str | None  # of limits only

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"path": str(self.path)}


def fetch(
    settings: Settings, artefact: str, client: str, *, as_of: date | None = None, version: str | None = None
) -> Path:
    """The file of :func:`find`."""
    return find(settings, artefact, client, as_of=as_of, version=version).path


def find(
    settings: Settings, artefact: str, client: str, *, as_of: date | None = None, version: str | None = None
) -> Found:
    """Find a version of what was computed, and have it as a file of this machine that does not change any more.

    Args:
        settings: the lake, in a folder or on S3.
        artefact: `classified_reports`, `machine_status_current`, `stewart_limits`, `judging_limits`, `harmonized` (one
            row per sample) or `delta` (samples that a day changed).
        client: as its bronze folder is called.
        as_of: what readers saw at the end of this day, in UTC; where retention has forgotten it, the newest before.
        version: a run, or for limits a version of limits. Without one and without a day: what readers see now.

    Returns:
        The version; its file was compared with the SHA-256 that its manifest, or its writer, says.

    Raises:
        ConfigurationError: a name cannot be, or there is no such version; the message names some that are there.
        ContractBroken: a file is not what its manifest says.
    """
    client, artefact = checked_client(client), checked_artefact(artefact)
    if as_of and version:
        raise ConfigurationError("give a day or a version, not both")
    published = open_published(settings)
    if artefact in (STEWART_LIMITS, JUDGING_LIMITS) and version and is_limits_version(version):
        return _found_limits(published, artefact, client, version)
    publication = _publication(published, client, as_of, version)
    try:
        if artefact == DELTA:
            return _found_delta(published, publication, as_of)
        if artefact == JUDGING_LIMITS:
            limits = found_gold(published, publication, STEWART_LIMITS).limits_version
            if limits is None:
                raise NotThere(f"run {publication.run_id} published no limits: there were too few samples")
            return _found_limits(published, artefact, client, limits)
        if artefact == HARMONIZED.name:
            return found_harmonized(published, publication)
        return found_gold(published, publication, artefact)
    except NotThere as error:
        raise ConfigurationError(f"{error}. {_advice(publication)}") from error


def fetch_limits(published: Published, version: str, name: str = JUDGING_LIMITS) -> Path:
    """A Parquet file of a version of limits, of whatever client.

    Args:
        published: the lake.
        version: of limits.
        name: `stewart_limits`, of machines, or `judging_limits`, which has those of single machine models too.

    Raises:
        ConfigurationError: there is no such version.
    """
    checked_limits_version(version)
    try:
        return published.fetch(f"{limits_folder(published)}/{version}/{name}.parquet")
    except NotThere as error:
        versions = limits_versions(published)[:SHOWN_VERSIONS]
        raise ConfigurationError(
            f"limits version {version!r} is unknown in {published.address(limits_folder(published))}: choose one of "
            f"{', '.join(versions) or 'none yet'}"
        ) from error


def limits_versions(published: Published) -> list[str]:
    """Versions of limits, the last one written first."""
    files = [file for file in published.files(limits_folder(published)) if file.key.endswith(".json")]
    return [_folder_name(file) for file in sorted(files, key=lambda file: file.modified_at, reverse=True)]


def limits_version_of(limits: Path) -> str | None:
    """The version that a file of limits is of; None where it holds no limits."""
    version = _any_value(limits, "limits_version")
    return checked_limits_version(version) if version else None


def limits_client_of(limits: Path) -> str:
    """The client of a file of limits, as its folder is called; empty where it holds none."""
    return (_any_value(limits, "client") or "").lower()


def _any_value(parquet: Path, column: str) -> str | None:
    with duckdb.connect() as connection:
        row = connection.execute(f'select any_value("{column}") from read_parquet($1)', [str(parquet)]).fetchone()
    return str(row[0]) if row and row[0] is not None else None


def _publication(published: Published, client: str, as_of: date | None, version: str | None) -> Publication:
    if as_of:
        return publication_as_of(published, client, as_of)
    if version:
        return publication_of_run(published, client, version)
    current = current_publication(published, client)
    if current is None:
        clients = ", ".join(published_clients(published)) or "none yet: start `tribolake run`"
        raise ConfigurationError(f"client {client!r} has no gold; clients that have: {clients}")
    return current


def found_gold(published: Published, publication: Publication, table: str) -> Found:
    """A gold file of a publication.

    Raises:
        NotThere: retention has forgotten it.
    """
    if publication.folder is None:
        raise NotThere(f"the files of run {publication.run_id} are not kept any more")
    name = f"{table}.parquet"
    key = f"{publication.folder}/{name}"
    path = published.fetch(key, publication.sha256_of(name))
    limits = limits_version_of(path) if table == STEWART_LIMITS else None
    return Found(
        table, publication.client, path, published.address(key), publication.run_id, publication.published_at, limits
    )


def found_harmonized(published: Published, publication: Publication) -> Found:
    """The harmonized samples of a publication: history has no copy, the folder that its run published has.

    Raises:
        NotThere: that folder is forgotten.
    """
    key = f"{published.home}/gold/{publication.client}/_versions/{publication.run_id}/{HARMONIZED_FILE}"
    path = published.fetch(key)
    address = published.address(key)
    return Found(HARMONIZED.name, publication.client, path, address, publication.run_id, publication.published_at, None)


def _found_delta(published: Published, publication: Publication, as_of: date | None) -> Found:
    """The last delta up to a day, or up to the day of a run: its rows name their run."""
    until = as_of or publication.day
    beginning = f"{published.home}/silver/_delta/{publication.client.upper()}_"
    days = dict(_dated(published.files(f"{published.home}/silver/_delta"), beginning))
    day = max((known for known in days if known <= until), default=None)
    if day is None:
        raise NotThere(f"no sample of {publication.client} changed until {until}, or no delta was written then")
    path = published.fetch(days[day])
    return Found(DELTA, publication.client, path, published.address(days[day]), None, day.isoformat(), None)


def _dated(files: Iterable[PublishedFile], beginning: str) -> Iterable[tuple[date, str]]:
    for file in files:
        try:
            yield date.fromisoformat(file.key.removeprefix(beginning).removesuffix(".parquet")), file.key
        except ValueError:
            continue


def _found_limits(published: Published, name: str, client: str, version: str) -> Found:
    path = fetch_limits(published, version, name)
    owner = limits_client_of(path)
    if owner != client:
        raise ConfigurationError(f"limits version {version} is of client {owner!r}, not of {client!r}")
    address = published.address(f"{limits_folder(published)}/{version}/{name}.parquet")
    return Found(name, client, path, address, None, None, version)


def limits_folder(published: Published) -> str:
    """Key of the folder that has a folder for each version of limits."""
    return f"{published.home}/silver/stewart_limits"


def _folder_name(file: PublishedFile) -> str:
    return file.key.split("/")[-2]


def _advice(publication: Publication) -> str:
    return (
        f"Run {publication.run_id} published on {publication.day}; its manifest says what of: "
        f"`tribolake reprocess --as-of {publication.run_id} --client {publication.client}` computes it again"
    )
