"""The rules of a bucket: put once, next to those of other owners. A Ceph gateway enforces them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.drawn import drawn
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.apt import ProgramsMissing
from tests.support.servers.rgw import rgw_server
from tests.support.servers.server import DASHBOARD, FUSION, S3Server, client, refused

from tribolake.errors import ConfigurationError
from tribolake.lake.bucket_rules import Owner, apply_bucket_rules, lifecycle_rules, policy_statements

OIL = Owner("oil", "oil-analysis", "logs/changes.jsonl", has_unnamed=True)
OIL2 = Owner("oil2", "oil-sands", "oil-sands/logs/changes.jsonl")
MARKET_OWNER = Owner(
    "market", "market", "market/logs/changes.jsonl", permanent=("data-lake/raw", "data-lake/processed")
)
READERS = {"Fusion": [f"arn:aws:iam:::user/{FUSION}"], "Dashboard": [f"arn:aws:iam:::user/{DASHBOARD}"]}


def apply(s3: Any, bucket: str, **options: Any) -> list[str]:
    """Put the rules for a store on loopback: without TLS, and without encryption, which needs a key server."""
    rules = {"readers": READERS, "require_tls": False, "encrypt": False} | options
    return apply_bucket_rules(s3, bucket, OIL, **rules)


def lifecycle(s3: Any, bucket: str) -> dict[str, dict[str, Any]]:
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    for rule in rules:  # Ceph returns them in another order
        rule.get("Transitions", []).sort(key=lambda transition: transition["Days"])
    return {rule["ID"]: rule for rule in rules}


def statements(s3: Any, bucket: str) -> list[str]:
    return [one["Sid"] for one in json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]]


def test_rules_put_twice_change_nothing_the_second_time(s3_server: S3Server, bucket: NewBuckets):
    s3, name = client(s3_server), bucket(s3_server).leases  # the bucket without versions
    first, second = apply(s3, name), apply(s3, name)
    assert first == [
        "versioning: switched on",
        "lifecycle: 9 rules put, 0 of others kept",
        "policy: 10 statements put, 0 of others kept",
    ]
    assert second == ["versioning: on already", "lifecycle: 9 rules already", "policy: 10 statements already"]
    assert lifecycle(s3, name) == {rule["ID"]: rule for rule in lifecycle_rules(OIL)}


def test_rules_of_other_owners_stay_and_ours_are_updated(s3_server: S3Server, bucket: NewBuckets):
    s3, name = client(s3_server), bucket(s3_server).lake
    theirs = {"ID": "fusion", "Status": "Enabled", "Filter": {"Prefix": "fusion/tmp/"}, "Expiration": {"Days": 3}}
    old = {"ID": "tribolake-oil-old", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [theirs, old]})
    statement = {
        "Sid": "FusionOwn",
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam:::user/{FUSION}"]},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{name}/fusion/*"],
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert apply(s3, name)[1:] == [
        "lifecycle: 9 rules put, 1 of others kept",
        "policy: 10 statements put, 1 of others kept",
    ]
    rules = lifecycle(s3, name)
    assert rules["fusion"] == theirs
    assert "tribolake-oil-old" not in rules
    assert apply(s3, name, readers={"Fusion": READERS["Fusion"]})[-1] == "policy: 5 statements put, 1 of others kept"
    assert "TribolakeOilDashboard1Reads" not in statements(s3, name)
    assert apply(s3, name, readers=None)[-1] == "policy: 0 statements put, 1 of others kept"
    assert statements(s3, name) == ["FusionOwn"]


def test_rules_of_an_earlier_release_are_replaced(s3_server: S3Server, bucket: NewBuckets):
    """Their names had no product: `tribolake-bronze`, `TribolakeFusion1Reads`."""
    s3, name = client(s3_server), bucket(s3_server).lake
    rules, policy = lifecycle_rules(OIL), policy_statements(name, OIL, READERS, require_tls=False)
    known = [rule for rule in rules if rule["ID"] != "tribolake-oil-recommendations"]
    earlier = [rule | {"ID": rule["ID"].replace("-oil", "")} for rule in known]
    statement = [one | {"Sid": one["Sid"].replace("Oil", "")} for one in policy]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": earlier})
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    assert apply(s3, name)[1:] == [
        "lifecycle: 9 rules put, 0 of others kept",
        "policy: 10 statements put, 0 of others kept",
    ]
    assert set(lifecycle(s3, name)) == {rule["ID"] for rule in rules}
    assert sorted(statements(s3, name)) == sorted(one["Sid"] for one in policy)


def test_two_products_in_a_bucket_keep_their_own_rules(s3_server: S3Server, bucket: NewBuckets):
    s3, name = client(s3_server), bucket(s3_server).lake
    apply(s3, name)
    apply_bucket_rules(s3, name, OIL2, readers=READERS, require_tls=False, encrypt=False)
    both = lifecycle(s3, name)
    assert len(both) == 18
    assert len(statements(s3, name)) == 20
    assert apply(s3, name)[1:] == ["lifecycle: 9 rules already", "policy: 10 statements already"]
    assert apply(s3, name, readers=None)[-1] == "policy: 0 statements put, 10 of others kept"
    assert {sid[:13] for sid in statements(s3, name)} == {"TribolakeOil2"}
    apply(s3, name, transitions=False)
    left = lifecycle(s3, name)
    assert all(left[rule] == both[rule] for rule in both if rule.startswith("tribolake-oil2-"))


def test_product_name_with_a_dash_is_refused():
    """Such a name could begin like the name of another product."""
    with pytest.raises(ValueError, match="lower-case letters and digits"):
        Owner("oil-2", "x", "x/log")


def test_policy_without_readers_is_removed(s3_server: S3Server, bucket: NewBuckets):
    s3, name = client(s3_server), bucket(s3_server).lake
    apply(s3, name)
    assert apply(s3, name, readers=None)[-1] == "policy: removed, no statement is left"
    assert apply(s3, name, readers=None)[-1] == "policy: 0 statements already"


def test_lifecycle_without_transitions_has_only_expirations(s3_server: S3Server, bucket: NewBuckets):
    s3, name = client(s3_server), bucket(s3_server).lake
    apply(s3, name, transitions=False)
    assert set(lifecycle(s3, name)) == {
        "tribolake-oil-gold", "tribolake-oil-state", "tribolake-oil-recommendations", "tribolake-oil-uploads",
        "tribolake-oil-logs",
    }  # fmt: skip


def test_encryption_tls_and_public_access_block_are_put(moto: S3Server, bucket: NewBuckets):
    s3, name = client(moto), bucket(moto).lake
    lines = apply_bucket_rules(s3, name, OIL, block_public_access=True)
    assert lines[1] in ("encryption: AES256 switched on", "encryption: AES256 already")
    assert lines[2] == "public access: blocked"
    assert statements(s3, name) == ["TribolakeOilOnlyWithTls"]


def test_prepare_over_plain_http_leaves_tls_out_and_says_so(moto: S3Server, bucket: NewBuckets, tribolake):
    name = bucket(moto).lake
    apply_bucket_rules(client(moto), name, OIL)
    done = tribolake("lake", "prepare", "--lake", f"s3://{name}", S3_ENDPOINT=moto.endpoint, **moto.environment)
    assert done.returncode == 0, done.stderr
    assert f"requests without TLS: still allowed, because {moto.endpoint} has no TLS" in done.stdout
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        statements(client(moto), name)


@pytest.mark.slow
def test_refused_rule_raises_an_error_with_advice(rgw: S3Server, bucket: NewBuckets):
    name = bucket(rgw).lake
    with pytest.raises(ConfigurationError, match=r"refuses encryption .*: leave it to .*--no-encryption"):
        apply(client(rgw), name, encrypt=True)
    with pytest.raises(ConfigurationError, match="refuses versioning"):
        apply(client(rgw.as_user(FUSION)), name)


@pytest.mark.slow
def test_readers_read_their_gold_and_nothing_else(rgw: S3Server, bucket: NewBuckets):
    owner, name = client(rgw), bucket(rgw).lake
    fusion, dashboard = client(rgw.as_user(FUSION)), client(rgw.as_user(DASHBOARD))
    gold = [
        "oil-analysis/gold/cda/classified_reports.parquet",
        "oil-analysis/gold/cda/athena/stewart_limits/symlink.txt",
    ]
    product = ["fusion/gold/fleet.parquet"]
    private = [
        "oil-analysis/bronze/cda/T-09.xlsx",
        "oil-analysis/bronze/gold/T-09.xlsx",
        "oil-analysis/silver/harmonized/CDA.parquet",
        "oil-analysis/processed/gold/T-09.xlsx",
        "oil-analysis/archive/gold/cda/2026-01-31/classified_reports.parquet",
        "oil-analysis/lineage/gold/1.json",
        "oil-analysis/recommendations/v1/0.json",
        "oil-analysis/recommendations/gold/0.json",
        "oil-analysis/_state/warehouse/1.duckdb",
        "oil-analysis/_state/gold/x",
        "logs/changes.jsonl",
        "gold/x.parquet",
    ]
    versions = {key: owner.put_object(Bucket=name, Key=key, Body=b"x")["VersionId"] for key in gold + product + private}
    apply(owner, name)
    for reader, readable in ((fusion, gold + product), (dashboard, product)):
        for key, version in versions.items():
            denied = refused(reader.get_object, Bucket=name, Key=key)
            assert denied is (key not in readable), key
            assert refused(reader.get_object, Bucket=name, Key=key, VersionId=version) is denied
            assert refused(reader.head_object, Bucket=name, Key=key) is denied
            assert refused(reader.put_object, Bucket=name, Key=key, Body=b"y")
            assert refused(reader.delete_object, Bucket=name, Key=key)
            assert refused(reader.delete_object, Bucket=name, Key=key, VersionId=version)
            tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
            assert refused(reader.put_object_tagging, Bucket=name, Key=key, Tagging=tags)
        assert refused(reader.list_objects_v2, Bucket=name)
        assert refused(reader.list_objects_v2, Bucket=name, Prefix="oil-analysis/bronze/gold/")
        assert refused(reader.list_object_versions, Bucket=name)
        assert refused(reader.put_object, Bucket=name, Key="oil-analysis/gold/cda/new", Body=b"y")
        assert refused(reader.put_bucket_policy, Bucket=name, Policy="{}")
        assert refused(reader.delete_bucket_lifecycle, Bucket=name)
    listed = fusion.list_objects_v2(Bucket=name, Prefix="oil-analysis/gold/cda/")
    assert sorted(found["Key"] for found in listed["Contents"]) == sorted(gold)
    assert refused(dashboard.list_objects_v2, Bucket=name, Prefix="oil-analysis/gold/cda/")
    assert owner.get_object(Bucket=name, Key=private[0])["Body"].read() == b"x"


@pytest.fixture
def hasty_rgw() -> Iterator[S3Server]:
    """A gateway whose lifecycle day lasts one second."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(rgw_server(lifecycle_day=1))
        except ProgramsMissing as missing:
            pytest.skip(str(missing))
        yield server


STAY = [("STANDARD", False), ("STANDARD", True)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "days", "left"),
    drawn(
        [
            ("gold", 30, [("STANDARD", True)]),
            ("state", 7, [("STANDARD", True)]),
            ("archive", 0, [("DEEP_ARCHIVE", True), ("STANDARD", False)]),
            ("processed", 90, [("GLACIER", True), ("STANDARD", False)]),
            ("permanent-raw", 90, [("GLACIER", True), ("STANDARD", False)]),
            ("bronze", 10, STAY),
            ("silver", 10, STAY),
        ],
        share=0.3,
        name=lambda case: case[0],
    ),
)
def test_objects_age_as_their_lifecycle_rule_says(hasty_rgw: S3Server, bucket: NewBuckets, name, days, left):
    # One rule and one bucket: the gateway has one day, here a second, for a pass over all rules.
    s3, lake = client(hasty_rgw), bucket(hasty_rgw).lake
    rules = [*lifecycle_rules(OIL), *lifecycle_rules(MARKET_OWNER)]
    (rule,) = [rule for rule in rules if rule["ID"] in (f"tribolake-oil-{name}", f"tribolake-market-{name}")][:1]
    key = f"{rule['Filter']['Prefix']}x"
    s3.put_bucket_lifecycle_configuration(Bucket=lake, LifecycleConfiguration={"Rules": [rule]})
    for content in (b"old", b"new"):
        s3.put_object(Bucket=lake, Key=key, Body=content)
    began = time.monotonic()

    def versions() -> list[tuple[str, bool]]:
        found = s3.list_object_versions(Bucket=lake)["Versions"]
        return sorted((one["StorageClass"], one["IsLatest"]) for one in found)

    if left == STAY:
        time.sleep(days)
    while versions() != left and time.monotonic() < began + days + 60:
        assert versions() == STAY
        time.sleep(1)
    assert versions() == left
    assert time.monotonic() >= began + days - 1  # servers give times in whole seconds
    assert s3.get_object(Bucket=lake, Key=key)["Body"].read() == b"new"


def test_permanent_folders_age_and_never_expire(s3_server: S3Server, bucket: NewBuckets):
    """The plan: "Lifecycle policies apply to processed data", "90d → Glacier, 365d → Deep Archive". Nothing expires."""
    s3, name = client(s3_server), bucket(s3_server).lake
    apply(s3, name)
    apply_bucket_rules(s3, name, MARKET_OWNER, readers=READERS, require_tls=False, encrypt=False)
    found = lifecycle(s3, name)
    assert len(found) == 9 + 11
    for folder in ("raw", "processed"):
        rule = found[f"tribolake-market-permanent-{folder}"]
        assert rule["Filter"] == {"Prefix": f"data-lake/{folder}/"} and rule["Status"] == "Enabled"
        moves = [(move["Days"], move["StorageClass"]) for move in rule["Transitions"]]
        assert moves == [(90, "GLACIER"), (365, "DEEP_ARCHIVE")]
        assert not [part for part in rule if "Expiration" in part]
    assert apply(s3, name)[1] == "lifecycle: 9 rules already"
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    denied = [one["Resource"] for one in policy if one["Sid"] == "TribolakeMarketFusion1StaysOut"]
    assert denied and f"arn:aws:s3:::{name}/data-lake/raw/*" in denied[0]


def test_prepare_of_market_puts_its_rules_next_to_those_of_oil(moto: S3Server, bucket: NewBuckets, tribolake):
    name = bucket(moto).lake
    given = {"S3_ENDPOINT": moto.endpoint, **moto.environment}
    for words in ((), ("--product", "market"), ()):
        done = tribolake("lake", "prepare", "--lake", f"s3://{name}", *words, **given)
        assert done.returncode == 0, done.stderr
    found = lifecycle(client(moto), name)
    assert {rule.split("-")[1] for rule in found} == {"oil", "market"}
    assert found["tribolake-market-permanent-raw"]["Filter"] == {"Prefix": "raw/"}
    assert found["tribolake-market-permanent-processed"]["Filter"] == {"Prefix": "processed/"}
    refused_product = tribolake("lake", "prepare", "--lake", f"s3://{name}", "--product", "gas", **given)
    assert refused_product.returncode == 2 and "oil, market" in refused_product.stderr
