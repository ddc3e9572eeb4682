"""The queue of a lake over real sockets: messages wait for a run, and go only when it has covered them."""

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
from tribolake.lake import open_lake
from tribolake.settings import load_settings
from tribolake.watch.events import FolderEvents
from tribolake.watch.messages import Ours
from tribolake.watch.queue import QueueEvents, open_queue
from tribolake.watch.sources import NEVER, Polling, open_source

BUCKET = "mining-data-mesh"
BRONZE = f"{PRODUCT}/bronze/cda/2026-02-01/"


def event(key: str = f"{BRONZE}a.xlsx", name: str = "ObjectCreated:Put") -> str:
    described = {"bucket": {"name": BUCKET}, "object": {"key": key}}
    return json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": name, "s3": described}]})


@pytest.fixture
def queues(moto: S3Server) -> Queues:
    return Queues(moto)


@dataclass
class Ears:
    """What a watcher would hear of its queue."""

    rung: threading.Event = field(default_factory=threading.Event)
    lines: list[str] = field(default_factory=list)
    started: list[QueueEvents] = field(default_factory=list)

    def listen(self, server: S3Server, url: str, visibility_seconds: int = 30) -> QueueEvents:
        events = QueueEvents(
            client(server, service="sqs", read_timeout=30),
            url,
            Ours(BUCKET, PRODUCT),
            visibility_seconds=visibility_seconds,
            poll_seconds=7,
            ring=self.rung.set,
            log=self.lines.append,
        )
        self.started.append(events)
        assert events.keep_watching()
        return events


@pytest.fixture
def ears() -> Iterator[Ears]:
    ears = Ears()
    yield ears
    for events in ears.started:
        events.close()


def hold(ears: Ears, events: QueueEvents, messages: int) -> None:
    wait_until(lambda: events.queue.held == messages, 10)
    assert ears.rung.wait(5)
    ears.rung.clear()


def test_given_an_event_then_the_bell_rings_and_only_a_run_that_ended_well_deletes_it(queues, ears, moto):
    events = ears.listen(moto, queues.url)
    assert not events.heard
    queues.send(event())
    hold(ears, events, 1)
    assert events.heard
    events.run_began()
    assert not events.heard
    events.run_ended(ok=False)
    assert events.heard
    time.sleep(0.3)
    assert queues.counts() == (0, 1)
    events.run_began()
    events.run_ended(ok=True)
    wait_until(lambda: queues.counts() == (0, 0), 5)
    assert not events.heard
    assert events.queue.held == 0


def test_given_an_event_that_comes_after_a_run_began_then_that_run_does_not_delete_it(queues, ears, moto):
    events = ears.listen(moto, queues.url)
    queues.send(event())
    hold(ears, events, 1)
    events.run_began()
    queues.send(event(f"{BRONZE}b.xlsx"))
    hold(ears, events, 2)
    assert events.heard
    events.run_ended(ok=True)
    wait_until(lambda: queues.counts() == (0, 1), 5)
    assert events.heard


def test_given_more_events_than_a_batch_then_one_run_covers_and_deletes_them_all(queues, ears, moto):
    queues.send(*(event(f"{BRONZE}{number}.xlsx") for number in range(25)))
    events = ears.listen(moto, queues.url)
    hold(ears, events, 25)
    events.run_began()
    events.run_ended(ok=True)
    wait_until(lambda: queues.counts() == (0, 0), 5)


def test_given_events_of_no_concern_then_they_are_deleted_and_nothing_rings(queues, ears, moto):
    events = ears.listen(moto, queues.url)
    test_event = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})
    queues.send(test_event, event(f"{PRODUCT}/gold/cda/_manifest.json"), event(name="ObjectRemoved:Delete"))
    wait_until(lambda: queues.counts() == (0, 0), 10)
    assert not ears.rung.is_set()
    assert not events.heard
    assert ears.lines == []


def test_given_what_is_no_event_then_it_becomes_a_dead_letter_and_is_logged_once_without_its_words(queues, ears, moto):
    events = ears.listen(moto, queues.url)
    queues.send("very secret", json.dumps({"password": "very secret"}), event())
    hold(ears, events, 1)
    wait_until(lambda: queues.counts(queues.dead_letters) == (2, 0), 15)
    assert queues.counts() == (0, 1)
    assert len(ears.lines) == 2
    assert not any("secret" in line for line in ears.lines)
    assert all(len(line) < 400 for line in ears.lines)


def test_given_no_dead_letters_then_what_is_no_event_does_not_come_back_at_once(queues, ears, moto):
    url = queues.sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
    ears.listen(moto, url)
    queues.sqs.send_message(QueueUrl=url, MessageBody="poison")
    wait_until(lambda: len(ears.lines) == 2, 10)
    assert "no dead-letter queue" in ears.lines[0]
    wait_until(lambda: queues.counts(url) == (0, 1), 5)
    time.sleep(0.5)
    assert queues.counts(url) == (0, 1)


def test_given_a_watcher_that_is_closed_then_what_it_holds_can_be_received_at_once(queues, ears, moto):
    events = ears.listen(moto, queues.url)
    queues.send(event(), event(f"{BRONZE}b.xlsx"))
    hold(ears, events, 2)
    events.run_began()
    events.close()
    assert queues.counts() == (2, 0)


@pytest.mark.slow
def test_given_a_run_that_takes_long_then_its_message_stays_invisible_and_comes_again_when_the_watcher_is_gone(
    queues, moto
):
    script = """
import sys, time
from tests.watch.test_queue import Ears
from tests.support.servers.server import server_at
events = Ears().listen(server_at(sys.argv[1], "moto"), sys.argv[2], visibility_seconds=6)
while not events.heard:
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
def test_given_a_queue_that_cannot_be_reached_then_it_says_so_once_and_goes_on_when_it_can_be(
    queues, ears, moto, faulty: Callable[[S3Server], FaultyServer]
):
    proxy = faulty(moto)
    proxy.plan.inject(Fault.RESET, times=None)
    events = ears.listen(proxy.server, queues.url)
    wait_until(lambda: events.queue.problem is not None, 10)
    assert events.look_every_seconds == 7
    wait_until(lambda: len(proxy.injured) >= 3, 15)
    assert len(ears.lines) == 1
    assert "cannot be read" in ears.lines[0]
    proxy.plan.calm()
    queues.send(event())
    wait_until(lambda: events.queue.held == 1, 30)
    assert events.look_every_seconds == NEVER
    assert ears.lines[1:] == ["the queue can be read again"]


def test_given_a_queue_that_does_not_exist_then_the_error_says_what_to_mend(moto, monkeypatch):
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(lake="s3://mining-data-mesh", sqs_queue=f"{moto.endpoint}/123456789012/unheard-of")
    with pytest.raises(ConfigurationError, match="TRIBOLAKE_SQS_QUEUE"):
        open_queue(settings, ring=lambda: None, log=lambda line: None)


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({"lake": "lake"}, FolderEvents),
        ({"lake": "lake", "storage_mode": "dual", "sqs_queue": "https://queue"}, FolderEvents),
        ({"lake": "s3://mining-data-mesh"}, Polling),
        ({"lake": "s3://mining-data-mesh", "sqs_queue": "https://queue", "watch_polling": True}, Polling),
    ],
)
def test_events_come_from_where_bronze_is(given, source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load_settings(state_dir=tmp_path, **given)
    found = open_source(settings, open_lake(settings), ring=lambda: None, log=lambda line: None)
    assert isinstance(found, source)
    assert found.queue is None
    assert not found.heard
    found.close()
