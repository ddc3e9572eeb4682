"""Find the bronze file of a report, and whether the file still has the bytes that were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tribolake.errors import ContractBroken
from tribolake.lake.objects import ObjectNotFound, Objects
from tribolake.settings import Settings
from tribolake.trace.bronze_copy import checked_key
from tribolake.trace.chain import TracedRun
from tribolake.trace.manifests import current_publication


@dataclass(frozen=True)
class ReportSource:
    """The run that published a report, and the file that the report is read from.

    `is_unchanged` is None where it was not compared: a bucket keeps the version that `version_id` names.
    """

    run: TracedRun
    bytes: int | None
    version_id: str | None
    is_unchanged: bool | None


def source_of(settings: Settings, report: Mapping[str, Any], published: Objects) -> ReportSource | None:
    """Return the source of a published report. Returns None if its client has no publication."""
    publication = current_publication(published, str(report["client"]).lower())
    if publication is None:
        return None
    sha256 = report["sourceSha256"]
    found = next((source for source in publication.sources if source["sha256"] == sha256), None)
    run = TracedRun.of(published, publication)
    if found is None:
        return ReportSource(run, None, None, None)
    unchanged = None
    if not settings.is_on_s3:
        unchanged = _has_content(published, checked_key(settings, str(found["key"])), sha256)
    return ReportSource(run, found["bytes"], found["version_id"], unchanged)


def _has_content(published: Objects, key: str, sha256: str) -> bool:
    try:
        published.fetch(key, sha256)
    except (ContractBroken, ObjectNotFound):
        return False
    return True
