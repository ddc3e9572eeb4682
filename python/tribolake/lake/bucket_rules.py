"""Rules of a bucket: versioning, encryption, the lifecycle of objects, and what readers may read.

The rules are in `bucket_rules.json` and can be put on any store that speaks S3. A test compares `infra/stack.yml` with
them. Names of rules and statements contain the product's name. Rules of other products and owners stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.lake.aws import aws_errors

PLACEHOLDER = re.compile(r"\{(\w+)\}")
# In rule names `-` or a capital follows the product, so no product's names begin like another's.
PRODUCT = re.compile(r"[a-z][a-z0-9]*")

Rule = dict[str, Any]
Statement = dict[str, Any]
# ARNs of roles and users by kind of reader. `folders` in the rules lists what each kind may read.
Readers = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Owner:
    """The data product that owns rules: its name, its folder and its log of changes in the bucket."""

    product: str
    prefix: str
    log: str
    has_unnamed: bool = False  # it also owns the rules of earlier releases, whose names have no product
    permanent: tuple[str, ...] = ()  # folders outside `prefix` whose objects are kept and age

    def __post_init__(self) -> None:
        if not PRODUCT.fullmatch(self.product):
            raise ValueError(f"{self.product!r} is not a product's name: lower-case letters and digits")

    @property
    def names(self) -> dict[str, Any]:
        """Values of placeholders. Identifiers of statements have letters and digits only."""
        capital = self.product.capitalize()
        return {"product": self.product, "Product": capital, "prefix": self.prefix, "log": self.log}


@cache
def stated_rules() -> dict[str, Any]:
    """Read the rules with their placeholders."""
    rules: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return rules


def lifecycle_rules(owner: Owner, *, transitions: bool = True) -> list[Rule]:
    """List the lifecycle rules of a data product, as S3's API takes them.

    Args:
        owner: the data product.
        transitions: False for a store without cheaper storage classes. Objects then stay in theirs.
    """
    stated = stated_rules()
    rules: list[Rule] = _filled(stated["lifecycle"], owner.names)
    for folder in owner.permanent:
        rules += _filled(stated["permanent"], owner.names | {"folder": folder, "name": folder.rpartition("/")[2]})
    if transitions:
        return rules
    left = [{name: part for name, part in rule.items() if not name.endswith("Transitions")} for rule in rules]
    return [rule for rule in left if rule.keys() - {"ID", "Status", "Filter"}]


def policy_statements(
    bucket: str, owner: Owner, readers: Readers | None = None, *, require_tls: bool = True
) -> list[Statement]:
    """List the statements of a bucket policy: requests need TLS, and each reader reads its folders only.

    Args:
        bucket: name of the bucket.
        owner: the data product.
        readers: ARNs by kind of reader.
        require_tls: False for a store without TLS. That is a mistake on a network that others can listen to.
    """
    stated, names = stated_rules(), owner.names | {"bucket": bucket}
    statements = [_filled(stated["tls"], names)] if require_tls else []
    for kind, principals in (readers or {}).items():
        for number, principal in enumerate(principals, start=1):
            own = {"reader": f"{kind}{number}", "principal": principal, "folders": stated["folders"][kind]}
            private = [*stated["private"], *(f"{folder}/*" for folder in owner.permanent)]
            statements += _filled(stated["reader"], names | own | {"private": private})
    return statements


def apply_bucket_rules(
    client: Any,
    bucket: str,
    owner: Owner,
    *,
    readers: Readers | None = None,
    transitions: bool = True,
    require_tls: bool = True,
    encrypt: bool = True,
    block_public_access: bool = False,
) -> list[str]:
    """Put versioning, encryption, lifecycle and policy on a bucket. A second call changes nothing.

    Args:
        client: a boto3 S3 client of the bucket's owner.
        bucket: name of an existing bucket.
        owner: the data product. Rules and statements of others stay.
        readers: ARNs by kind of reader. A reader that is no longer named loses its access.
        transitions: False for a store without the classes GLACIER and DEEP_ARCHIVE. Ceph accepts rules with classes
            that it does not have, and leaves the objects in theirs.
        require_tls: refuse requests without TLS. Ceph 16 does not enforce that.
        encrypt: let the store encrypt objects.
        block_public_access: refuse public policies and grants. Not the default: Ceph then refuses any policy that
            allows something, public or not.

    Returns:
        One line for each rule: what was done, or that it was set already.

    Raises:
        ConfigurationError: the store refuses one of them. The message says which, and what to do. Those before it in
            the order above are done.
    """
    done = [_keep_versions(client, bucket)]
    if encrypt:
        done.append(_encrypt(client, bucket))
    if block_public_access:
        done.append(_block_public_access(client, bucket))
    done.append(_put_lifecycle(client, bucket, owner, lifecycle_rules(owner, transitions=transitions)))
    statements = policy_statements(bucket, owner, readers, require_tls=require_tls)
    done.append(_put_policy(client, bucket, owner, statements))
    return done


def _filled(value: Any, given: dict[str, Any]) -> Any:
    """Fill in the placeholders. A text in a list whose placeholder has several values becomes one text for each."""
    if isinstance(value, dict):
        return {name: _filled(part, given) for name, part in value.items() if name != "why"}
    if isinstance(value, list):
        return [_filled(part, given | one) for part in value for one in _one_by_one(part, given)]
    return PLACEHOLDER.sub(lambda found: given[found[1]], value) if isinstance(value, str) else value


def _one_by_one(value: Any, given: dict[str, Any]) -> list[dict[str, str]]:
    """List the values of a text's placeholder with several values. Returns one empty choice without one."""
    for name in PLACEHOLDER.findall(value) if isinstance(value, str) else ():
        if not isinstance(given[name], str):
            return [{name: one} for one in given[name]]
    return [{}]


def _not_owned(found: list[dict[str, Any]], name: str, owner: Owner) -> list[dict[str, Any]]:
    """Select the rules or statements that do not belong to a product."""
    stated = stated_rules()
    unnamed = stated["unnamed"] if owner.has_unnamed else []
    own = re.compile("|".join([*_filled(stated["own"], owner.names), *unnamed]))
    return [one for one in found if not own.fullmatch(one.get(name, ""))]


def _keep_versions(client: Any, bucket: str) -> str:
    ask = _Calls("versioning", "published objects are traced by their versions: use a store that has them")
    if ask(client.get_bucket_versioning, Bucket=bucket).get("Status") == "Enabled":
        return "versioning: on already"
    ask(client.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return "versioning: switched on"


def _encrypt(client: Any, bucket: str) -> str:
    ask = _Calls("encryption", "leave it to the store's own disks: --no-encryption")
    found = ask(client.get_bucket_encryption, "ServerSideEncryptionConfigurationNotFoundError", Bucket=bucket)
    rules = found.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    if rules:
        return f"encryption: {rules[0]['ApplyServerSideEncryptionByDefault']['SSEAlgorithm']} already"
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ask(client.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    return "encryption: AES256 switched on"


def _block_public_access(client: Any, bucket: str) -> str:
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    ask = _Calls("the block of public access", "leave it unset: without a public policy or grant nothing is public")
    ask(client.put_public_access_block, Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(names, True))
    return "public access: blocked"


def _put_lifecycle(client: Any, bucket: str, owner: Owner, ours: list[Rule]) -> str:
    ask = _Calls("lifecycle", "a store without the storage classes GLACIER and DEEP_ARCHIVE wants --no-transitions")
    found = ask(client.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", Bucket=bucket)
    rules = found.get("Rules", [])
    others = _not_owned(rules, "ID", owner)
    if _canonical(rules) == _canonical([*others, *ours]):
        return f"lifecycle: {len(ours)} rules already"
    # The minimum size for a change of class applies to the rules of others too.
    size = "TransitionDefaultMinimumObjectSize"
    kept = {size: found[size]} if size in found else {}
    configuration = {"Rules": [*others, *ours]}
    ask(client.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration=configuration, **kept)
    return f"lifecycle: {len(ours)} rules put, {len(others)} of others kept"


def _put_policy(client: Any, bucket: str, owner: Owner, ours: list[Statement]) -> str:
    ask = _Calls("policy", "some stores refuse a principal that they do not know: check the readers")
    found = json.loads(ask(client.get_bucket_policy, "NoSuchBucketPolicy", Bucket=bucket).get("Policy", "{}"))
    statements = found.get("Statement", [])
    others = _not_owned(statements, "Sid", owner)
    if _canonical(statements) == _canonical([*others, *ours]):
        return f"policy: {len(ours)} statements already"
    if not others and not ours:
        ask(client.delete_bucket_policy, Bucket=bucket)
        return "policy: removed, no statement is left"
    policy = {"Version": "2012-10-17", **found, "Statement": [*others, *ours]}
    ask(client.put_bucket_policy, Bucket=bucket, Policy=json.dumps(policy))
    return f"policy: {len(ours)} statements put, {len(others)} of others kept"


def _canonical(value: Any) -> Any:
    """Return a configuration in a fixed order, for comparison: stores return lists in any order."""
    if isinstance(value, dict):
        return {name: _canonical(part) for name, part in sorted(value.items())}
    if isinstance(value, list):
        return sorted((_canonical(part) for part in value), key=str)
    return value


@dataclass(frozen=True)
class _Calls:
    """Calls about one part of the configuration. `advice` says what to do if the store refuses it."""

    about: str
    advice: str

    def __call__(self, call: Any, unset: str = "", **arguments: Any) -> dict[str, Any]:
        """Return the reply. It is empty if the store answers with the error code `unset`.

        Raises:
            ConfigurationError: the store refuses.
        """
        try:
            reply: dict[str, Any] = call(**arguments)
        except aws_errors.ClientError as error:
            if unset and error.response["Error"]["Code"] == unset:
                return {}
            raise ConfigurationError(f"the store refuses {self.about} ({error}): {self.advice}") from error
        return reply
