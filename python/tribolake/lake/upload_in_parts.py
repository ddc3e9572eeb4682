"""Send a large object in parts. Readers see it when the last part has arrived, or never."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tribolake.errors import StoreUnavailable
from tribolake.lake.aws import aws_errors
from tribolake.lake.stored import Source, md5_header

PARTS_AT_ONCE = 2


def upload_in_parts(
    client: Any,
    which: Mapping[str, str],
    source: Source,
    described: Mapping[str, Any],
    ask: Callable[[Callable[[], dict[str, Any]]], dict[str, Any]],
    before_each: Callable[[], None],
) -> None:
    """Send the parts of a source, and complete the object.

    Args:
        client: of boto3.
        which: bucket and key.
        source: the content.
        described: metadata.
        ask: makes the call that sends a part, again if it fails.
        before_each: called before the object is completed.
    """
    upload = client.create_multipart_upload(**which, **described)["UploadId"]

    def send(number: int) -> dict[str, Any]:
        body = source.part(number)
        done = client.upload_part(
            **which, UploadId=upload, PartNumber=number + 1, Body=body, ContentMD5=md5_header(body)
        )
        if "ETag" not in done:
            raise StoreUnavailable(f"the answer for a part of {which['Key']!a} has no ETag: does a proxy remove it?")
        return {"PartNumber": number + 1, "ETag": done["ETag"]}

    try:
        with ThreadPoolExecutor(PARTS_AT_ONCE) as threads:
            parts = list(threads.map(lambda number: ask(lambda: send(number)), range(source.parts)))
        before_each()  # sending the parts, which readers cannot see yet, may have taken minutes
        client.complete_multipart_upload(**which, UploadId=upload, MultipartUpload={"Parts": parts})
    except BaseException:
        # Parts cost money until the upload is aborted. An upload that was completed after all cannot be aborted.
        _quietly(lambda: client.abort_multipart_upload(**which, UploadId=upload))
        raise


def _quietly(call: Callable[[], object]) -> None:
    try:
        call()
    except (aws_errors.BotoCoreError, aws_errors.ClientError):
        return
