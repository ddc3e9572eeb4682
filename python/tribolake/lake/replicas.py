"""Replicas of a lake's objects: by storage mode a folder, a bucket, or both."""

from __future__ import annotations

from tribolake.lake.objects import FolderObjects, Objects
from tribolake.lake.objects_in_bucket import BucketObjects
from tribolake.settings import Settings


def open_objects(settings: Settings) -> Objects:
    """Return the objects of a lake in the replica that readers use."""
    return open_replicas(settings)[0]


def open_replicas(settings: Settings) -> list[Objects]:
    """Return the replicas of a lake's objects: the primary first, then its copy if the storage mode has one."""
    if not settings.uses_s3:
        return [FolderObjects(settings.lake, settings.prefix)]
    bucket = BucketObjects.of(settings)
    if settings.storage_mode == "s3":
        return [bucket]
    folder = FolderObjects(settings.lake, settings.prefix)
    return [bucket, folder] if settings.is_on_s3 else [folder, bucket]
