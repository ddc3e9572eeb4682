"""The queue of a lake over real sockets: messages are deleted only after a run that covers them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from tests.support.lake_homes import PRODUCT
from tests.support.queues import Queues, wait_until
from tests.support.servers.faults import FaultyServer
from tests.support.servers.plan import Fault
from tests.support.servers.server import S3Server, client

from tribolake.errors import ConfigurationError
from tribolake.lake.inbox import Inbox
from tribolake.settings import load_settings
from tribolake.watch.event_source import NEVER
from tribolake.watch.events import FolderEvents
from tribolake.watch.messages import WatchedPlaces
from tribolake.watch.queue import QueueEvents, open_queue
from tribolake.watch.sources import Polling, open_source

BUCKET = "mining-data-mesh"
BRONZE = f"{PRODUCT}/bronze/cda/2026-02-01/"


def event(key: str = f"{BRONZE}a.xlsx", name: str = "ObjectCreated:Put") -> str:
    described = {"bucket": {"name": BUCKET}, "object": {"key": key}}
    return json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": name, "s3": described}]})


@pytest.fixture
def queues(moto: S3Server) -> Queues:
    return Queues(moto)


@dataclass
class Recorder:
    """Records what a watcher would get from its queue."""

    woken: threading.Event = field(default_factory=threading.Event)
    lines: list[str] = field(default_factory=list)
    started: list[QueueEvents] = field(default_factory=list)

    def listen(self, server: S3Server, url: str, visibility_seconds: int = 30) -> QueueEvents:
        events = QueueEvents(
            client(server, service="sqs", read_timeout=30),
            url,
            WatchedPlaces(BUCKET, [Inbox.below(PRODUCT)]),
            visibility_seconds=visibility_seconds,
            poll_seconds=7,
            wake=self.woken.set,
            log=self.lines.append,
        )
        self.started.append(events)
        assert events.keep_watching()
        return events


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    for events in recorder.started:
        events.close()


def hold(recorder: Recorder, events: QueueEvents, messages: int) -> None:
    wait_until(lambda: events.queue.held == messages, 10)
    assert recorder.woken.wait(5)
    recorder.woken.clear()


def test_event_wakes_and_is_deleted_after_successful_run(queues, recorder, moto):
    """A failed run does not delete it."""
    events = recorder.listen(moto, queues.url)
    assert not events.pending_keys
    queues.send(event())
    hold(recorder, events, 1)
    assert events.pending_keys
    events.run_began()
    assert not events.pending_keys
    events.run_ended(ok=False)
    assert events.pending_keys
    time.sleep(0.3)
    assert queues.counts() == (0, 1)
    events.run_began()
    events.run_ended(ok=True)
    wait_until(lambda: queues.counts() == (0, 0), 5)
    assert not events.pending_keys
    assert events.queue.held == 0


def test_event_during_a_run_is_not_deleted_by_that_run(queues, recorder, moto):
    events = recorder.listen(moto, queues.url)
    queues.send(event())
    hold(recorder, events, 1)
    events.run_began()
    queues.send(event(f"{BRONZE}b.xlsx"))
    hold(recorder, events, 2)
    assert events.pending_keys
    events.run_ended(ok=True)
    wait_until(lambda: queues.counts() == (0, 1), 5)
    assert events.pending_keys


def test_events_of_several_batches_are_deleted_by_one_run(queues, recorder, moto):
    queues.send(*(event(f"{BRONZE}{number}.xlsx") for number in range(25)))
    events = recorder.listen(moto, queues.url)
    hold(recorder, events, 25)
    events.run_began()
    events.run_ended(ok=True)
    wait_until(lambda: queues.counts() == (0, 0), 5)


def test_irrelevant_events_are_deleted_without_waking(queues, recorder, moto):
    events = recorder.listen(moto, queues.url)
    test_event = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})
    queues.send(test_event, event(f"{PRODUCT}/gold/cda/_manifest.json"), event(name="ObjectRemoved:Delete"))
    wait_until(lambda: queues.counts() == (0, 0), 10)
    assert not recorder.woken.is_set()
    assert not events.pending_keys
    assert recorder.lines == []


def test_invalid_message_becomes_a_dead_letter(queues, recorder, moto):
    """It is logged once, without its content."""
    events = recorder.listen(moto, queues.url)
    queues.send("very secret", json.dumps({"password": "very secret"}), event())
    hold(recorder, events, 1)
    wait_until(lambda: queues.counts(queues.dead_letters) == (2, 0), 15)
    assert queues.counts() == (0, 1)
    assert len(recorder.lines) == 2
    assert not any("secret" in line for line in recorder.lines)
    assert all(len(line) < 400 for line in recorder.lines)


def test_invalid_message_without_dead_letters_is_hidden_longer(queues, recorder, moto):
    url = queues.sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
    recorder.listen(moto, url)
    queues.sqs.send_message(QueueUrl=url, MessageBody="poison")
    wait_until(lambda: len(recorder.lines) == 2, 10)
    assert "no dead-letter queue" in recorder.lines[0]
    wait_until(lambda: queues.counts(url) == (0, 1), 5)
    time.sleep(0.5)
    assert queues.counts(url) == (0, 1)


def test_closed_watcher_releases_its_messages_at_once(queues, recorder, moto):
    events = recorder.listen(moto, queues.url)
    queues.send(event(), event(f"{BRONZE}b.xlsx"))
    hold(recorder, events, 2)
    events.run_began()
    events.close()
    assert queues.counts() == (2, 0)


@pytest.mark.slow
def test_message_of_a_long_run_stays_invisible(queues, moto):
    """It is delivered again after the watcher was killed."""
    script = """
import sys, time
from tests.watch.test_queue import Recorder
from tests.support.servers.server import server_at
events = Recorder().listen(server_at(sys.argv[1], "moto"), sys.argv[2], visibility_seconds=6)
while not events.pending_keys:
    time.sleep(0.05)
events.run_began()
print("running", flush=True)
time.sleep(600)
"""
    watcher = subprocess.Popen([sys.executable, "-c", script, moto.endpoint, queues.url], stdout=subprocess.PIPE)
    try:
        queues.send(event())
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == b"running\n"
        for _ in range(60):  # twice as long as the message would stay invisible by itself
            assert queues.counts() == (0, 1)
            time.sleep(0.2)
    finally:
        watcher.kill()
        watcher.wait()
    wait_until(lambda: queues.counts() == (1, 0), 30)


@pytest.mark.slow
def test_unreachable_queue_is_logged_once_and_retried(
    queues, recorder, moto, faulty: Callable[[S3Server], FaultyServer]
):
    proxy = faulty(moto)
    proxy.plan.inject(Fault.RESET, times=None)
    events = recorder.listen(proxy.server, queues.url)
    wait_until(lambda: events.queue.problem is not None, 10)
    assert events.look_every_seconds == 7
    wait_until(lambda: len(proxy.injured) >= 3, 15)
    assert len(recorder.lines) == 1
    assert "cannot be read" in recorder.lines[0]
    proxy.plan.calm()
    queues.send(event())
    wait_until(lambda: events.queue.held == 1, 30)
    assert events.look_every_seconds == NEVER
    assert recorder.lines[1:] == ["the queue can be read again"]


def test_missing_queue_fails_with_the_setting_to_correct(moto, monkeypatch):
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(lake="s3://mining-data-mesh", sqs_queue=f"{moto.endpoint}/123456789012/missing")
    with pytest.raises(ConfigurationError, match="TRIBOLAKE_SQS_QUEUE"):
        open_queue(settings, [Inbox.below(settings.prefix)], wake=lambda: None, log=lambda line: None)


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({"lake": "lake"}, FolderEvents),
        ({"lake": "lake", "storage_mode": "dual", "sqs_queue": "https://queue"}, FolderEvents),
        ({"lake": "s3://mining-data-mesh"}, Polling),
        ({"lake": "s3://mining-data-mesh", "sqs_queue": "https://queue", "watch_polling": True}, Polling),
    ],
)
def test_event_source_depends_on_place_of_bronze(given, source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load_settings(state_dir=tmp_path, **given)
    found = open_source(settings, [Inbox.below(settings.prefix)], wake=lambda: None, log=lambda line: None)
    assert isinstance(found, source)
    assert found.queue is None
    assert not found.pending_keys
    found.close()
