"""moto's server with two corrections: atomic conditional writes, and lists of versions after a key as in S3.

moto checks an object and stores it a moment later. With 16 concurrent writers and `If-None-Match`, two succeeded for 1
of 400 objects, and the second overwrote the first. In S3 check and write are atomic.

In a list of versions after a key, moto leaves out only the first version at or after this key. Of a key with three
versions it lists two again, and for a missing key it skips a version of the next key.
"""

from __future__ import annotations

import threading
from typing import Any

import moto.server
from moto.core.utils import unix_time_millis
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3.models import S3Backend

list_after_version = S3Backend.list_object_versions


class OneChangeAtATime(DomainDispatcherApplication):
    """Serializes PUT and DELETE. POST is free, because a receive from a queue may wait."""

    _changing = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] not in ("PUT", "DELETE"):
            return super().__call__(environ, start_response)
        with self._changing:
            return super().__call__(environ, start_response)


def list_after_key(self: S3Backend, bucket_name: str, **asked: Any) -> Any:
    """List the versions after the last version up to a key, if the request names no version."""
    key = asked.get("key_marker")
    if key and not asked.get("version_id_marker"):
        every = [version for _, versions in self.get_bucket(bucket_name).keys.lists() for version in list(versions)]
        past = [version for version in every if version.name <= key]
        past.sort(key=lambda version: (version.name, -unix_time_millis(version.last_modified)))
        marks = (past[-1].name, past[-1].version_id) if past else (None, None)
        asked |= dict(zip(("key_marker", "version_id_marker"), marks, strict=True))
    return list_after_version(self, bucket_name, **asked)


if __name__ == "__main__":
    moto.server.DomainDispatcherApplication = OneChangeAtATime  # type: ignore[attr-defined]
    S3Backend.list_object_versions = list_after_key  # type: ignore[method-assign,assignment]
    moto.server.main()
