"""Find a version of an artefact by name, client and version, and fetch it to this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.objects import ListedObject, ObjectNotFound, Objects
from tribolake.lake.replicas import open_objects
from tribolake.product import DELTA, Contract, Product, PublicTable, VersionedFolder
from tribolake.publish.version import silver_file
from tribolake.settings import Settings
from tribolake.trace.manifests import (
    Publication,
    current_publication,
    publication_as_of,
    publication_of_run,
    published_clients,
)
from tribolake.trace.names import checked_artefact, checked_client, checked_version, is_version

SHOWN_VERSIONS = 8


@dataclass(frozen=True)
class FoundVersion:
    """A version of an artefact, at `path` on this machine and at `address` in the lake."""

    artefact: str
    client: str
    path: Path
    address: str
    run_id: str | None  # None for a delta and for a versioned folder: many runs share them
    published_at: str | None
    versions: Mapping[str, str | None] = field(default_factory=dict)  # its own version, by the column that names it

    def as_dict(self) -> dict[str, Any]:
        fields = asdict(self)
        del fields["versions"]
        return {**fields, **self.versions, "path": str(self.path)}


def fetch(
    product: Product,
    settings: Settings,
    artefact: str,
    client: str,
    *,
    as_of: date | None = None,
    version: str | None = None,
) -> Path:
    """Return the file of :func:`find`."""
    return find(product, settings, artefact, client, as_of=as_of, version=version).path


def find(
    product: Product,
    settings: Settings,
    artefact: str,
    client: str,
    *,
    as_of: date | None = None,
    version: str | None = None,
) -> FoundVersion:
    """Find a version of an artefact, and provide it as a file on this machine that does not change.

    Without `as_of` and `version`, this is the version that readers see now.

    Args:
        product: the product that computed it.
        settings: of the product in the lake, in a folder or on S3.
        artefact: a name from the contract: a table of gold or silver, `delta` (samples that changed on a day), or a
            file of the versioned folder.
        client: name of its bronze folder.
        as_of: the version that readers saw at the end of this UTC day, or the newest kept one before.
        version: a run, or a version of the versioned folder.

    Returns:
        The version. Its file was compared with the SHA-256 that its manifest, or its writer, noted.

    Raises:
        ConfigurationError: a name is invalid, or there is no such version. The message names some that exist.
        ContractBroken: a file is not what its manifest says.
    """
    contract = product.contract
    client, artefact = checked_client(client), checked_artefact(contract, artefact)
    if as_of and version:
        raise ConfigurationError("give a day or a version, not both")
    published = open_objects(settings)
    versioned = contract.versioned if contract.versioned and artefact in contract.versioned.files else None
    if versioned and version and is_version(versioned, version):
        return _find_version(published, versioned, artefact, client, version)
    publication = _publication(published, client, as_of, version)
    try:
        if artefact == DELTA:
            return _find_delta(published, contract, publication, as_of)
        for table in contract.silver:
            if artefact == table.name:
                return find_silver(published, contract, publication, table)
        if versioned and artefact != versioned.table:
            own = find_gold(published, contract, publication, versioned.table).versions[versioned.column]
            if own is None:
                raise ObjectNotFound(f"run {publication.run_id} published no {versioned.name}")
            return _find_version(published, versioned, artefact, client, own)
        return find_gold(published, contract, publication, artefact)
    except ObjectNotFound as error:
        raise ConfigurationError(f"{error}. {_advice(publication)}") from error


def fetch_version(published: Objects, versioned: VersionedFolder, version: str, name: str) -> Path:
    """Fetch a Parquet file of a version, of any client.

    Raises:
        ConfigurationError: there is no such version.
    """
    checked_version(versioned, version)
    folder = versions_folder(published, versioned)
    try:
        return published.fetch(f"{folder}/{version}/{name}.parquet")
    except ObjectNotFound as error:
        files = [file for file in published.files(folder) if file.key.endswith(".json")]
        newest = sorted(files, key=lambda file: file.modified_at, reverse=True)[:SHOWN_VERSIONS]
        versions = [file.key.split("/")[-2] for file in newest]
        raise ConfigurationError(
            f"{versioned.name} version {version!r} is unknown in {published.address(folder)}: choose one of "
            f"{', '.join(versions) or 'none yet'}"
        ) from error


def client_of(path: Path) -> str:
    """Return the client of a version's file, as its folder is called. Returns an empty text if the file has no rows."""
    return (_any_value(path, "client") or "").lower()


def _any_value(parquet: Path, column: str) -> str | None:
    with duckdb.connect() as connection:
        row = connection.execute(f'select any_value("{column}") from read_parquet($1)', [str(parquet)]).fetchone()
    return str(row[0]) if row and row[0] is not None else None


def _publication(published: Objects, client: str, as_of: date | None, version: str | None) -> Publication:
    if as_of:
        return publication_as_of(published, client, as_of)
    if version:
        return publication_of_run(published, client, version)
    current = current_publication(published, client)
    if current is None:
        clients = ", ".join(published_clients(published)) or "none yet: start `tribolake run`"
        raise ConfigurationError(f"client {client!r} has no gold; clients that have: {clients}")
    return current


def find_gold(published: Objects, contract: Contract, publication: Publication, table: str) -> FoundVersion:
    """Find a gold file of a publication.

    Raises:
        ObjectNotFound: retention has removed it.
    """
    if publication.folder is None:
        raise ObjectNotFound(f"the files of run {publication.run_id} are not kept any more")
    name = f"{table}.parquet"
    key = f"{publication.folder}/{name}"
    path = published.fetch(key, publication.sha256_of(name))
    versions = _no_version(contract)
    if contract.versioned and table == contract.versioned.table:
        own = _any_value(path, contract.versioned.column)
        versions = {contract.versioned.column: checked_version(contract.versioned, own) if own else None}
    client, run_id, published_at = publication.client, publication.run_id, publication.published_at
    return FoundVersion(table, client, path, published.address(key), run_id, published_at, versions)


def find_silver(published: Objects, contract: Contract, publication: Publication, table: PublicTable) -> FoundVersion:
    """Find a silver file of a publication. Only its version folder has it, not the history.

    Raises:
        ObjectNotFound: retention has removed that folder.
    """
    key = f"{published.home}/gold/{publication.client}/_versions/{publication.run_id}/{silver_file(table)}"
    path = published.fetch(key)
    name, address = table.name, published.address(key)
    run_id, published_at = publication.run_id, publication.published_at
    return FoundVersion(name, publication.client, path, address, run_id, published_at, _no_version(contract))


def _find_delta(published: Objects, contract: Contract, publication: Publication, as_of: date | None) -> FoundVersion:
    """Find the last delta up to a day, or up to the day of a publication. Its rows name their runs."""
    until = as_of or publication.day
    beginning = f"{published.home}/silver/_delta/{publication.client.upper()}_"
    days = dict(_dated(published.files(f"{published.home}/silver/_delta"), beginning))
    day = max((known for known in days if known <= until), default=None)
    if day is None:
        raise ObjectNotFound(f"no sample of {publication.client} changed until {until}, or no delta was written then")
    path, address = published.fetch(days[day]), published.address(days[day])
    return FoundVersion(DELTA, publication.client, path, address, None, day.isoformat(), _no_version(contract))


def _no_version(contract: Contract) -> dict[str, str | None]:
    return {contract.versioned.column: None} if contract.versioned else {}


def _dated(files: Iterable[ListedObject], beginning: str) -> Iterable[tuple[date, str]]:
    for file in files:
        try:
            yield date.fromisoformat(file.key.removeprefix(beginning).removesuffix(".parquet")), file.key
        except ValueError:
            continue


def _find_version(published: Objects, versioned: VersionedFolder, name: str, client: str, version: str) -> FoundVersion:
    path = fetch_version(published, versioned, version, name)
    owner = client_of(path)
    if owner != client:
        raise ConfigurationError(f"{versioned.name} version {version} is of client {owner!r}, not of {client!r}")
    address = published.address(f"{versions_folder(published, versioned)}/{version}/{name}.parquet")
    return FoundVersion(name, client, path, address, None, None, {versioned.column: version})


def versions_folder(published: Objects, versioned: VersionedFolder) -> str:
    """Return the key of the folder that has a folder for each version."""
    return f"{published.home}/{versioned.folder}"


def _advice(publication: Publication) -> str:
    return (
        f"Run {publication.run_id} published on {publication.day}. Its manifest names the bronze it used: "
        f"`tribolake reprocess --as-of {publication.run_id} --client {publication.client}` computes it again"
    )
