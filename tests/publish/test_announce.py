"""Announcements of publications on S3. They come once, or twice after a kill, and never delay readers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.lake_homes import PRODUCT, InBucket, fill, manifest_of
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.faults import FaultyServer
from tests.support.servers.plan import Fault
from tests.support.servers.server import S3Server, client
from tests.support.small_warehouse import CLIENT, DAY, warehouse

from tribolake.errors import StoreUnavailable
from tribolake.lake.store import ObjectStore
from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.publish.announce import MARKER, Topic
from tribolake.publish.gold import publish_client
from tribolake.publish.in_bucket import BucketShelf
from tribolake.publish.version import ManifestHeader
from tribolake.run.pipeline import run
from tribolake.settings import load_settings

VERSIONS = f"{PRODUCT}/gold/{CLIENT}/_versions"


@dataclass
class Listener:
    """A topic and a queue that is subscribed to it."""

    server: S3Server

    def __post_init__(self) -> None:
        self.sns, self.sqs = client(self.server, service="sns"), client(self.server, service="sqs")
        self.topic = self.sns.create_topic(Name=uuid.uuid4().hex)["TopicArn"]
        self._queue = self.sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)

    def received(self) -> list[dict[str, Any]]:
        """Return and delete the messages since the last call."""
        said = []
        while found := self.sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                said.append(json.loads(json.loads(message["Body"])["Message"]))
                self.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return said

    def received_runs(self) -> list[str]:
        return [said["run_id"] for said in self.received()]


@pytest.fixture
def listener(moto: S3Server) -> Listener:
    return Listener(moto)


@dataclass
class BucketPublisher:
    """Publishes in a bucket, with or without a topic."""

    server: S3Server
    bucket: str
    folder: Path

    def publish(self, mark: int, run_id: str, topic: Topic | None = None) -> bool:
        shelf = BucketShelf(self.store, self.folder, self.folder / PRODUCT)
        if topic is not None:
            shelf = BucketShelf(self.store, self.folder, self.folder / PRODUCT, announce=topic)
        return publish_client(
            warehouse(mark), OIL.contract, shelf, CLIENT, ManifestHeader(run_id, "default", DAY), {}
        ).changed

    @property
    def store(self) -> ObjectStore:
        return ObjectStore(self.bucket, client(self.server), attempts=2)

    def topic(self, listener: Listener, arn: str = "") -> Topic:
        return Topic(listener.sns, arn or listener.topic, self.store)


@pytest.fixture
def publisher(moto: S3Server, tmp_path: Path) -> BucketPublisher:
    return BucketPublisher(moto, new_buckets(moto).lake, tmp_path)


def test_publication_is_announced_once(publisher, listener):
    assert publisher.publish(1, "run-1", publisher.topic(listener))
    (said,) = listener.received()
    assert said["event"] == "gold_published"
    assert (said["client"], said["run_id"], said["bucket"]) == (CLIENT, "run-1", publisher.bucket)
    manifest = json.loads(
        client(publisher.server).get_object(Bucket=publisher.bucket, Key=said["manifest"])["Body"].read()
    )
    assert (said["published_at"], said["schema_version"]) == (manifest["published_at"], manifest["schema_version"])
    assert not publisher.publish(1, "run-2", publisher.topic(listener))  # the same again
    assert listener.received() == []
    assert publisher.publish(2, "run-3", publisher.topic(listener))
    assert listener.received_runs() == ["run-3"]


def test_kill_before_announcement_is_made_up_by_next_run(publisher, listener):
    assert publisher.publish(1, "run-1")
    assert listener.received() == []
    assert not publisher.publish(1, "run-2", publisher.topic(listener))
    assert listener.received_runs() == ["run-1"]
    assert not publisher.publish(1, "run-3", publisher.topic(listener))
    assert listener.received() == []


def test_kill_before_marker_is_stored_announces_again(publisher, listener, faulty: Callable[[S3Server], FaultyServer]):
    proxy = faulty(publisher.server)
    proxy.plan.inject(Fault.RESET, operation="PutObject", when=lambda asked: asked.key.endswith(MARKER), times=None)
    through = BucketPublisher(proxy.server, publisher.bucket, publisher.folder)
    with pytest.raises(StoreUnavailable):
        through.publish(1, "run-1", through.topic(listener))
    assert listener.received_runs() == ["run-1"]
    assert not publisher.publish(1, "run-2", publisher.topic(listener))
    assert listener.received_runs() == ["run-1"]


def test_failing_topic_does_not_delay_publication(publisher, listener):
    """The next run announces the version."""
    missing_topic = publisher.topic(listener, f"{listener.topic}-missing")
    assert publisher.publish(1, "run-1", missing_topic)
    assert "not announced to the topic" in missing_topic.failed[CLIENT]
    assert client(publisher.server).head_object(Bucket=publisher.bucket, Key=f"{VERSIONS}/run-1/_manifest.json")
    again = publisher.topic(listener)
    assert not publisher.publish(1, "run-2", again)
    assert listener.received_runs() == ["run-1"]
    assert again.failed == {}


@pytest.fixture
def home(moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InBucket]:
    """A small lake without a run."""
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    home = InBucket(moto, new_buckets(moto).lake, tmp_path / "disks")
    write_sample_lake(tmp_path / "sample", finning_units=1, als_units=4, months=10, dirty=False)
    fill(home, tmp_path / "sample")
    yield home


@pytest.mark.slow
@pytest.mark.usefixtures("parsed_project")
def test_run_with_failing_topic_publishes_and_reports_a_problem(home: InBucket, listener: Listener):
    """The next run announces the same versions."""
    home.options["sns_topic"] = f"{listener.topic}-missing"
    report = run(OIL, home.settings())
    assert all(done.published for done in report.clients.values())
    assert all("not announced to the topic" in (done.problem or "") for done in report.clients.values())
    first = {name: manifest_of(home, name)["run_id"] for name in ("cda", "emin")}
    home.options["sns_topic"] = listener.topic
    report = run(OIL, home.settings())
    assert report.problems == {}
    assert {said["client"]: said["run_id"] for said in listener.received()} == first
    assert run(OIL, home.settings()).nothing_new
    assert listener.received() == []


def test_publication_without_topic_stores_no_marker(publisher):
    settings = load_settings(lake=f"s3://{publisher.bucket}")
    assert settings.s3.topic is None
    assert publisher.publish(1, "run-1")
    assert not publisher.store.head(f"{VERSIONS}/run-1/{MARKER}")
