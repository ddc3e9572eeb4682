"""What a bucket is to do by itself: age its objects, and keep readers to what they may read.

The rules are data here, and are put on any store that speaks S3. `infra/stack.yml` has the same ones for AWS; a test
compares the two. Rules of other owners of the bucket stay: ours are known by how their names begin.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tribolake.errors import ConfigurationError

RULE_NAME = "tribolake-"
STATEMENT_NAME = "Tribolake"
# What a reader of gold never sees, not even under a client or a folder that is called `gold`.
PRIVATE_FOLDERS = (
    "*/bronze/*",
    "*/silver/*",
    "*/processed/*",
    "*/archive/*",
    "*/lineage/*",
    "*/recommendations/*",
    "*/_state/*",
)
FUSION_FOLDERS = ("*/gold/*",)
DASHBOARD_FOLDERS = ("fusion/gold/*",)

Rule = dict[str, Any]
Statement = dict[str, Any]


@dataclass(frozen=True)
class Reader:
    """Somebody who may read some folders of the bucket, and nothing else.

    `name` is letters and digits, `principal` the ARN of a role or user, `folders` patterns of keys such as `*/gold/*`.
    """

    name: str
    principal: str
    folders: tuple[str, ...]


def lifecycle_rules(prefix: str, *, transitions: bool = True) -> list[Rule]:
    """How the objects of a data product age, in the words of S3's API.

    Args:
        prefix: the data product's folder, such as `oil-analysis`.
        transitions: False for a store that has no cheaper storage classes: then objects stay where they are.
    """
    rules = [
        # Kept for ever, all versions: lineage leads to them.
        _rule(
            "bronze",
            f"{prefix}/bronze/",
            Transitions=[_to("GLACIER", 365)],
            NoncurrentVersionTransitions=[_noncurrent_to("GLACIER", 365)],
        ),
        _rule(
            "silver",
            f"{prefix}/silver/",
            Transitions=[_to("GLACIER", 365)],
            NoncurrentVersionTransitions=[_noncurrent_to("GLACIER", 365)],
        ),
        _rule(
            "gold",
            f"{prefix}/gold/",
            NoncurrentVersionExpiration={"NoncurrentDays": 30},
            Expiration={"ExpiredObjectDeleteMarker": True},
        ),
        _rule("processed", f"{prefix}/processed/", Transitions=[_to("GLACIER", 90), _to("DEEP_ARCHIVE", 365)]),
        # What retention took out of gold's history: asked for once in years.
        _rule("archive", f"{prefix}/archive/", Transitions=[_to("DEEP_ARCHIVE", 0)]),
        # The warehouse is written after every run: its old versions would soon be most of what the bucket holds.
        _rule(
            "state",
            f"{prefix}/_state/",
            NoncurrentVersionExpiration={"NoncurrentDays": 7},
            Expiration={"ExpiredObjectDeleteMarker": True},
        ),
        # None for `recommendations/`: of a wording the oldest version counts, a noncurrent one where a writer was late.
        _rule("logs", "logs/changes.jsonl", NoncurrentVersionExpiration={"NoncurrentDays": 30}),
        _rule("uploads", f"{prefix}/", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7}),
    ]
    return rules if transitions else [rule for rule in map(_without_transitions, rules) if len(rule) > _EMPTY]


def policy_statements(bucket: str, readers: Sequence[Reader] = (), *, require_tls: bool = True) -> list[Statement]:
    """Statements of a bucket policy: nobody without TLS, and each reader in its folders only.

    Args:
        bucket: name of the bucket.
        readers: who may read what.
        require_tls: False for a store without TLS; on a network that others listen to, that is a mistake.
    """
    statements = [statement for reader in readers for statement in _of_reader(bucket, reader)]
    return [_only_with_tls(bucket), *statements] if require_tls else statements


def apply_bucket_rules(
    client: Any,
    bucket: str,
    prefix: str,
    *,
    readers: Sequence[Reader] = (),
    transitions: bool = True,
    require_tls: bool = True,
    encrypt: bool = True,
    block_public_access: bool = False,
) -> list[str]:
    """Put versioning, encryption, lifecycle and policy on a bucket; doing it again changes nothing.

    Args:
        client: an S3 client of boto3, of the bucket's owner.
        bucket: name of the bucket, which exists.
        prefix: the data product's folder in it.
        readers: who may read what. A reader that is no longer named loses what an earlier call gave it.
        transitions: False for a store without the classes GLACIER and DEEP_ARCHIVE. Ceph takes rules with classes that
            it does not have, and leaves the objects where they are.
        require_tls: refuse requests without TLS, where the store looks at that: Ceph 16 does not.
        encrypt: have the store encrypt what it keeps.
        block_public_access: refuse public policies and grants. Not the default: Ceph then refuses any policy that
            allows something, public or not.

    Returns:
        One line for each of these: what was done, or that it was so already.

    Raises:
        ConfigurationError: the store refuses one of them; the message says which and what to do. What stands before it
            in the order above is done.
    """
    done = [_keep_versions(client, bucket)]
    if encrypt:
        done.append(_encrypt(client, bucket))
    if block_public_access:
        done.append(_block_public_access(client, bucket))
    done.append(_put_lifecycle(client, bucket, lifecycle_rules(prefix, transitions=transitions)))
    done.append(_put_policy(client, bucket, policy_statements(bucket, readers, require_tls=require_tls)))
    return done


def _rule(name: str, folder: str, **actions: Any) -> Rule:
    return {"ID": f"{RULE_NAME}{name}", "Status": "Enabled", "Filter": {"Prefix": folder}, **actions}


_EMPTY = len(_rule("", ""))


def _to(storage_class: str, days: int) -> dict[str, Any]:
    return {"Days": days, "StorageClass": storage_class}


def _noncurrent_to(storage_class: str, days: int) -> dict[str, Any]:
    return {"NoncurrentDays": days, "StorageClass": storage_class}


def _without_transitions(rule: Rule) -> Rule:
    return {name: value for name, value in rule.items() if not name.endswith("Transitions")}


def _only_with_tls(bucket: str) -> Statement:
    return {
        "Sid": f"{STATEMENT_NAME}OnlyWithTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [_arn(bucket), _arn(bucket, "*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _of_reader(bucket: str, reader: Reader) -> list[Statement]:
    own = {"Principal": {"AWS": [reader.principal]}}
    name = f"{STATEMENT_NAME}{reader.name}"
    return [
        {
            "Sid": f"{name}Reads",
            "Effect": "Allow",
            **own,
            "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectVersionTagging"],
            "Resource": [_arn(bucket, folder) for folder in reader.folders],
        },
        {
            "Sid": f"{name}Lists",
            "Effect": "Allow",
            **own,
            "Action": ["s3:ListBucket"],
            "Resource": [_arn(bucket)],
            "Condition": {"StringLike": {"s3:prefix": list(reader.folders)}},
        },
        {
            "Sid": f"{name}StaysOut",
            "Effect": "Deny",
            **own,
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": [_arn(bucket, folder) for folder in PRIVATE_FOLDERS],
        },
        {
            "Sid": f"{name}ListsNoPrivate",
            "Effect": "Deny",
            **own,
            "Action": ["s3:ListBucket"],
            "Resource": [_arn(bucket)],
            "Condition": {"StringLike": {"s3:prefix": list(PRIVATE_FOLDERS)}},
        },
        {
            "Sid": f"{name}WritesNothing",
            "Effect": "Deny",
            **own,
            "Action": ["s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject", "s3:DeleteObjectVersion"],
            "Resource": [_arn(bucket, "*")],
        },
    ]


def _arn(bucket: str, key: str | None = None) -> str:
    return f"arn:aws:s3:::{bucket}" if key is None else f"arn:aws:s3:::{bucket}/{key}"


def _keep_versions(client: Any, bucket: str) -> str:
    ask = _Asking("versioning", "published objects are traced by their versions: use a store that has them")
    if ask(client.get_bucket_versioning, Bucket=bucket).get("Status") == "Enabled":
        return "versioning: on already"
    ask(client.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return "versioning: switched on"


def _encrypt(client: Any, bucket: str) -> str:
    ask = _Asking("encryption", "leave it to the store's own disks: --no-encryption")
    found = ask(client.get_bucket_encryption, "ServerSideEncryptionConfigurationNotFoundError", Bucket=bucket)
    rules = found.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    if rules:
        return f"encryption: {rules[0]['ApplyServerSideEncryptionByDefault']['SSEAlgorithm']} already"
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ask(client.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    return "encryption: AES256 switched on"


def _block_public_access(client: Any, bucket: str) -> str:
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    ask = _Asking("the block of public access", "leave it unset: without a public policy or grant nothing is public")
    ask(client.put_public_access_block, Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(names, True))
    return "public access: blocked"


def _put_lifecycle(client: Any, bucket: str, ours: list[Rule]) -> str:
    ask = _Asking("lifecycle", "a store without the storage classes GLACIER and DEEP_ARCHIVE wants --no-transitions")
    found = ask(client.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", Bucket=bucket)
    rules = found.get("Rules", [])
    others = [rule for rule in rules if not rule.get("ID", "").startswith(RULE_NAME)]
    if _canonical(rules) == _canonical([*others, *ours]):
        return f"lifecycle: {len(ours)} rules already"
    # From which size on objects change their class holds for the rules of others too.
    size = "TransitionDefaultMinimumObjectSize"
    kept = {size: found[size]} if size in found else {}
    configuration = {"Rules": [*others, *ours]}
    ask(client.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration=configuration, **kept)
    return f"lifecycle: {len(ours)} rules put, {len(others)} of others kept"


def _put_policy(client: Any, bucket: str, ours: list[Statement]) -> str:
    ask = _Asking("policy", "some stores refuse a principal that they do not know: check the readers")
    found = json.loads(ask(client.get_bucket_policy, "NoSuchBucketPolicy", Bucket=bucket).get("Policy", "{}"))
    statements = found.get("Statement", [])
    others = [one for one in statements if not one.get("Sid", "").startswith(STATEMENT_NAME)]
    if _canonical(statements) == _canonical([*others, *ours]):
        return f"policy: {len(ours)} statements already"
    if not others and not ours:
        ask(client.delete_bucket_policy, Bucket=bucket)
        return "policy: removed, no statement is left"
    policy = {"Version": "2012-10-17", **found, "Statement": [*others, *ours]}
    ask(client.put_bucket_policy, Bucket=bucket, Policy=json.dumps(policy))
    return f"policy: {len(ours)} statements put, {len(others)} of others kept"


def _canonical(value: Any) -> Any:
    """A configuration so that it can be compared: stores give lists back in an order of their own."""
    if isinstance(value, dict):
        return {name: _canonical(part) for name, part in sorted(value.items())}
    if isinstance(value, list):
        return sorted((_canonical(part) for part in value), key=str)
    return value


@dataclass(frozen=True)
class _Asking:
    """Calls about one part of the configuration; `advice` is what to do where the store refuses it."""

    about: str
    advice: str

    def __call__(self, call: Any, unset: str = "", **arguments: Any) -> dict[str, Any]:
        """The reply; empty where the store says in this error that nothing is set.

        Raises:
            ConfigurationError: the store refuses.
        """
        try:
            reply: dict[str, Any] = call(**arguments)
        except ClientError as error:
            if unset and error.response["Error"]["Code"] == unset:
                return {}
            raise ConfigurationError(f"the store refuses {self.about} ({error}): {self.advice}") from error
        return reply
