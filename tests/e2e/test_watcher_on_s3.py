"""Test the watcher on S3 as a real process, with a real bucket, queue and topic, kills and signals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.lake_homes import PRODUCT, InBucket, fill, manifest_of
from tests.support.queues import Queues, wait_until
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.server import S3Server, client
from tests.support.watchers import REPORT, WatcherProcess

from tribolake.lake.listing import WholeListing, write_whole_listing
from tribolake.oil.feedback.entry import new_entry
from tribolake.oil.feedback.shelf import key_of
from tribolake.oil.synth import write_sample_lake

BRONZE = f"{PRODUCT}/bronze/cda/2026-02-01/"


@dataclass
class Site:
    """A bucket with a queue of its events, and a topic with a listener."""

    home: InBucket
    queues: Queues
    topic: str
    listener: str

    def announced(self) -> list[dict[str, Any]]:
        """Receive messages of the topic since the last call."""
        envelopes = [json.loads(body) for body in self.queues.receive(self.listener)]
        for envelope in envelopes:
            said = json.loads(envelope["Message"])
            attributes = {name: value["Value"] for name, value in envelope["MessageAttributes"].items()}
            assert attributes == {"client": said["client"], "event": said["event"]}
        return [json.loads(envelope["Message"]) for envelope in envelopes]

    def environment(self) -> dict[str, str]:
        return {
            **self.home.server.environment,
            "TRIBOLAKE_SQS_QUEUE": self.queues.url,
            "TRIBOLAKE_SQS_VISIBILITY_SECONDS": "5",
            "TRIBOLAKE_SNS_TOPIC": self.topic,
            "TRIBOLAKE_LEASE_SECONDS": "3",
        }

    def publishes(self, name: str) -> bool:
        return any(name in source["key"] for source in manifest_of(self.home, "cda")["sources"])


class Watched(WatcherProcess):
    """A watcher of a site on its own machine."""

    def __init__(self, site: Site, machine: Path, **environment: str) -> None:
        self.machine = machine
        machine.mkdir(exist_ok=True)
        self._lake = f"s3://{site.home.bucket}"
        self._environment = site.environment() | {"TRIBOLAKE_STATE_DIR": str(machine / "state")} | environment
        super().__init__(self._lake, machine, machine / "state", environment=self._environment)

    def state(self) -> str:
        """Its state. Empty before its first run has ended."""
        beat = self.heartbeat()
        return beat.state if beat and beat.last_run else ""

    def status(self) -> str:
        """The status as shown on this machine."""
        argv = [sys.executable, "-m", "tribolake", "status", "--lake", self._lake]
        return subprocess.run(
            argv, capture_output=True, check=True, text=True, env=os.environ | self._environment
        ).stdout


@pytest.fixture(scope="module")
def site(moto: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A small lake after one run."""
    home = InBucket(moto, new_buckets(moto).lake, tmp_path_factory.mktemp("disks"))
    sample = tmp_path_factory.mktemp("sample")
    write_sample_lake(sample, finning_units=1, als_units=5, months=12)
    fill(home, sample)
    queues = Queues(moto)
    notifications = [
        {
            "QueueArn": queues.arn(queues.url),
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": f"{PRODUCT}/{folder}/"}]}},
        }
        for folder in ("bronze", "feedback")
    ]
    client(moto).put_bucket_notification_configuration(
        Bucket=home.bucket, NotificationConfiguration={"QueueConfigurations": notifications}
    )
    sns = client(moto, service="sns")
    topic = sns.create_topic(Name=uuid.uuid4().hex)["TopicArn"]
    listener = queues.sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queues.arn(listener))
    site = Site(home, queues, topic, listener)
    subprocess.run(
        [sys.executable, "-m", "tribolake", "run", "--lake", f"s3://{home.bucket}"],
        check=True,
        timeout=120,
        env=os.environ | site.environment() | {"TRIBOLAKE_STATE_DIR": str(home.disks / "first")},
    )
    assert {said["client"] for said in site.announced()} == {"cda", "emin"}
    return site


@pytest.fixture(scope="module")
def workbooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bytes]:
    """Workbooks with new samples. Each is given out once."""
    made = write_sample_lake(tmp_path_factory.mktemp("more"), seed=7, finning_units=25, months=2, clients=("cda",))
    return (path.read_bytes() for path in made.files)


@pytest.fixture
def watch(site: Site, tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Start watchers. Remaining processes are killed at the end."""
    started: list[Watched] = []

    def start(machine: str = "machine", **environment: str) -> Watched:
        started.append(Watched(site, tmp_path / machine, **environment))
        return started[-1]

    yield start
    for watched in started:
        watched.kill()


@pytest.mark.slow
@pytest.mark.thorough
def test_workbook_in_bucket_is_published_and_announced_once(
    watch: Callable[..., Watched], site: Site, workbooks: Iterator[bytes]
):
    watched = watch()
    wait_until(lambda: watched.state() == "idle")
    wait_until(lambda: site.queues.counts() == (0, 0))  # the test event that S3 sends
    runs_before = len(watched.runs())
    site.announced()
    site.queues.send("poison")
    name = "T-77 (copia) ñ+1.xlsx"
    site.home.put(BRONZE + name, next(workbooks))
    seen = []
    while not site.publishes(name):
        seen.append(sum(site.queues.counts()))
        assert watched.process.is_running()
        time.sleep(0.05)
    assert 0 not in seen[3:], "the message was deleted before its workbook was published"
    wait_until(lambda: site.queues.counts() == (0, 0), 15)
    wait_until(lambda: watched.state() == "idle")
    (done,) = watched.runs()[runs_before:]
    assert done["clients"]["cda"]["published"]
    wait_until(lambda: site.queues.counts(site.queues.dead_letters) == (1, 0), 10)
    manifest = manifest_of(site.home, "cda")
    (said,) = site.announced()
    assert said["transitions"].keys() <= {"classified_reports", "machine_status_current", "stewart_limits"}
    assert said | {"transitions": {}} == {
        "event": "gold_published",
        "client": "cda",
        "run_id": manifest["run_id"],
        "bucket": site.home.bucket,
        "manifest": f"{PRODUCT}/gold/cda/_manifest.json",
        "published_at": manifest["published_at"],
        "schema_version": manifest["schema_version"],
        "transitions": {},
    }
    beat = watched.heartbeat()
    assert beat is not None and beat.queue is not None
    assert (beat.queue.held, beat.queue.problem, beat.backlog) == (0, None, 0)
    assert beat.queue.name == site.queues.url.rpartition("/")[2]
    assert f"queue {beat.queue.name}: 0 messages wait for a run" in " ".join(watched.status().split())
    began = time.monotonic()
    assert watched.stop() == 0
    assert time.monotonic() - began < 8
    assert watched.log().count("is not an event of the bucket") == 1


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("has_queue", [True, False])
def test_feedback_in_bucket_wakes_the_watcher(watch: Callable[..., Watched], site: Site, has_queue: bool):
    """The next rescan is minutes away. Without a queue, listings find it."""
    queue = {} if has_queue else {"TRIBOLAKE_SQS_QUEUE": "", "TRIBOLAKE_WATCH_POLLING": "1"}
    watched = watch(TRIBOLAKE_WATCH_POLL_SECONDS="1", **queue)
    wait_until(lambda: watched.state() == "idle")
    before = len(watched.runs())
    for number in range(6):
        entry = new_entry(REPORT, "seen", f"Ana {number}", datetime.now(UTC))
        site.home.put(key_of(PRODUCT, entry), entry.as_json())
    wait_until(lambda: len(watched.runs()) > before and watched.state() == "idle")
    wait_until(lambda: not has_queue or site.queues.counts() == (0, 0), 15)
    assert len(watched.runs()) - before <= 2


@pytest.mark.slow
@pytest.mark.thorough
def test_message_of_killed_watcher_reaches_another_machine(
    watch: Callable[..., Watched], site: Site, workbooks: Iterator[bytes]
):
    killed = watch("killed")
    wait_until(lambda: killed.state() == "idle")
    site.announced()
    site.home.put(f"{BRONZE}killed.xlsx", next(workbooks))
    wait_until(lambda: killed.state() == "running")
    time.sleep(0.5)
    killed.kill()
    assert not site.publishes("killed.xlsx")
    assert sum(site.queues.counts()) == 1
    wait_until(lambda: site.queues.counts() == (1, 0), 10)
    assert site.announced() == []
    other = watch("other")
    wait_until(lambda: site.publishes("killed.xlsx"))
    wait_until(lambda: site.queues.counts() == (0, 0), 15)
    assert other.stop() == 0
    assert [said["run_id"] for said in site.announced()] == [manifest_of(site.home, "cda")["run_id"]]


@pytest.mark.slow
@pytest.mark.thorough
def test_sigterm_during_run_finishes_it_and_deletes_message(
    watch: Callable[..., Watched], site: Site, workbooks: Iterator[bytes]
):
    watched = watch()
    wait_until(lambda: watched.state() == "idle")
    site.announced()
    site.home.put(f"{BRONZE}last.xlsx", next(workbooks))
    wait_until(lambda: watched.state() == "running")
    assert watched.stop() == 0
    assert site.publishes("last.xlsx")
    assert site.queues.counts() == (0, 0)
    assert len(site.announced()) == 1


@pytest.mark.slow
@pytest.mark.thorough
def test_late_file_in_folder_that_is_not_listed_is_published(
    watch: Callable[..., Watched], site: Site, workbooks: Iterator[bytes]
):
    watched = watch()
    wait_until(lambda: watched.state() == "idle")
    listing = WholeListing(datetime.now(UTC).isoformat(), 100_000, ("cda", "emin"))
    write_whole_listing(watched.machine / "state", listing)
    site.home.put(f"{PRODUCT}/bronze/cda/2020-01-31/late.xlsx", next(workbooks))
    wait_until(lambda: site.publishes("late.xlsx"))
    wait_until(lambda: site.queues.counts() == (0, 0), 15)


@pytest.mark.slow
@pytest.mark.thorough
def test_lake_held_by_another_machine_is_published_when_free(
    watch: Callable[..., Watched], site: Site, workbooks: Iterator[bytes]
):
    watched = watch()
    wait_until(lambda: watched.state() == "idle")
    claim = f"{PRODUCT}/_state/leases/0123456789abcdef.60.json"
    site.home.put(claim, b"{}")
    site.home.put(f"{BRONZE}patient.xlsx", next(workbooks))
    wait_until(lambda: "another run holds" in watched.log())
    time.sleep(6)
    assert watched.log().count("another run holds") == 1
    assert site.queues.counts() == (0, 1)
    client(site.home.server).delete_object(Bucket=site.home.bucket, Key=claim)
    wait_until(lambda: site.publishes("patient.xlsx"))
    wait_until(lambda: site.queues.counts() == (0, 0), 15)


@pytest.mark.slow
@pytest.mark.thorough
def test_bucket_without_queue_is_polled(watch: Callable[..., Watched], site: Site, workbooks: Iterator[bytes]):
    watched = watch("polling", TRIBOLAKE_WATCH_POLL_SECONDS="1", TRIBOLAKE_WATCH_POLLING="true")
    wait_until(lambda: watched.state() == "idle")
    site.home.put(f"{BRONZE}polled.xlsx", next(workbooks))
    wait_until(lambda: site.publishes("polled.xlsx"))
    beat = watched.heartbeat()
    assert beat is not None
    assert beat.queue is None
