"""Metadata and tags of published objects: their sources, the run that made them, and the time.

S3 allows 2 KB of ASCII metadata and ten tags of 256 characters. A longer list of sources is in the manifest only. The
tag `sources` names the manifest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tribolake.lake.labels import Label
from tribolake.publish.version import Version

CLASSIFICATION = "internal"
MAX_TAG_CHARACTERS = 256
MAX_SOURCES_CHARACTERS = 1024
NOT_FOR_TAGS = re.compile(r"[^A-Za-z0-9 +\-=._:/@]")


def label(version: Version, name: str, sha256: str, manifest_key: str) -> Label:
    """Build the metadata and tags of a published object.

    Args:
        version: the publication.
        name: name of the file. The tag `computation` begins with it.
        sha256: hash of the content.
        manifest_key: key of the manifest in the bucket.
    """
    manifest = version.manifest
    common = {
        "run-id": version.run_id,
        "computation": f"{name.lstrip('_').partition('.')[0]}/{manifest['policy']}@{manifest.get('code', 'unknown')}",
        "schema-version": str(manifest["schema_version"]),
        "computed-at": str(manifest["published_at"]),
        "classification": CLASSIFICATION,
        "manifest": manifest_key,
    }
    sources = sources_text(manifest["sources"])
    fits = len(sources) <= MAX_SOURCES_CHARACTERS
    pointer = f"manifest:{manifest_key}"
    tags = common | {"sources": pointer, "sha256": sha256}
    return Label(
        metadata=common | {"sources": sources if fits else pointer},
        tags={key: tag(value) for key, value in tags.items()},
    )


def sources_text(sources: Sequence[Mapping[str, Any]]) -> str:
    """Format bronze objects and their versions as one line: `key@version | key@version`."""
    return " | ".join(f"{source['key']}@{source.get('version_id') or source['sha256']}" for source in sources)


def tag(value: str) -> str:
    """Make a value valid for a tag: replace other characters by `_` and cut it to 256 characters."""
    return NOT_FOR_TAGS.sub("_", value)[:MAX_TAG_CHARACTERS]
