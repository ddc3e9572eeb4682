"""Every publication on S3 is announced, once unless something went wrong, and a topic holds nothing back."""

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
    """A topic and a queue that listens to it."""

    server: S3Server

    def __post_init__(self) -> None:
        self.sns, self.sqs = client(self.server, service="sns"), client(self.server, service="sqs")
        self.topic = self.sns.create_topic(Name=uuid.uuid4().hex)["TopicArn"]
        self._queue = self.sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)

    def heard(self) -> list[dict[str, Any]]:
        """What was announced since the last time."""
        said = []
        while found := self.sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                said.append(json.loads(json.loads(message["Body"])["Message"]))
                self.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return said

    def heard_runs(self) -> list[str]:
        return [said["run_id"] for said in self.heard()]


@pytest.fixture
def listener(moto: S3Server) -> Listener:
    return Listener(moto)


@dataclass
class Shop:
    """A shelf in a bucket, with or without somebody to tell."""

    server: S3Server
    bucket: str
    folder: Path

    def publish(self, mark: int, run_id: str, topic: Topic | None = None) -> bool:
        shelf = BucketShelf(self.store, self.folder, self.folder / PRODUCT)
        if topic is not None:
            shelf = BucketShelf(self.store, self.folder, self.folder / PRODUCT, announce=topic)
        return publish_client(warehouse(mark), OIL.contract, shelf, CLIENT, ManifestHeader(run_id, "default", DAY), {})

    @property
    def store(self) -> ObjectStore:
        return ObjectStore(self.bucket, client(self.server), attempts=2)

    def topic(self, listener: Listener, arn: str = "") -> Topic:
        return Topic(listener.sns, arn or listener.topic, self.store)


@pytest.fixture
def shop(moto: S3Server, tmp_path: Path) -> Shop:
    return Shop(moto, new_buckets(moto).lake, tmp_path)


def test_given_a_publication_then_it_is_announced_once_whatever_is_published_later(shop, listener):
    assert shop.publish(1, "run-1", shop.topic(listener))
    (said,) = listener.heard()
    assert said["event"] == "gold_published"
    assert (said["client"], said["run_id"], said["bucket"]) == (CLIENT, "run-1", shop.bucket)
    manifest = json.loads(client(shop.server).get_object(Bucket=shop.bucket, Key=said["manifest"])["Body"].read())
    assert (said["published_at"], said["schema_version"]) == (manifest["published_at"], manifest["schema_version"])
    assert not shop.publish(1, "run-2", shop.topic(listener))  # the same again
    assert listener.heard() == []
    assert shop.publish(2, "run-3", shop.topic(listener))
    assert listener.heard_runs() == ["run-3"]


def test_given_a_run_that_was_killed_before_it_announced_then_the_next_one_does(shop, listener):
    assert shop.publish(1, "run-1")
    assert listener.heard() == []
    assert not shop.publish(1, "run-2", shop.topic(listener))
    assert listener.heard_runs() == ["run-1"]
    assert not shop.publish(1, "run-3", shop.topic(listener))
    assert listener.heard() == []


def test_given_a_run_that_was_killed_before_it_kept_that_it_announced_then_it_is_announced_again(
    shop, listener, faulty: Callable[[S3Server], FaultyServer]
):
    proxy = faulty(shop.server)
    proxy.plan.inject(Fault.RESET, operation="PutObject", when=lambda asked: asked.key.endswith(MARKER), times=None)
    through = Shop(proxy.server, shop.bucket, shop.folder)
    with pytest.raises(StoreUnavailable):
        through.publish(1, "run-1", through.topic(listener))
    assert listener.heard_runs() == ["run-1"]
    assert not shop.publish(1, "run-2", shop.topic(listener))
    assert listener.heard_runs() == ["run-1"]


def test_given_a_topic_that_does_not_answer_then_readers_see_the_version_and_the_next_run_announces_it(shop, listener):
    unheard_of = shop.topic(listener, f"{listener.topic}-unheard-of")
    assert shop.publish(1, "run-1", unheard_of)
    assert "could not be told" in unheard_of.failed[CLIENT]
    assert client(shop.server).head_object(Bucket=shop.bucket, Key=f"{VERSIONS}/run-1/_manifest.json")
    again = shop.topic(listener)
    assert not shop.publish(1, "run-2", again)
    assert listener.heard_runs() == ["run-1"]
    assert again.failed == {}


@pytest.fixture
def home(moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InBucket]:
    """A small lake that nobody has run yet."""
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    home = InBucket(moto, new_buckets(moto).lake, tmp_path / "disks")
    write_sample_lake(tmp_path / "sample", finning_units=1, als_units=4, months=10, dirty=False)
    fill(home, tmp_path / "sample")
    yield home


@pytest.mark.slow
@pytest.mark.usefixtures("parsed_project")
def test_given_a_topic_that_does_not_answer_then_the_run_succeeds_with_a_problem_and_the_next_one_makes_good(
    home: InBucket, listener: Listener
):
    home.options["sns_topic"] = f"{listener.topic}-unheard-of"
    report = run(OIL, home.settings())
    assert all(done.published for done in report.clients.values())
    assert all("could not be told" in (done.problem or "") for done in report.clients.values())
    first = {name: manifest_of(home, name)["run_id"] for name in ("cda", "emin")}
    home.options["sns_topic"] = listener.topic
    report = run(OIL, home.settings())
    assert report.problems == {}
    assert {said["client"]: said["run_id"] for said in listener.heard()} == first
    assert run(OIL, home.settings()).nothing_new
    assert listener.heard() == []


def test_without_a_topic_nothing_is_asked_of_the_store(shop):
    settings = load_settings(lake=f"s3://{shop.bucket}")
    assert settings.s3.topic is None
    assert shop.publish(1, "run-1")
    assert not shop.store.head(f"{VERSIONS}/run-1/{MARKER}")
