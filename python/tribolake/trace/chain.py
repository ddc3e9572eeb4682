"""A chain from what was computed down to bronze."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tribolake.trace.manifests import Publication, lineage_of
from tribolake.trace.published import Published


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
    def of(cls, published: Published, publication: Publication) -> TracedRun:
        manifest = publication.manifest
        return cls(
            publication.run_id,
            str(manifest["policy"]),
            publication.published_at,
            str(manifest["schema_version"]),
            published.address(lineage_of(published, publication.client, publication.run_id)),
        )


@dataclass(frozen=True)
class TracedLimits:
    """A version of limits: how many reports it judged, and the decisions that calculated it (none where unknown)."""

    version: str
    address: str
    reports: int | None
    decisions: list[dict[str, Any]]


@dataclass(frozen=True)
class Lineage:
    """A chain; `sources` are bronze contents: key, version_id (null in a folder), sha256, bytes.

    `notes` say what could not be told, and why.
    """

    what: str
    kind: Literal["file", "sample", "limits"]
    client: str
    run: TracedRun | None
    file: TracedFile | None = None
    sample: dict[str, Any] | None = None
    limits: list[TracedLimits] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
