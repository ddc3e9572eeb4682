"""Find the name of the S3 operation of an HTTP request."""

from __future__ import annotations

from collections.abc import Mapping

# Sub-resources of a bucket or an object, by the query parameter that names them.
SUBRESOURCES = {
    "accelerate": "BucketAccelerateConfiguration",
    "acl": "{}Acl",
    "attributes": "ObjectAttributes",
    "cors": "BucketCors",
    "encryption": "BucketEncryption",
    "lifecycle": "BucketLifecycleConfiguration",
    "location": "BucketLocation",
    "logging": "BucketLogging",
    "notification": "BucketNotificationConfiguration",
    "object-lock": "ObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "PublicAccessBlock",
    "replication": "BucketReplication",
    "retention": "ObjectRetention",
    "legal-hold": "ObjectLegalHold",
    "tagging": "{}Tagging",
    "versioning": "BucketVersioning",
}
VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete", "HEAD": "Head"}
WITHOUT_CONFIGURATION = {"DeleteBucketLifecycleConfiguration": "DeleteBucketLifecycle"}


def operation_of(method: str, bucket: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Return the name, such as `PutObject` or `ListObjectsV2`. Names of headers are in small letters."""
    if not bucket:
        return "ListBuckets"
    for parameter, noun in SUBRESOURCES.items():
        if parameter in query:
            name = VERBS.get(method, method) + noun.format("Object" if key else "Bucket")
            return WITHOUT_CONFIGURATION.get(name, name)
    if key:
        return _of_object(method, query, headers)
    return _of_bucket(method, query)


def _of_object(method: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    copies = "x-amz-copy-source" in headers
    if "uploadId" in query:
        part = "UploadPartCopy" if copies else "UploadPart"
        names = {"PUT": part, "GET": "ListParts", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}
        return names.get(method, method)
    if method == "POST":
        posts = {"uploads": "CreateMultipartUpload", "restore": "RestoreObject", "select": "SelectObjectContent"}
        return next((name for parameter, name in posts.items() if parameter in query), "PostObject")
    if method == "PUT" and copies:
        return "CopyObject"
    return f"{VERBS.get(method, method)}Object"


def _of_bucket(method: str, query: Mapping[str, str]) -> str:
    if method == "GET":
        if query.get("list-type") == "2":
            return "ListObjectsV2"
        lists = {"versions": "ListObjectVersions", "uploads": "ListMultipartUploads"}
        return next((name for parameter, name in lists.items() if parameter in query), "ListObjects")
    if method == "POST":
        return "DeleteObjects" if "delete" in query else "PostObject"
    return {"PUT": "CreateBucket", "DELETE": "DeleteBucket", "HEAD": "HeadBucket"}.get(method, method)
