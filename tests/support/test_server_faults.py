"""The faults between a client and its S3 server: each reaches a boto3 client as it should, as planned."""

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
    """The key of an object that is there."""
    client(s3_server).put_object(Bucket=lake, Key="stored", Body=BODY)
    return "stored"


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [(Fault.SLOW_DOWN, "SlowDown", 503), (Fault.INTERNAL_ERROR, "InternalError", 500)],
)
def test_given_a_refused_request_then_the_client_reads_s3s_own_error_and_nothing_is_stored(
    proxy, s3_server, lake, fault, code, status
):
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


def test_given_a_refused_head_then_the_client_sees_the_bare_status(proxy, lake, stored):
    proxy.plan.inject(Fault.SLOW_DOWN)
    with pytest.raises(ClientError) as refused:
        client(proxy.server).head_object(Bucket=lake, Key=stored)
    assert refused.value.response["Error"]["Code"] == "503"


def test_given_a_client_that_tries_again_then_it_gets_through_and_both_tries_are_counted(proxy, lake):
    proxy.plan.inject(Fault.SLOW_DOWN, operation="PutObject")
    client(proxy.server, attempts=3).put_object(Bucket=lake, Key="new", Body=BODY)
    assert proxy.calls == {"PutObject": 2}
    assert [one.status for one in proxy.passed] == [None, 200]


def test_given_a_reset_then_the_client_sees_a_broken_connection_and_nothing_is_stored(proxy, s3_server, lake):
    proxy.plan.inject(Fault.RESET)
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        client(proxy.server).put_object(Bucket=lake, Key="new", Body=BODY)
    assert keys_of(s3_server, lake) == set()


def test_given_a_lost_reply_then_the_client_sees_an_error_and_the_object_is_there(proxy, s3_server, lake):
    proxy.plan.inject(Fault.LOST_REPLY)
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        client(proxy.server).put_object(Bucket=lake, Key="new", Body=BODY)
    assert client(s3_server).get_object(Bucket=lake, Key="new")["Body"].read() == BODY
    assert [(one.fault, one.status) for one in proxy.passed] == [(Fault.LOST_REPLY, 200)]


def test_given_a_lost_reply_to_a_conditional_write_then_the_retry_fails_at_the_clients_own_object(
    proxy, s3_server, bucket
):
    leases = bucket(s3_server).leases
    proxy.plan.inject(Fault.LOST_REPLY)
    with pytest.raises(ClientError) as refused:
        client(proxy.server, attempts=2).put_object(Bucket=leases, Key="lease", Body=b"mine", IfNoneMatch="*")
    assert refused.value.response["Error"]["Code"] == "PreconditionFailed"
    assert client(s3_server).get_object(Bucket=leases, Key="lease")["Body"].read() == b"mine"


def test_given_a_late_reply_then_the_client_gives_up_and_the_object_is_there(proxy, s3_server, lake):
    proxy.plan.inject(Fault.LATE_REPLY, until=threading.Event())
    with pytest.raises(ReadTimeoutError):
        client(proxy.server, read_timeout=0.5).put_object(Bucket=lake, Key="new", Body=BODY)
    # It was applied at once, as far as a busy machine knows that word.
    assert eventually(lambda: keys_of(s3_server, lake) == {"new"}, seconds=30)


def test_given_a_delayed_request_then_it_is_applied_after_the_client_gave_up(proxy, s3_server, lake):
    goes_on = threading.Event()
    proxy.plan.inject(Fault.DELAY, until=goes_on)
    with pytest.raises(ReadTimeoutError):
        client(proxy.server, read_timeout=0.3).put_object(Bucket=lake, Key="new", Body=b"late")
    assert keys_of(s3_server, lake) == set()
    goes_on.set()
    assert eventually(lambda: keys_of(s3_server, lake) == {"new"}, seconds=30)


def test_given_a_delay_within_the_clients_patience_then_it_only_takes_longer(proxy, lake, stored):
    proxy.plan.inject(Fault.DELAY, seconds=0.3)
    began = time.monotonic()
    assert client(proxy.server).get_object(Bucket=lake, Key=stored)["Body"].read() == BODY
    assert time.monotonic() - began >= 0.3


def test_given_a_truncated_body_then_the_head_is_right_and_reading_it_fails(proxy, lake, stored):
    proxy.plan.inject(Fault.TRUNCATE, operation="GetObject")
    through = client(proxy.server)
    answer = through.get_object(Bucket=lake, Key=stored)
    assert answer["ContentLength"] == len(BODY)
    with pytest.raises((ResponseStreamingError, IncompleteReadError)):
        answer["Body"].read()
    assert through.get_object(Bucket=lake, Key=stored)["Body"].read() == BODY


def test_given_a_corrupt_body_then_its_length_is_right_and_one_bit_is_wrong(proxy, lake, stored):
    proxy.plan.inject(Fault.CORRUPT, operation="GetObject")
    body = client(proxy.server).get_object(Bucket=lake, Key=stored)["Body"].read()
    assert sum((mine ^ theirs).bit_count() for mine, theirs in zip(body, BODY, strict=True)) == 1


def test_given_a_reply_without_body_then_there_is_nothing_to_truncate_and_no_fault_is_recorded(proxy, lake, stored):
    proxy.plan.inject(Fault.TRUNCATE)
    client(proxy.server).head_object(Bucket=lake, Key=stored)
    assert proxy.injured == []


# Plans


def test_given_several_rules_then_each_hits_its_own_requests(moto, faulty, bucket):
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
def test_law_a_random_schedule_is_that_of_its_seed(seed, rate, kinds):
    schedules = []
    for _ in range(2):
        plan = Plan()
        plan.at_random(rate, seed, kinds)
        schedules.append([plan.decide(asked(number)) for number in range(50)])
    assert schedules[0] == schedules[1]
    assert {injury.fault for injury in schedules[0] if injury} <= kinds


def test_given_a_rate_then_about_this_part_of_the_requests_is_hit():
    plan = Plan()
    plan.at_random(0.2, seed=1)
    hit = [injury.fault for injury in (plan.decide(asked(number)) for number in range(5000)) if injury]
    assert 900 < len(hit) < 1100
    assert set(hit) == set(PASSING)


def test_given_random_faults_then_a_client_that_looks_before_it_tries_again_stores_everything(proxy, s3_server, lake):
    through = client(proxy.server)
    proxy.plan.at_random(0.3, seed=7)

    def patiently(call: Callable[[], bytes | None]) -> bytes | None:
        for _ in range(30):
            with contextlib.suppress(ClientError, BotoCoreError):
                return call()
        raise AssertionError("thirty tries were not enough")

    for number in range(20):
        body = str(number).encode() * 500
        patiently(lambda key=str(number), body=body: through.put_object(Bucket=lake, Key=key, Body=body) and None)
        assert patiently(lambda key=str(number): through.get_object(Bucket=lake, Key=key)["Body"].read()) == body
    assert {one.fault for one in proxy.injured} == set(PASSING)
    assert keys_of(s3_server, lake) == {str(number) for number in range(20)}
