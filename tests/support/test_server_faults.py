"""Faults between a boto3 client and its S3 server: each one has the planned effect."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from hypothesis import given
from hypothesis import strategies as st
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.plan import PASSING, Fault, Plan, Request
from tests.support.servers.processes import eventually
from tests.support.servers.server import S3Server, client, keys_of

BODY = b"wear metals: " * 1000


@pytest.fixture
def lake(s3_server: S3Server, bucket: NewBuckets) -> str:
    return bucket(s3_server).lake


@pytest.fixture
def stored(s3_server: S3Server, lake: str) -> str:
    """The key of a stored object."""
    client(s3_server).put_object(Bucket=lake, Key="stored", Body=BODY)
    return "stored"


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [(Fault.SLOW_DOWN, "SlowDown", 503), (Fault.INTERNAL_ERROR, "InternalError", 500)],
)
def test_refused_request_gives_s3_error_and_stores_nothing(proxy, s3_server, lake, fault, code, status):
    through = client(proxy.server)
    proxy.plan.inject(fault, times=3)
    for call in (
        lambda: through.put_object(Bucket=lake, Key="new", Body=BODY),
        lambda: through.list_objects_v2(Bucket=lake),
        lambda: through.copy_object(Bucket=lake, Key="new", CopySource={"Bucket": lake, "Key": "old"}),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Code"] == code
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert [(one.fault, one.status) for one in proxy.passed] == [(fault, None)] * 3
    assert keys_of(s3_server, lake) == set()


def test_refused_head_gives_only_the_status(proxy, lake, stored):
    proxy.plan.inject(Fault.SLOW_DOWN)
    with pytest.raises(ClientError) as refused:
        client(proxy.server).head_object(Bucket=lake, Key=stored)
    assert refused.value.response["Error"]["Code"] == "503"


def test_retry_succeeds_and_both_attempts_are_counted(proxy, lake):
    proxy.plan.inject(Fault.SLOW_DOWN, operation="PutObject")
    client(proxy.server, attempts=3).put_object(Bucket=lake, Key="new", Body=BODY)
    assert proxy.calls == {"PutObject": 2}
    assert [one.status for one in proxy.passed] == [None, 200]


def test_reset_breaks_the_connection_and_stores_nothing(proxy, s3_server, lake):
    proxy.plan.inject(Fault.RESET)
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        client(proxy.server).put_object(Bucket=lake, Key="new", Body=BODY)
    assert keys_of(s3_server, lake) == set()


def test_lost_reply_gives_an_error_but_stores_the_object(proxy, s3_server, lake):
    proxy.plan.inject(Fault.LOST_REPLY)
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        client(proxy.server).put_object(Bucket=lake, Key="new", Body=BODY)
    assert client(s3_server).get_object(Bucket=lake, Key="new")["Body"].read() == BODY
    assert [(one.fault, one.status) for one in proxy.passed] == [(Fault.LOST_REPLY, 200)]


def test_conditional_write_with_lost_reply_fails_on_retry(proxy, s3_server, bucket):
    leases = bucket(s3_server).leases
    proxy.plan.inject(Fault.LOST_REPLY)
    with pytest.raises(ClientError) as refused:
        client(proxy.server, attempts=2).put_object(Bucket=leases, Key="lease", Body=b"mine", IfNoneMatch="*")
    assert refused.value.response["Error"]["Code"] == "PreconditionFailed"
    assert client(s3_server).get_object(Bucket=leases, Key="lease")["Body"].read() == b"mine"


def test_late_reply_times_out_but_stores_the_object(proxy, s3_server, lake):
    proxy.plan.inject(Fault.LATE_REPLY, until=threading.Event())
    with pytest.raises(ReadTimeoutError):
        client(proxy.server, read_timeout=0.5).put_object(Bucket=lake, Key="new", Body=BODY)
    # The server applied it at once, but a busy machine may be slow.
    assert eventually(lambda: keys_of(s3_server, lake) == {"new"}, seconds=30)


def test_delayed_request_is_applied_after_the_timeout(proxy, s3_server, lake):
    goes_on = threading.Event()
    proxy.plan.inject(Fault.DELAY, until=goes_on)
    with pytest.raises(ReadTimeoutError):
        client(proxy.server, read_timeout=0.3).put_object(Bucket=lake, Key="new", Body=b"late")
    assert keys_of(s3_server, lake) == set()
    goes_on.set()
    assert eventually(lambda: keys_of(s3_server, lake) == {"new"}, seconds=30)


def test_delay_below_the_timeout_only_takes_longer(proxy, lake, stored):
    proxy.plan.inject(Fault.DELAY, seconds=0.3)
    began = time.monotonic()
    assert client(proxy.server).get_object(Bucket=lake, Key=stored)["Body"].read() == BODY
    assert time.monotonic() - began >= 0.3


def test_truncated_body_has_a_right_head_and_fails_on_read(proxy, lake, stored):
    proxy.plan.inject(Fault.TRUNCATE, operation="GetObject")
    through = client(proxy.server)
    answer = through.get_object(Bucket=lake, Key=stored)
    assert answer["ContentLength"] == len(BODY)
    with pytest.raises((ResponseStreamingError, IncompleteReadError)):
        answer["Body"].read()
    assert through.get_object(Bucket=lake, Key=stored)["Body"].read() == BODY


def test_corrupt_body_has_right_length_and_one_wrong_bit(proxy, lake, stored):
    proxy.plan.inject(Fault.CORRUPT, operation="GetObject")
    body = client(proxy.server).get_object(Bucket=lake, Key=stored)["Body"].read()
    assert sum((mine ^ theirs).bit_count() for mine, theirs in zip(body, BODY, strict=True)) == 1


def test_reply_without_body_cannot_be_truncated(proxy, lake, stored):
    proxy.plan.inject(Fault.TRUNCATE)
    client(proxy.server).head_object(Bucket=lake, Key=stored)
    assert proxy.injured == []


# Plans


def test_each_rule_hits_its_own_requests(moto, faulty, bucket):
    proxy, lake = faulty(moto), bucket(moto).lake
    through = client(proxy.server)
    proxy.plan.inject(Fault.SLOW_DOWN, nth=4)
    proxy.plan.inject(Fault.SLOW_DOWN, operation="PutObject", nth=2)
    proxy.plan.inject(Fault.INTERNAL_ERROR, when=lambda request: request.key.startswith("gold/"), times=None)
    outcomes = []
    for key in ("a", "gold/a", "b", "c", "d", "gold/b"):
        try:
            through.put_object(Bucket=lake, Key=key, Body=b"1")
            outcomes.append("stored")
        except ClientError as refused:
            outcomes.append(refused.response["Error"]["Code"])
    assert outcomes == ["stored", "SlowDown", "stored", "SlowDown", "stored", "InternalError"]
    proxy.plan.calm()
    proxy.forget()
    through.put_object(Bucket=lake, Key="gold/a", Body=b"1")
    assert (proxy.calls, proxy.injured) == ({"PutObject": 1}, [])


def asked(number: int) -> Request:
    return Request(number, "GET", "lake", "key", {}, {}, "GetObject")


@given(seed=st.integers(), rate=st.floats(0, 1), kinds=st.sets(st.sampled_from(Fault), min_size=1))
def test_random_schedule_depends_only_on_its_seed(seed, rate, kinds):
    schedules = []
    for _ in range(2):
        plan = Plan()
        plan.at_random(rate, seed, kinds)
        schedules.append([plan.decide(asked(number)) for number in range(50)])
    assert schedules[0] == schedules[1]
    assert {injury.fault for injury in schedules[0] if injury} <= kinds


def test_rate_hits_about_this_part_of_the_requests():
    plan = Plan()
    plan.at_random(0.2, seed=1)
    hit = [injury.fault for injury in (plan.decide(asked(number)) for number in range(5000)) if injury]
    assert 900 < len(hit) < 1100
    assert set(hit) == set(PASSING)


def test_client_that_checks_before_retries_stores_everything(proxy, s3_server, lake):
    through = client(proxy.server)
    proxy.plan.at_random(0.3, seed=7)

    def with_retries(call: Callable[[], bytes | None]) -> bytes | None:
        for _ in range(30):
            with contextlib.suppress(ClientError, BotoCoreError):
                return call()
        raise AssertionError("thirty attempts failed")

    for number in range(20):
        body = str(number).encode() * 500
        with_retries(lambda key=str(number), body=body: through.put_object(Bucket=lake, Key=key, Body=body) and None)
        assert with_retries(lambda key=str(number): through.get_object(Bucket=lake, Key=key)["Body"].read()) == body
    assert {one.fault for one in proxy.injured} == set(PASSING)
    assert keys_of(s3_server, lake) == {str(number) for number in range(20)}
