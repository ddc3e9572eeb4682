"""What every published object says of itself: where it comes from, who made it, and when.

S3 allows 2 KB of metadata, ASCII only, and ten tags of 256 characters. What is longer, the list of sources above all,
stands in the manifest, and the tag `sources` says where that is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tribolake.lake.store import Label
from tribolake.publish.version import Version

CLASSIFICATION = "internal"
MAX_TAG_CHARACTERS = 256
MAX_SOURCES_CHARACTERS = 1024
NOT_FOR_TAGS = re.compile(r"[^A-Za-z0-9 +\-=._:/@]")


def label(version: Version, name: str, sha256: str, manifest_key: str) -> Label:
    """The metadata and tags of an object of a publication.

    Args:
        version: the publication.
        name: the file, which is what the computation is called after.
        sha256: of its content.
        manifest_key: where the manifest of the publication stands in the bucket.
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
    """Bronze objects with their versions, as one line: `key@version | key@version`."""
    return " | ".join(f"{source['key']}@{source.get('version_id') or source['sha256']}" for source in sources)


def tag(value: str) -> str:
    """A value as tags allow it: other characters become `_`, and what is too long is cut."""
    return NOT_FOR_TAGS.sub("_", value)[:MAX_TAG_CHARACTERS]
