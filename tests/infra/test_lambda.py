"""The function that starts tasks, with ECS, S3, SQS and SNS over a real socket and with hostile keys."""

from __future__ import annotations

import json
import logging
import os
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest
from arrival_events import Arrival, CreatedObject, NotAnEvent, WatchedBronze, arrival, created_objects
from client_tasks import ClientTask
from handler import BUSY, LOGGED_CHARACTERS, STARTED, NotServed, Starter, handler, messages_in
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer
from start_lease import StartLease
from tests.support.servers import server
from tests.support.servers.faults import faulty_server
from tests.support.servers.plan import Fault

WATCHED = WatchedBronze("lake", "oil-analysis", frozenset({"cda", "emin"}))
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
WORKBOOK = "oil-analysis/bronze/cda/2026-01-31/T-09.xlsx"
TABLE = "oil-analysis/bronze/emin/muestras.parquet"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def cloud(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The account with a cluster, a task definition and a bucket for leases, and the function's environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "BUCKET": WATCHED.bucket,
        "PREFIX": WATCHED.prefix,
        "CLIENTS": "cda,emin,",
        "LEASE_BUCKET": "locks",
        "CONTAINER": "tribolake",
        "SECURITY_GROUPS": "sg-1",
        "ASSIGN_PUBLIC_IP": "DISABLED",
    }.items():
        monkeypatch.setenv(name, value)
    _post(f"{endpoint}/moto-api/reset", {})
    # Tasks keep running until they are stopped.
    _post(
        f"{endpoint}/moto-api/state-manager/set-transition",
        {"model_name": "ecs::task", "transition": {"progression": "manual", "times": 10_000}},
    )
    cloud = Cloud()
    monkeypatch.setenv("SUBNETS", boto3.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"])
    monkeypatch.setenv("CLUSTER", cloud.cluster)
    monkeypatch.setenv("TASK_DEFINITION", cloud.definition)
    return cloud


class Cloud:
    """The AWS account of the function."""

    def __init__(self) -> None:
        self.ecs, self.s3 = boto3.client("ecs"), boto3.client("s3")
        self.cluster = self.ecs.create_cluster(clusterName="tasks")["cluster"]["clusterArn"]
        self.definition = self.ecs.register_task_definition(
            family="tribolake",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="1024",
            memory="4096",
            containerDefinitions=[{"name": "tribolake", "image": "tribolake", "cpu": 1024, "memory": 4096}],
        )["taskDefinition"]["taskDefinitionArn"]
        self.s3.create_bucket(Bucket="locks")

    def tasks(self) -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster=self.cluster)["taskArns"]
        return self.ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"] if arns else []

    def starts(self) -> list[dict[str, str]]:
        """Return the environment of each task."""
        return sorted(
            (
                {pair["name"]: pair["value"] for pair in task["overrides"]["containerOverrides"][0]["environment"]}
                for task in self.tasks()
            ),
            key=str,
        )

    def end_tasks(self) -> None:
        for task in self.tasks():
            self.ecs.stop_task(cluster=self.cluster, task=task["taskArn"])

    def expire_leases(self) -> None:
        """Delete the leases, which expire after ten seconds."""
        for client in WATCHED.clients:
            self.s3.delete_object(Bucket="locks", Key=f"starts/{client}")


def _post(url: str, body: dict[str, object]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


def record(key: str, *, bucket: str = WATCHED.bucket, name: str = "ObjectCreated:Put", at: datetime = NOON) -> dict:
    """Return a record as S3 sends it."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": at.isoformat().replace("+00:00", "Z"),
        "eventName": name,
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/"), "size": 1}},
    }


def event(*keys: str) -> dict:
    return {"Records": [record(key) for key in keys]}


def batch(*bodies: object) -> dict:
    """Return a batch of SQS messages with the ids m0, m1, …."""
    return {
        "Records": [
            {
                "messageId": f"m{i}",
                "eventSource": "aws:sqs",
                "body": body if isinstance(body, str) else json.dumps(body),
            }
            for i, body in enumerate(bodies)
        ]
    }


def again(answer: dict) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def arrivals(message: object) -> list[Arrival | str]:
    return [arrival(created, WATCHED) for created in created_objects(message)]


# Events


def test_event_in_any_envelope_gives_the_same_arrival():
    plain = event("oil-analysis/bronze/cda/Año 2026/T+09 (1).xlsx")
    in_sns = {"Type": "Notification", "TopicArn": "arn", "Message": json.dumps(plain)}
    sns_record = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(plain)}}]}
    key = "oil-analysis/bronze/cda/Año 2026/T+09 (1).xlsx"
    eventbridge = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-01-31T12:00:00Z",
        "detail": {"bucket": {"name": "lake"}, "object": {"key": key}},
    }
    ceph = record("x")
    ceph["eventSource"], ceph["s3"]["object"]["key"] = "ceph:s3", key
    expected = [Arrival("cda", key, NOON)]
    for message in (plain, json.dumps(plain), in_sns, json.dumps(in_sns), sns_record, eventbridge, {"Records": [ceph]}):
        assert arrivals(message) == expected


@pytest.mark.parametrize("name", ["a.XLS", "a.xlsb", "a.ods", "a.csv", "a.tsv", "a.txt", "a.html", "a.parquet"])
def test_every_kind_of_table_is_an_arrival(name):
    assert arrivals(event(f"oil-analysis/bronze/cda/{name}")) == [
        Arrival("cda", f"oil-analysis/bronze/cda/{name}", NOON)
    ]


@pytest.mark.parametrize(
    "message",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "lake"},
        {"Records": []},
        {"Records": [record(WORKBOOK, name="ObjectRemoved:DeleteMarkerCreated")]},
        {"Records": [record(WORKBOOK, name="ObjectTagging:Put")]},
        {"source": "aws.s3", "detail-type": "Object Deleted", "detail": {"bucket": {"name": "lake"}}},
    ],
)
def test_other_events_of_the_bucket_give_no_arrival(message):
    assert arrivals(message) == []


@pytest.mark.parametrize(
    "message",
    ["", "{", "null", "[]", "7", {}, None, 7, [], {"Records": [None]}, {"Records": [{"eventSource": "aws:ses"}]}]
    + [{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}]} for s3 in (None, {}, [])]
    + [{"Type": "Notification", "Message": "no event"}, "[" * 100_000, {"Records": [{"EventSource": "aws:sns"}]}],
)
def test_message_not_from_s3_is_refused(message):
    with pytest.raises(NotAnEvent):
        arrivals(message)


def test_message_in_ten_envelopes_is_refused():
    message: object = event(WORKBOOK)
    for _ in range(10):
        message = {"Type": "Notification", "Message": message}
    with pytest.raises(NotAnEvent):
        arrivals(message)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("oil-analysis/silver/harmonized/CDA.parquet", "not in bronze"),
        ("oil-analysis/bronzed/cda/T-09.xlsx", "not in bronze"),
        ("/oil-analysis/bronze/cda/T-09.xlsx", "not in bronze"),
        ("OIL-ANALYSIS/bronze/cda/T-09.xlsx", "not in bronze"),
        ("", "not in bronze"),
        ("oil-analysis/bronze/", "a folder"),
        ("oil-analysis/bronze/cda/", "a folder"),
        ("oil-analysis/bronze/T-09.xlsx", "not below a client's folder"),
        ("oil-analysis/bronze//T-09.xlsx", "not below a client's folder"),
        ("oil-analysis/bronze/cda/../../silver/T-09.xlsx", "not below a client's folder"),
        ("oil-analysis/bronze/cda/./T-09.xlsx", "not below a client's folder"),
        ("oil-analysis/bronze/../cda/T-09.xlsx", "not below a client's folder"),
        ("oil-analysis/bronze/cda/..\\T-09.xlsx", "odd characters"),
        ("oil-analysis/bronze/cda/T-09\n.xlsx", "odd characters"),
        ("oil-analysis/bronze/cda/T-09\0.xlsx", "odd characters"),
        ("oil-analysis/bronze/cda/\u202eT-09.xlsx", "odd characters"),
        ("oil-analysis/bronze/cda/\N{REPLACEMENT CHARACTER}.xlsx", "odd characters"),
        ("oil-analysis/bronze/$(reboot)/T-09.xlsx", "unknown client"),
        ("oil-analysis/bronze/mlp/T-09.xlsx", "unknown client"),
        ("oil-analysis/bronze/cda/~$T-09.xlsx", "not a laboratory file"),
        ("oil-analysis/bronze/cda/T-09.xlsx.part", "not a laboratory file"),
        ("oil-analysis/bronze/cda/T-09.pdf", "not a laboratory file"),
        ("oil-analysis/bronze/cda/.xlsx", "not a laboratory file"),
        (f"oil-analysis/bronze/cda/{'á' * 600}.xlsx", "key too long"),
    ],
)
def test_key_that_is_not_an_arrival_has_a_reason(key, reason):
    assert arrival(CreatedObject("lake", key), WATCHED) == reason


def test_object_in_another_bucket_is_not_an_arrival():
    assert arrival(CreatedObject("lake-2", WORKBOOK), WATCHED) == "another bucket"


@pytest.mark.parametrize("name", ["T-09.XLSX", "T 09 (copia).xlsx", "T%2B09.xlsx", "muestras;rm -rf $HOME.parquet"])
def test_arrival_keeps_its_key_unchanged(name):
    key = f"oil-analysis/bronze/CDA/2026-01-31/{name}"
    assert arrivals(event(key)) == [Arrival("cda", key, NOON)]


hostile_parts = st.sampled_from(
    ["oil-analysis", "bronze", "cda", "CDA", "emin", "silver", "..", ".", "", "%2e%2e", "$(x)", "a\\b", "T-09.xlsx"]
) | st.text(max_size=12)
hostile_keys = st.lists(hostile_parts, max_size=8).map("/".join) | st.text(max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(hostile_keys | hostile_keys.map(lambda key: f"oil-analysis/bronze/cda/{key}"))
def test_arrival_of_any_key_is_below_the_folder_of_a_client(key):
    found = arrival(CreatedObject("lake", key), WATCHED)
    if isinstance(found, str):
        return
    assert found.key == key
    assert key.split("/")[:2] == ["oil-analysis", "bronze"]
    assert key.split("/")[2].lower() == found.client
    assert found.client in WATCHED.clients
    assert not {"", ".", ".."} & set(key.split("/"))
    assert "\\" not in key
    assert all(character >= " " for character in key)
    assert len(key.encode()) <= 1024


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_key_encoded_by_s3_is_decoded_exactly(name):
    assert [created.key for created in created_objects({"Records": [record(name)]})] == [name]


field_names = st.sampled_from(
    ["Records", "Type", "Message", "source", "detail", "s3", "eventSource", "eventName", "Sns"]
)


@given(st.dictionaries(field_names, json_values | st.sampled_from(["aws:s3", "Notification", "aws.s3"])) | json_values)
def test_any_message_is_read_or_refused(message):
    for sent in (message, json.dumps(message), {"Records": [message]}):
        try:
            arrivals(sent)
        except NotAnEvent:
            continue


# Tasks that will see an arrival


@pytest.mark.parametrize(("status", "sees"), [("PROVISIONING", True), ("PENDING", True), ("RUNNING", False)])
def test_task_sees_arrivals_until_its_container_starts(status, sees):
    assert ClientTask(status, NOON).will_see(NOON + timedelta(seconds=30)) is sees
    assert ClientTask(status, NOON).will_see(None) is sees


def test_task_sees_arrival_from_before_its_creation():
    assert ClientTask("RUNNING", NOON).will_see(NOON - timedelta(seconds=1))
    assert not ClientTask("RUNNING", None).will_see(NOON - timedelta(seconds=1))
    # Times of ECS and S3 are cut: an object of the same moment may be younger than the listing.
    assert not ClientTask("RUNNING", NOON).will_see(NOON)


# Starts of tasks


def test_burst_of_two_clients_starts_one_task_per_client(cloud):
    burst = [event(f"oil-analysis/bronze/cda/T-{i:02}.xlsx") for i in range(20)]
    assert again(handler(batch(*burst, event(TABLE)), None)) == []
    assert cloud.starts() == [
        {"CLIENT": "cda", "TRIGGER_TYPE": "s3_event", "SOURCE_FILE": "oil-analysis/bronze/cda/T-19.xlsx"},
        {"CLIENT": "emin", "TRIGGER_TYPE": "s3_event", "SOURCE_FILE": TABLE},
    ]
    assert {task["startedBy"] for task in cloud.tasks()} == {"tribolake/cda", "tribolake/emin"}


def test_events_while_a_task_runs_come_again(cloud):
    """They start the next task when it has ended."""
    handler(batch(event(WORKBOOK)), None)
    later = batch(event(TABLE), event(WORKBOOK), event(WORKBOOK))
    assert again(handler(later, None)) == ["m1", "m2"]
    assert again(handler(later, None)) == ["m0", "m1", "m2"]
    assert len(cloud.tasks()) == 2
    cloud.end_tasks()
    cloud.expire_leases()
    assert again(handler(later, None)) == []
    running = [task for task in cloud.tasks() if task["desiredStatus"] == "RUNNING"]
    assert sorted(task["startedBy"] for task in running) == ["tribolake/cda", "tribolake/emin"]


def test_concurrent_invocations_start_one_task(cloud):
    with ThreadPoolExecutor(8) as invocations:
        answers = list(invocations.map(handler, [batch(event(WORKBOOK))] * 8, [None] * 8))
    assert len(cloud.tasks()) == 1
    assert any(again(answer) == [] for answer in answers)


def test_arrival_after_a_short_task_starts_another(cloud):
    def serve(lease_seconds: int, patience: float) -> str:
        starter = Starter.from_environment(os.environ)
        starter = replace(starter, lease=StartLease(cloud.s3, "locks", seconds=lease_seconds))
        return starter.serve([Arrival("cda", WORKBOOK, None)], time.monotonic() + patience)

    assert serve(3600, patience=0) == STARTED
    cloud.end_tasks()
    assert serve(3600, patience=-1) == BUSY
    # It waits until the lease expires, which may have happened by now.
    assert serve(2, patience=60) == STARTED
    assert len(cloud.tasks()) == 2


def test_batch_with_invalid_messages_returns_only_those(cloud):
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent"}
    bodies = ["not json", event(WORKBOOK), test_event, event("elsewhere/x"), {"hello": "world"}]
    assert again(handler(batch(*bodies), None)) == ["m0", "m4"]
    assert len(cloud.tasks()) == 1


def test_irrelevant_events_call_no_service(cloud, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    nothing = batch(event("oil-analysis/gold/cda/x.parquet"), event("oil-analysis/bronze/cda/../x.xlsx"))
    assert again(handler(nothing, None)) == []
    assert cloud.tasks() == []


def test_messages_come_again_if_ecs_does_not_answer(cloud, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert again(handler(batch(event(WORKBOOK), event("elsewhere/x")), None)) == ["m0"]


def test_messages_come_again_if_ecs_starts_no_task(cloud, monkeypatch):
    monkeypatch.setenv("TASK_DEFINITION", "unknown:1")
    assert again(handler(batch(event(WORKBOOK)), None)) == ["m0"]
    assert cloud.tasks() == []


def test_event_without_a_queue_starts_a_task_or_fails(cloud):
    assert again(handler(event(WORKBOOK), None)) == []
    with pytest.raises(NotServed):
        handler({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(event(WORKBOOK))}}]}, None)
    with pytest.raises(NotServed):
        handler({"hello": "world"}, None)
    assert len(cloud.tasks()) == 1


def test_messages_from_real_sqs_and_sns_start_tasks(cloud):
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="events")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    cloud.s3.create_bucket(Bucket="lake")
    cloud.s3.put_bucket_notification_configuration(
        Bucket="lake",
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    cloud.s3.put_object(Bucket="lake", Key="oil-analysis/bronze/cda/T 09 ñ.xlsx", Body=b"x")
    sns.publish(TopicArn=topic, Message=json.dumps(event(TABLE)))
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    records = [
        {"messageId": message["MessageId"], "eventSource": "aws:sqs", "body": message["Body"]} for message in received
    ]
    assert again(handler({"Records": records}, None)) == []
    assert [start["SOURCE_FILE"] for start in cloud.starts()] == ["oil-analysis/bronze/cda/T 09 ñ.xlsx", TABLE]


def test_hostile_keys_give_short_single_log_lines(cloud, caplog):
    caplog.set_level(logging.INFO)
    name = "\N{FIRE}" * 200 + "' ; DROP TABLE.xlsx"
    handler(batch(event(f"oil-analysis/bronze/cda/{name}"), event("x\nERROR all is lost"), "{" + "y" * 9999), None)
    lines = [entry.getMessage() for entry in caplog.records if entry.name == "tribolake"]
    assert len(lines) == 3
    for line in lines:
        assert line.isascii()
        assert "\n" not in line
        assert len(line) < 12 * LOGGED_CHARACTERS + 200
        json.loads(line)


@given(st.lists(json_values, min_size=1, max_size=3))
def test_batch_returns_every_body_unchanged(bodies):
    assert [message.body for message in messages_in(batch(*map(json.dumps, bodies)))] == list(map(json.dumps, bodies))


# The lease


def test_lease_is_refused_to_others_until_it_expires(cloud):
    lasting, expired = (StartLease(cloud.s3, "locks", seconds=seconds) for seconds in (3600, 0))
    assert lasting.take("cda")
    assert not lasting.take("cda")
    assert lasting.take("emin")
    assert expired.take("cda")
    assert not lasting.take("cda")


def test_expired_lease_is_taken_by_one_of_many(moto, bucket):
    s3, leases = server.client(moto), bucket(moto).leases
    assert StartLease(s3, leases).take("cda")
    at_once = Barrier(4)

    class TakesAtOnce(StartLease):
        """Writes only after all takers have found the lease expired."""

        def _put(self, client: str, token: str, **condition: str) -> bool:
            if "IfMatch" in condition:
                at_once.wait(30)
            return super()._put(client, token, **condition)

    lease = TakesAtOnce(s3, leases, seconds=0)
    with ThreadPoolExecutor(4) as takers:
        assert sum(takers.map(lease.take, ["cda"] * 4)) == 1


@pytest.mark.parametrize("expired", [False, True])
def test_lease_with_lost_reply_is_recognised_as_taken(endpoint, cloud, expired):
    if expired:
        assert StartLease(cloud.s3, "locks").take("cda")
    with faulty_server(server.server_at(endpoint, "moto")) as proxy:
        condition = "if-match" if expired else "if-none-match"
        proxy.plan.inject(Fault.LOST_REPLY, when=lambda one: one.method == "PUT" and condition in one.headers)
        assert StartLease(server.client(proxy.server, attempts=2), "locks", seconds=0).take("cda")
        assert [one.status for one in proxy.injured] == [200]
    assert not StartLease(cloud.s3, "locks", seconds=3600).take("cda")
