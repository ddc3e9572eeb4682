"""Compare everything that is published with its manifests: gold, silver, history, archive and kept manifests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.lake.objects import Objects, ObjectUnreadable
from tribolake.lake.replicas import open_replicas
from tribolake.product import Product
from tribolake.publish.contract import MANIFEST
from tribolake.publish.history import day_of_name
from tribolake.publish.manifest import kept_files, listed_files, parse_manifest
from tribolake.publish.version import silver_file
from tribolake.settings import Settings
from tribolake.trace.manifests import gold_key, manifest_key, published_clients

PUBLISHED_AGAIN = "`tribolake run --full-refresh` publishes it again"
FROM_A_BACKUP = "restore it from a backup"
ROUNDS = 3


@dataclass(frozen=True)
class Finding:
    """A published file that is not what its manifest says, and what to do."""

    file: str
    problem: str
    advice: str


@dataclass
class Verification:
    """The result for each client: the number of files that were compared, and those that differ."""

    compared: dict[str, int] = field(default_factory=dict)
    differences: list[Finding] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            "is_whole": not self.differences,
            "compared": self.compared,
            "differences": [asdict(one) for one in self.differences],
        }


@dataclass(frozen=True)
class Listed:
    """A key, and the SHA-256 that a manifest lists for it. `is_optional` allows that there is no object."""

    key: str
    sha256: str
    advice: str
    is_optional: bool = False


def verify(product: Product, settings: Settings, clients: Sequence[str] | None = None) -> Verification:
    """Hash every published file of a lake, in each of its replicas.

    Raises:
        ConfigurationError: nothing was published, or a client has no gold.
    """
    result = Verification()
    named = product.named_clients(clients)
    for objects in open_replicas(settings):
        known = published_clients(objects)
        for client in named or known:
            if client not in known:
                raise ConfigurationError(f"{objects.address(gold_key(objects, client))} has no gold: `tribolake run`")
            compared, found = _verify_client(product, objects, client)
            result.compared[client] = result.compared.get(client, 0) + compared
            result.differences += found
    if not result.compared:
        raise ConfigurationError(f"{settings.address} has no gold yet: start `tribolake run` first")
    return result


def _verify_client(product: Product, objects: Objects, client: str) -> tuple[int, list[Finding]]:
    """Compare the files of a client. If a run publishes during the comparison, they are compared again."""
    for _ in range(ROUNDS):
        manifest = objects.read(f"{gold_key(objects, client)}/{MANIFEST}")
        listed, findings = _listed(product, objects, client, manifest)
        findings += _differing(objects, listed)
        if not findings or objects.read(f"{gold_key(objects, client)}/{MANIFEST}") == manifest:
            break
    return len(listed), findings


def _listed(
    product: Product, objects: Objects, client: str, content: bytes | None
) -> tuple[list[Listed], list[Finding]]:
    gold = gold_key(objects, client)
    listed, findings = [], []
    manifest = parse_manifest(content)
    if manifest is None:
        what = "is missing" if content is None else "is not a manifest"
        findings.append(Finding(objects.address(f"{gold}/{MANIFEST}"), what, PUBLISHED_AGAIN))
    else:
        version = f"{gold}/_versions/{manifest['run_id']}"
        sha256 = hashlib.sha256(content or b"").hexdigest()
        listed += [Listed(f"{version}/{MANIFEST}", sha256, PUBLISHED_AGAIN)]
        listed += [Listed(manifest_key(objects, client, manifest["run_id"]), sha256, PUBLISHED_AGAIN)]
        keys = [(f"{gold}/{file['name']}", file) for file in manifest["files"]]
        keys += [(f"{version}/{file['name']}", file) for file in listed_files(manifest)]
        silver = {silver_file(table): table.name for table in product.contract.silver}
        followers = [file for file in manifest.get("followers", ()) if file["name"] in silver]
        keys += [(f"{objects.home}/silver/{silver[file['name']]}/{client.upper()}.parquet", file) for file in followers]
        listed += [Listed(key, file["sha256"], PUBLISHED_AGAIN) for key, file in keys]
    for snapshot in _snapshots(objects, client):
        kept = objects.read(f"{snapshot}/{MANIFEST}")
        known = parse_manifest(kept)
        if known is None:
            if kept is not None:  # a snapshot on S3 is complete when it has its manifest
                findings.append(Finding(objects.address(f"{snapshot}/{MANIFEST}"), "is not a manifest", FROM_A_BACKUP))
            continue
        is_current = manifest is not None and manifest["run_id"] == known["run_id"]
        advice = PUBLISHED_AGAIN if is_current else FROM_A_BACKUP
        sha256 = hashlib.sha256(kept or b"").hexdigest()
        listed.append(Listed(manifest_key(objects, client, known["run_id"]), sha256, advice, is_optional=True))
        listed += [Listed(f"{snapshot}/{file['name']}", file["sha256"], advice) for file in kept_files(known)]
    return listed, findings


def _snapshots(objects: Objects, client: str) -> Iterator[str]:
    for folder in (f"{gold_key(objects, client)}/_history", f"{objects.home}/archive/gold/{client}"):
        yield from (f"{folder}/{name}" for name in sorted(objects.folders(folder)) if day_of_name(name))


def _differing(objects: Objects, listed: Iterable[Listed]) -> list[Finding]:
    findings = []
    for one in listed:
        try:
            content = objects.read(one.key)
        except ObjectUnreadable as error:
            findings.append(Finding(objects.address(one.key), str(error), one.advice))
            continue
        if content is None and not one.is_optional:
            findings.append(Finding(objects.address(one.key), "is missing", one.advice))
        elif content is not None and hashlib.sha256(content).hexdigest() != one.sha256:
            findings.append(Finding(objects.address(one.key), "is not what its manifest says", one.advice))
    return findings
