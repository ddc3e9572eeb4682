"""Manifests of publications: the current one, that of a day, or that of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from tribolake.errors import ConfigurationError, ContractBroken
from tribolake.lake.bronze import CLIENT_NAME
from tribolake.lake.objects import Objects
from tribolake.publish.contract import MANIFEST
from tribolake.publish.history import day_as_of, day_of_name
from tribolake.publish.manifest import continues, parse_manifest
from tribolake.trace.names import checked_run

SHOWN_RUNS = 5


@dataclass(frozen=True)
class Publication:
    """A client's publication by a run. `folder` is the key of its files, or None if retention has removed them."""

    client: str
    manifest: dict[str, Any]
    folder: str | None

    @property
    def run_id(self) -> str:
        return str(self.manifest["run_id"])

    @property
    def published_at(self) -> str:
        return str(self.manifest["published_at"])

    @property
    def began_at(self) -> datetime:
        """Start of its run in UTC: the time that manifests give as `published_at`."""
        moment = datetime.fromisoformat(self.published_at)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    @property
    def day(self) -> date:
        """UTC day of its snapshot in the history."""
        return self.began_at.date()

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Bronze contents that it was computed from: key, version_id, sha256, bytes."""
        return list(self.manifest["sources"])

    def sha256_of(self, name: str) -> str | None:
        """Return the SHA-256 of a file from the manifest. Returns None if the manifest does not list it."""
        listed = (*self.manifest["files"], *self.manifest.get("followers", ()))
        return next((str(file["sha256"]) for file in listed if file["name"] == name), None)


def gold_key(published: Objects, client: str) -> str:
    """Return the key of the folder of a client's gold."""
    return f"{published.home}/gold/{client}"


def gold_manifest_key(published: Objects, client: str) -> str:
    """Return the key of the manifest of what readers see now."""
    return f"{gold_key(published, client)}/{MANIFEST}"


def manifest_key(published: Objects, client: str, run_id: str) -> str:
    """Return the key of a run's manifest that is kept permanently."""
    return f"{published.home}/lineage/{client}/{run_id}.json"


def published_clients(published: Objects) -> list[str]:
    """List clients that have gold."""
    return sorted(name for name in published.folders(f"{published.home}/gold") if CLIENT_NAME.match(name))


def clients_with_manifest(published: Objects) -> list[str]:
    """List clients that have a manifest that is kept permanently."""
    return sorted(name for name in published.folders(f"{published.home}/lineage") if CLIENT_NAME.match(name))


def current_publication(published: Objects, client: str) -> Publication | None:
    """Return the publication that readers see now. Returns None if nothing is published."""
    manifest = _read(published, gold_manifest_key(published, client))
    if manifest is None:
        return None
    return Publication(client, manifest, f"{gold_key(published, client)}/_versions/{manifest['run_id']}")


def current_publications(published: Objects) -> Iterator[Publication]:
    """Yield the publication that readers see now of each client, but of those whose manifest is damaged."""
    for client in published_clients(published):
        with suppress(ContractBroken):
            if (found := current_publication(published, client)) is not None:
                yield found


def publication_as_of(published: Objects, client: str, day: date) -> Publication:
    """Return the publication that readers saw at the end of a UTC day, or the newest kept one before.

    Raises:
        ConfigurationError: no publication until that day is kept.
    """
    current = current_publication(published, client)
    history, archive = _history_of(published, client), _archive_of(published, client)
    kept, archived = ({day for day in map(day_of_name, published.folders(key)) if day} for key in (history, archive))
    found = day_as_of(client, day, current.day if current else None, kept | archived)
    if current and found == current.day:
        return current
    snapshot = _in_folder(published, client, f"{history if found in kept else archive}/{found.isoformat()}")
    if snapshot is None:
        raise ContractBroken(f"the snapshot of {client} of {found} has no manifest")
    return snapshot


def publication_of_run(published: Objects, client: str, run_id: str) -> Publication:
    """Return a client's publication by a run. The manifest is kept longer than the files.

    Raises:
        ConfigurationError: that run published nothing of this client.
    """
    checked_run(run_id)
    kept = _in_folder(published, client, f"{gold_key(published, client)}/_versions/{run_id}")
    if kept is not None:
        return kept
    manifest = _read(published, manifest_key(published, client, run_id))
    if manifest is None:
        runs = published_runs(published, client)[:SHOWN_RUNS]
        raise ConfigurationError(
            f"run {run_id} published nothing of client {client!r}: choose one of {', '.join(runs) or 'none yet'}"
        )
    remembered = Publication(client, manifest, None)
    day = remembered.day.isoformat()
    for folder in (_history_of(published, client), _archive_of(published, client)):
        snapshot = _in_folder(published, client, f"{folder}/{day}")
        if snapshot is not None and snapshot.run_id == run_id:
            return snapshot
    return remembered


def is_put_back(published: Objects, publication: Publication, last: str | None) -> bool:
    """Return whether a publication is earlier than that of a run, so somebody put it back. None if no run is known."""

    def kept(run_id: str) -> dict[str, Any] | None:
        return _read(published, manifest_key(published, publication.client, run_id))

    return not continues(publication.manifest, last, kept)


def published_runs(published: Objects, client: str) -> list[str]:
    """List runs whose manifests are kept, the newest first: run ids begin with their time."""
    files = published.files(f"{published.home}/lineage/{client}")
    names = (file.key.rpartition("/")[2] for file in files)
    return sorted((name.removesuffix(".json") for name in names if name.endswith(".json")), reverse=True)


def _history_of(published: Objects, client: str) -> str:
    return f"{gold_key(published, client)}/_history"


def _archive_of(published: Objects, client: str) -> str:
    return f"{published.home}/archive/gold/{client}"


def _in_folder(published: Objects, client: str, folder: str) -> Publication | None:
    manifest = _read(published, f"{folder}/{MANIFEST}")
    return Publication(client, manifest, folder) if manifest is not None else None


def _read(published: Objects, key: str) -> dict[str, Any] | None:
    content = published.read(key)
    manifest = parse_manifest(content)
    if content is not None and manifest is None:
        raise ContractBroken(f"{published.address(key)} is damaged: `tribolake verify` says what to do")
    return manifest
