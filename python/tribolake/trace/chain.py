"""A traced file and the run that published it: the upper end of a lineage that leads down to bronze."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tribolake.lake.objects import Objects
from tribolake.trace.manifests import Publication, manifest_key


@dataclass(frozen=True)
class TracedFile:
    """A published file, with the metadata and tags of its object on S3."""

    address: str
    name: str
    sha256: str
    bytes: int
    version_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TracedRun:
    """The run that published something."""

    run_id: str
    policy: str
    published_at: str
    schema_version: str
    manifest: str  # the address where it is kept permanently
    code: str = ""  # fingerprint of the project that the run used. Earlier releases did not note it

    @classmethod
    def of(cls, published: Objects, publication: Publication) -> TracedRun:
        manifest = publication.manifest
        return cls(
            publication.run_id,
            str(manifest["policy"]),
            publication.published_at,
            str(manifest["schema_version"]),
            published.address(manifest_key(published, publication.client, publication.run_id)),
            str(manifest.get("code", "")),
        )
