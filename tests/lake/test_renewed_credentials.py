"""Credentials that end while a run works. The server refuses the old ones, and the chain has new ones."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.moto import moto_server
from tests.support.servers.server import S3Server, client

from tribolake.errors import StoreUnavailable
from tribolake.lake.store import ObjectStore, open_store
from tribolake.oil.synth import write_sample_lake
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.slow
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass
class Keys:
    """Access keys of two users of a server that refuses unknown keys: the owner of the test, and the product."""

    server: S3Server
    bucket: str
    write: Callable[[dict[str, Any]], None]

    def __post_init__(self) -> None:
        iam = client(self.server, service="iam")
        for user in ("owner", "product"):
            iam.create_user(UserName=user)
            iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
        owner = iam.create_access_key(UserName="owner")["AccessKey"]
        self.owner = replace(self.server, access_key=owner["AccessKeyId"], secret_key=owner["SecretAccessKey"])
        self.current = iam.create_access_key(UserName="product")["AccessKey"]
        self.write(self.current)
        httpx.post(f"{self.server.endpoint}/moto-api/reset-auth", content="0").raise_for_status()

    def replace(self) -> None:
        """Make a new key of the product, hand it out, and delete the old one."""
        iam, old = client(self.owner, service="iam"), self.current
        self.current = iam.create_access_key(UserName="product")["AccessKey"]
        self.write(self.current)
        iam.delete_access_key(UserName="product", AccessKeyId=old["AccessKeyId"])

    def revoke(self) -> None:
        client(self.owner, service="iam").delete_access_key(UserName="product", AccessKeyId=self.current["AccessKeyId"])


def shared_file(folder: Path) -> Callable[[dict[str, Any]], None]:
    def write(key: dict[str, Any]) -> None:
        lines = f"aws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n"
        (folder / "credentials").write_text(f"[default]\n{lines}")

    return write


def process_without_expiry(folder: Path) -> Callable[[dict[str, Any]], None]:
    """A program that prints the keys of now, and does not say how long they last: botocore asks it once."""
    (folder / "config").write_text(f"[default]\ncredential_process = cat {folder / 'keys.json'}\n")

    def write(key: dict[str, Any]) -> None:
        keys = {name: key[name] for name in ("AccessKeyId", "SecretAccessKey")}
        (folder / "keys.json").write_text(json.dumps({"Version": 1, **keys}))

    return write


@pytest.fixture(params=[shared_file, process_without_expiry])
def keys(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with moto_server() as server:
        yield Keys(server, new_buckets(server).lake, request.param(tmp_path))


@pytest.fixture
def settings(keys: Keys, tmp_path: Path) -> Settings:
    flags = {"state_dir": tmp_path / "state", "s3_attempts": 2, "s3_timeout_seconds": 5}
    return load_settings(lake=f"s3://{keys.bucket}", s3_endpoint=keys.server.endpoint, aws_region="us-east-1", **flags)


CALLS: dict[str, Callable[[ObjectStore, Path], object]] = {
    "put a file": lambda store, file: store.put("k", file),
    "put in parts": lambda store, file: store.put("big", b"x" * 9_000_000),
    "read": lambda store, _: store.read("there"),
    "head": lambda store, _: store.head("there"),
    "list": lambda store, _: list(store.list("")),
    "delete": lambda store, _: store.delete("there"),
}


def test_call_with_a_replaced_key_is_made_again(keys: Keys, settings: Settings, tmp_path: Path):
    store = open_store(settings)
    store.put("there", b"content")
    file = tmp_path / "file"
    file.write_bytes(b"rows" * 1000)
    for name, call in CALLS.items():
        keys.replace()
        call(store, file)
        assert name
    assert store.read("k")[0] == file.read_bytes()


def test_call_with_a_revoked_key_says_what_to_do(keys: Keys, settings: Settings):
    store = open_store(settings)
    keys.revoke()
    with pytest.raises(StoreUnavailable, match="correct the credentials, which needs no restart"):
        store.read("there")
    assert store.calls["GetObject"] == 1, "it is not asked again with the same key"


@pytest.mark.parametrize("keys", [process_without_expiry], indirect=True)
def test_run_goes_on_with_the_keys_of_now(keys: Keys, settings: Settings, tmp_path: Path, tribolake):
    write_sample_lake(tmp_path / "sample", finning_units=1, als_units=1, months=2, dirty=False)
    bucket = client(keys.owner)
    for path in (tmp_path / "sample" / "oil-analysis").rglob("*.*"):
        key = path.relative_to(tmp_path / "sample").as_posix()
        bucket.put_object(Bucket=keys.bucket, Key=key, Body=path.read_bytes())

    def replace_while_it_runs() -> None:
        for part in ("_state/leases/", "_first_listings/", "gold/cda/"):
            for _ in range(600):
                if bucket.list_objects_v2(Bucket=keys.bucket, Prefix=f"oil-analysis/{part}").get("KeyCount"):
                    break
                time.sleep(0.05)
            keys.replace()
            replaced.append(part)

    replaced: list[str] = []
    renewing = threading.Thread(target=replace_while_it_runs)
    renewing.start()
    ended = tribolake(
        "run", "--lake", settings.address, AWS_ENDPOINT_URL=keys.server.endpoint, AWS_REGION="us-east-1",
        TRIBOLAKE_STATE_DIR=str(settings.state),
    )  # fmt: skip
    renewing.join()
    assert ended.returncode == 0, ended.stderr
    assert len(replaced) == 3
    assert "gold/cda" in ended.stdout and "gold/emin" in ended.stdout
