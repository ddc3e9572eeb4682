"""moto's server, made to change one object at a time, and to list versions after a key as S3 does.

moto looks whether an object is there, and stores it a moment later: of 16 writers who say `If-None-Match` at once two
succeeded for 1 of 400 objects, and the second destroyed what the first had been told is his. S3 does both at once.

Asked for the versions after a key, moto leaves out the one version that comes first at or after this key: of a key with
three it lists two again, and where the key is gone it passes over one of the next key.
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
    """Queues are asked by POST, which may wait for a message: it holds nobody up."""

    _changing = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] not in ("PUT", "DELETE"):
            return super().__call__(environ, start_response)
        with self._changing:
            return super().__call__(environ, start_response)


def list_after_key(self: S3Backend, bucket_name: str, **asked: Any) -> Any:
    """List the versions after those of a key, where no version is named: after the last one up to this key."""
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
