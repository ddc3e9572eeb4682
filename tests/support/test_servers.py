"""The S3 servers of the tests: the proxy changes nothing, the gateway keeps S3's rules, and all servers end."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.apt import ProgramsMissing
from tests.support.servers.faults import FaultyServer
from tests.support.servers.processes import ServerDidNotStart, eventually, start, stop, wait_until
from tests.support.servers.rgw import install
from tests.support.servers.server import DASHBOARD, FUSION, S3Server, client, keys_of

from tribolake.settings import PROJECT_DIR

MEBIBYTE = 1 << 20
BODY = b"wear metals: " * 1000


@pytest.fixture
def lake(s3_server: S3Server, bucket: NewBuckets) -> str:
    return bucket(s3_server).lake


def target_of(proxy: FaultyServer, bucket: str, key: str) -> str:
    """Return the path of a signed PUT."""
    signed: str = client(proxy.server).generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key})
    return signed.removeprefix(proxy.server.endpoint)


def random_bytes(size: int) -> bytes:
    return random.Random(size).randbytes(size)  # noqa: S311


# The proxy passes bytes unchanged


@pytest.mark.parametrize("size", [0, 1, 70_000, 20 * MEBIBYTE])
def test_proxy_with_empty_plan_passes_bytes_unchanged(proxy, s3_server, lake, size):
    through, direct = client(proxy.server), client(s3_server)
    body = random_bytes(size)
    through.put_object(Bucket=lake, Key="one", Body=body, Metadata={"sha256": hashlib.sha256(body).hexdigest()})
    assert direct.get_object(Bucket=lake, Key="one")["Body"].read() == body
    got = through.get_object(Bucket=lake, Key="one")
    assert (got["ContentLength"], got["Body"].read()) == (size, body)
    assert got["Metadata"] == {"sha256": hashlib.sha256(body).hexdigest()}
    head = through.head_object(Bucket=lake, Key="one")
    assert (head["ContentLength"], head["VersionId"]) == (size, got["VersionId"])


def test_multipart_upload_is_unchanged_and_counts_every_part(proxy, s3_server, lake, tmp_path):
    body = random_bytes(20 * MEBIBYTE)
    (tmp_path / "big").write_bytes(body)
    parts = TransferConfig(multipart_threshold=5 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE)
    client(proxy.server).upload_file(str(tmp_path / "big"), lake, "big", Config=parts)
    assert client(s3_server).get_object(Bucket=lake, Key="big")["Body"].read() == body
    assert proxy.calls == {"CreateMultipartUpload": 1, "UploadPart": 4, "CompleteMultipartUpload": 1}
    client(proxy.server).download_file(lake, "big", str(tmp_path / "back"), Config=parts)
    assert (tmp_path / "back").read_bytes() == body


@pytest.mark.parametrize(
    "key", ["T-09 (copia) ñ.xlsx", "a+b&c=d?e#f%20g", "fecha=2026-01-31/Análisis 100%.parquet", "x//y"]
)
def test_key_with_special_characters_keeps_a_valid_signature(proxy, lake, key):
    through = client(proxy.server)
    through.put_object(Bucket=lake, Key=key, Body=b"1", Tagging="client=cda&kind=a%20b")
    assert through.get_object(Bucket=lake, Key=key)["Body"].read() == b"1"
    assert [one["Key"] for one in through.list_objects_v2(Bucket=lake)["Contents"]] == [key]
    assert {one.request.key for one in proxy.passed[:2]} == {key}
    assert {one["Key"] for one in through.get_object_tagging(Bucket=lake, Key=key)["TagSet"]} == {"client", "kind"}


def test_chunked_body_with_checksum_trailer_passes(moto, faulty, bucket):
    proxy, lake = faulty(moto), bucket(moto).lake
    lines = [b"6\r\nwear m\r\n", b"5\r\netals\r\n", b"0\r\n", b"x-amz-checksum-crc32:8R6+8g==\r\n\r\n"]
    headers = {
        "Content-Encoding": "aws-chunked",
        "Transfer-Encoding": "chunked",
        "X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
        "X-Amz-Decoded-Content-Length": "11",
    }
    # Two layers of chunks, as AWS clients send them: chunks of S3 inside chunks of HTTP.
    with contextlib.closing(http.client.HTTPConnection(urlsplit(proxy.server.endpoint).netloc)) as connection:
        connection.request("PUT", f"/{lake}/trailer", body=iter(lines), headers=headers, encode_chunked=True)
        assert connection.getresponse().status == 200
    assert client(moto).get_object(Bucket=lake, Key="trailer")["Body"].read() == b"wear metals"


@pytest.mark.slow
@pytest.mark.parametrize("expects", [True, False])
def test_kept_connection_carries_many_requests(rgw, faulty, bucket, expects):
    # moto closes its connection after every answer, so only the gateway can show this.
    proxy, lake = faulty(rgw), bucket(rgw).lake
    address = urlsplit(proxy.server.endpoint)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        for number in range(3):
            head = [f"PUT {target_of(proxy, lake, str(number))} HTTP/1.1", f"Host: {address.netloc}"]
            head += ["Content-Length: 3", *(["Expect: 100-continue"] if expects else [])]
            connection.sendall("\r\n".join([*head, "", ""]).encode())
            if expects:
                assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
            connection.sendall(b"abc")
            assert connection.recv(10_000).startswith(b"HTTP/1.1 200 ")
    assert keys_of(rgw, lake) == {"0", "1", "2"}


def test_client_that_leaves_in_its_body_stores_nothing(proxy, s3_server, lake):
    address = urlsplit(proxy.server.endpoint)
    target = target_of(proxy, lake, "half")
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(f"PUT {target} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 9\r\n\r\nhalf".encode())
    client(proxy.server).put_object(Bucket=lake, Key="whole", Body=b"1")
    assert keys_of(s3_server, lake) == {"whole"}


def test_concurrent_requests_get_their_own_answers(proxy, lake):
    through = client(proxy.server, max_pool_connections=8)

    def there_and_back(number: int) -> bool:
        body = random_bytes(number * 1000)
        through.put_object(Bucket=lake, Key=str(number), Body=body)
        return bool(through.get_object(Bucket=lake, Key=str(number))["Body"].read() == body)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, range(60)))
    assert proxy.calls == {"PutObject": 60, "GetObject": 60}


def test_calls_of_boto3_are_counted_by_operation(moto, faulty, bucket):
    proxy, made = faulty(moto), []
    lake = bucket(moto).lake
    through = client(proxy.server)
    through.meta.events.register("before-send.s3", lambda event_name, **_: made.append(event_name.split(".")[-1]))
    one = {"Bucket": lake, "Key": "a/b"}
    through.list_buckets()
    through.head_bucket(Bucket=lake)
    through.create_bucket(Bucket=f"{lake}-2")
    through.put_object(**one, Body=b"1")
    through.head_object(**one)
    through.get_object(**one)
    through.get_object_attributes(**one, ObjectAttributes=["ETag"])
    through.copy_object(Bucket=lake, Key="c", CopySource=one)
    through.put_object_tagging(**one, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    through.get_object_tagging(**one)
    through.delete_object_tagging(**one)
    through.list_objects(Bucket=lake)
    through.list_objects_v2(Bucket=lake, Prefix="a/")
    through.list_object_versions(Bucket=lake)
    upload = one | {"UploadId": through.create_multipart_upload(**one)["UploadId"]}
    through.upload_part(**upload, PartNumber=1, Body=b"1")
    through.upload_part_copy(**upload, PartNumber=2, CopySource={"Bucket": lake, "Key": "c"})
    through.list_parts(**upload)
    through.list_multipart_uploads(Bucket=lake)
    through.abort_multipart_upload(**upload)
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 1}}
    through.put_bucket_lifecycle_configuration(Bucket=lake, LifecycleConfiguration={"Rules": [rule]})
    through.get_bucket_lifecycle_configuration(Bucket=lake)
    through.delete_bucket_lifecycle(Bucket=lake)
    through.put_bucket_policy(Bucket=lake, Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    through.delete_bucket_policy(Bucket=lake)
    through.get_bucket_versioning(Bucket=lake)
    through.get_bucket_location(Bucket=lake)
    through.delete_object(**one)
    through.delete_objects(Bucket=lake, Delete={"Objects": [{"Key": "c"}]})
    through.delete_bucket(Bucket=f"{lake}-2")
    assert [passed.request.operation for passed in proxy.passed] == made


# The gateway


@pytest.mark.slow
def test_gateway_keeps_versions_with_tags_and_metadata(rgw, bucket):
    s3, one = client(rgw), {"Bucket": bucket(rgw).lake, "Key": "gold/cda/_manifest.json"}
    first = s3.put_object(**one, Body=b"1", Metadata={"run": "1"}, Tagging="client=cda")["VersionId"]
    second = s3.put_object(**one, Body=b"2", Metadata={"run": "2"})["VersionId"]
    s3.delete_object(**one)
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(**one)
    for version, body, tags in ((first, b"1", [{"Key": "client", "Value": "cda"}]), (second, b"2", [])):
        got = s3.get_object(**one, VersionId=version)
        assert (got["Body"].read(), got["Metadata"]) == (body, {"run": body.decode()})
        assert s3.get_object_tagging(**one, VersionId=version)["TagSet"] == tags


@pytest.mark.slow
def test_bucket_policy_limits_what_a_user_may_do(rgw, bucket):
    lake = bucket(rgw).lake
    owner, fusion, dashboard = client(rgw), client(rgw.as_user(FUSION)), client(rgw.as_user(DASHBOARD))
    gold, silver = {"Bucket": lake, "Key": "gold/a"}, {"Bucket": lake, "Key": "silver/a"}
    for one in (gold, silver):
        owner.put_object(**one, Body=b"1")
    principal = {"AWS": [f"arn:aws:iam:::user/{FUSION}"]}
    allowed = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{lake}/gold/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    with pytest.raises(ClientError, match="AccessDenied"):
        fusion.get_object(**gold)
    owner.put_bucket_policy(Bucket=lake, Policy=json.dumps(policy))
    assert fusion.get_object(**gold)["Body"].read() == b"1"
    for forbidden in (
        lambda: fusion.get_object(**silver),
        lambda: fusion.put_object(**gold, Body=b"2"),
        lambda: fusion.delete_object(**gold),
        lambda: fusion.list_objects_v2(Bucket=lake),
        lambda: dashboard.get_object(**gold),
        lambda: client(dataclasses.replace(rgw, secret_key=DASHBOARD)).get_object(**gold),
    ):
        with pytest.raises(ClientError) as error:
            forbidden()
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.slow
def test_lifecycle_rules_expire_and_move_objects(quiet_rgw, bucket):
    lake, s3 = bucket(quiet_rgw).lake, client(quiet_rgw)
    for key in ("delta/old", "gold/kept", "history/cold"):
        s3.put_object(Bucket=lake, Key=key, Body=BODY)
        s3.put_object(Bucket=lake, Key=key, Body=BODY)
    rules = [
        {"ID": "expire", "Filter": {"Prefix": "delta/"}, "Expiration": {"Days": 1}},
        {"ID": "archive", "Filter": {"Prefix": "history/"}, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]},
        {"ID": "forget", "Filter": {"Prefix": "gold/"}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
    ]
    s3.put_bucket_lifecycle_configuration(
        Bucket=lake, LifecycleConfiguration={"Rules": [rule | {"Status": "Enabled"} for rule in rules]}
    )

    def settled() -> bool:
        archived = s3.head_object(Bucket=lake, Key="history/cold").get("StorageClass") == "GLACIER"
        versions = s3.list_object_versions(Bucket=lake, Prefix="gold/")["Versions"]
        return archived and len(versions) == 1 and keys_of(quiet_rgw, lake) == {"gold/kept", "history/cold"}

    assert eventually(settled, seconds=120)
    assert s3.get_object(Bucket=lake, Key="history/cold")["Body"].read() == BODY


# Start and end of servers


@pytest.mark.parametrize("kind", ["moto", pytest.param("rgw", marks=pytest.mark.slow)])
@pytest.mark.skipif(not shutil.which("setpriv"), reason="only Linux with util-linux ties a server to its starter")
def test_killed_starter_leaves_no_server(request, kind, tmp_path):
    request.getfixturevalue(kind)  # skips if the server is not available
    program = (
        f"from tests.support.servers.{kind} import {kind}_server\n"
        f"with {kind}_server() as server:\n print(server.endpoint, flush=True)\n input()"
    )
    command = [sys.executable, "-c", program]
    environment = os.environ | {"TMPDIR": str(tmp_path)}  # for files that the killed starter leaves
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=PROJECT_DIR, env=environment, text=True, **pipes) as starter:
        assert starter.stdout is not None
        endpoint = starter.stdout.readline().strip()
        servers = psutil.Process(starter.pid).children(recursive=True)
        assert endpoint.startswith("http://127.0.0.1:")
        assert servers
        starter.kill()
    assert eventually(lambda: not any(server.is_running() and server.status() != "zombie" for server in servers), 10)


def test_failed_start_shows_the_end_of_the_server_log(tmp_path):
    process = start([sys.executable, "-c", "raise SystemExit('no port for me')"], tmp_path / "moto.log")
    with pytest.raises(ServerDidNotStart, match=r"moto ended with 1: no port for me"):
        wait_until(lambda: False, process, tmp_path / "moto.log")
    silent = start(["sleep", "60"], tmp_path / "silent.log")
    try:
        with pytest.raises(ServerDidNotStart, match=r"silent did not answer within 0\.1 s"):
            wait_until(lambda: False, silent, tmp_path / "silent.log", seconds=0.1)
    finally:
        stop(silent)
    assert silent.returncode is not None


def test_missing_ceph_without_root_names_the_command(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(
        ProgramsMissing, match=r"as root run `apt-get install .* ceph-mon ceph-osd radosgw ceph-common`"
    ):
        install()
