"""The ends of a chain that leads from what was computed down to bronze: the file and the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tribolake.lake.objects import Objects
from tribolake.trace.manifests import Publication, lineage_of


@dataclass(frozen=True)
class TracedFile:
    """A published file; `metadata` and `tags` are what an object on S3 says of itself."""

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
    manifest: str  # where it is kept for ever

    @classmethod
    def of(cls, published: Objects, publication: Publication) -> TracedRun:
        manifest = publication.manifest
        return cls(
            publication.run_id,
            str(manifest["policy"]),
            publication.published_at,
            str(manifest["schema_version"]),
            published.address(lineage_of(published, publication.client, publication.run_id)),
        )
