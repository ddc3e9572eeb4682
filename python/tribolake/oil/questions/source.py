"""Find the content in bronze that a result was read from, and the run that published it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tribolake.lake.objects import Objects
from tribolake.trace.chain import TracedRun
from tribolake.trace.manifests import current_publication


@dataclass(frozen=True)
class ReportSource:
    """The run that published a report, and a content that it was read from.

    `content` is an entry of the manifest: key, version_id, sha256, bytes. It is None if the manifest has none.
    """

    run: TracedRun
    content: Mapping[str, Any] | None


def source_of(place: Mapping[str, Any], published: Objects) -> ReportSource | None:
    """Return the source of a row of gold, by its client and sourceSha256. Returns None if nothing is published."""
    publication = current_publication(published, str(place["client"]).lower())
    if publication is None:
        return None
    sha256 = place["sourceSha256"]
    content = next((source for source in publication.sources if source["sha256"] == sha256), None)
    return ReportSource(TracedRun.of(published, publication), content)
