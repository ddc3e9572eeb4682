"""AWS Lambda: start the container task once per client and burst of new laboratory files.

An event only says that a file came: the task lists the lake itself. An event is done if a task will list the lake after
it. If the task under way may have listed before, the event returns to the queue and starts the next task later.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from arrival_events import Arrival, NotAnEvent, WatchedBronze, arrival, created_objects
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from client_tasks import TaskRefused, Tasks
from start_lease import LEASE_SECONDS, StartLease

LOG = logging.getLogger("tribolake")
LOG.setLevel(logging.INFO)
LOGGED_CHARACTERS = 200
# How long an invocation waits, for all clients together, for a task that another invocation is starting.
WAIT_SECONDS = LEASE_SECONDS + 3
# A call of ECS ends before the lease that protects it.
ECS_CONFIG = Config(connect_timeout=2, read_timeout=6, retries={"total_max_attempts": 1})
S3_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})


class NotServed(Exception):
    """A part of the event could not be used now. The sender must deliver it again."""


STARTED, SEEN, BUSY = "a task is started", "a task to come will see it", "a task is under way"


@dataclass(frozen=True)
class Message:
    """A part of an event that is delivered as a whole. `message_id` is None outside SQS."""

    message_id: str | None
    body: object


@dataclass(frozen=True)
class Starter:
    """Starts tasks so that each arrival is listed by one, with few unnecessary starts."""

    watched: WatchedBronze
    tasks: Tasks
    lease: StartLease

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Starter:
        """Read the configuration of the function. Its environment is in stack.yml."""
        return cls(
            WatchedBronze(
                environment["BUCKET"],
                environment["PREFIX"],
                frozenset(filter(None, environment["CLIENTS"].split(","))),
            ),
            Tasks(
                boto3.client("ecs", config=ECS_CONFIG),
                environment["CLUSTER"],
                environment["TASK_DEFINITION"],
                environment["CONTAINER"],
                tuple(environment["SUBNETS"].split(",")),
                tuple(environment["SECURITY_GROUPS"].split(",")),
                environment["ASSIGN_PUBLIC_IP"],
            ),
            StartLease(boto3.client("s3", config=S3_CONFIG), environment["LEASE_BUCKET"]),
        )

    def serve(self, arrivals: list[Arrival], deadline: float) -> str:
        """Start a task for the arrivals of one client unless a task will list them.

        Args:
            arrivals: of one client.
            deadline: monotonic time until which to wait for a task that another invocation is starting.

        Returns:
            `STARTED`, `SEEN` (a starting task will list them) or `BUSY` (a task may have listed before: try later).
        """
        client, newest = arrivals[0].client, _newest(arrivals)
        while True:
            under_way = self.tasks.under_way(client)
            if any(task.will_see(newest) for task in under_way):
                return SEEN
            if under_way:
                return BUSY
            if self.lease.take(client):
                self.tasks.start(client, arrivals[-1].key)
                return STARTED
            # Another invocation is starting a task, or has started one that ECS does not list yet or that has ended.
            if time.monotonic() > deadline:
                return BUSY
            time.sleep(1)


def handler(event: Any, context: object) -> dict[str, list[dict[str, str]]]:
    """Entry point of the function.

    Returns:
        The failed messages in the format of SQS, which delivers them again.

    Raises:
        NotServed: the event did not come from SQS and must be delivered again.
    """
    starter = Starter.from_environment(os.environ)
    again: set[str | None] = set()
    ignored: Counter[str] = Counter()
    senders: dict[str, set[str | None]] = defaultdict(set)
    arrivals: dict[str, list[Arrival]] = defaultdict(list)
    for message in messages_in(event):
        try:
            judged = [arrival(created, starter.watched) for created in created_objects(message.body)]
        except NotAnEvent as error:
            # It returns to the queue until it becomes a dead letter, which raises an alarm.
            _log("message refused", message_id=message.message_id, reason=str(error))
            again.add(message.message_id)
            continue
        for verdict in judged:
            if isinstance(verdict, Arrival):
                senders[verdict.client].add(message.message_id)
                arrivals[verdict.client].append(verdict)
            else:
                ignored[verdict] += 1
    if ignored:
        _log("ignored", **ignored)
    deadline = time.monotonic() + WAIT_SECONDS
    for client, found in arrivals.items():
        if not _served(starter, client, found, deadline):
            again |= senders[client]
    if None in again:
        raise NotServed("the event must be delivered again: see the log")
    return {"batchItemFailures": [{"itemIdentifier": str(message_id)} for message_id in sorted(again, key=str)]}


def messages_in(event: Any) -> list[Message]:
    """Return the messages of an SQS batch, or the event as the only message."""
    records = event.get("Records") if isinstance(event, dict) else None
    if isinstance(records, list) and records and all(_is_of_sqs(record) for record in records):
        return [Message(record["messageId"], record.get("body")) for record in records]
    return [Message(None, event)]


def _is_of_sqs(record: object) -> bool:
    return isinstance(record, dict) and record.get("eventSource") == "aws:sqs" and "messageId" in record


def _served(starter: Starter, client: str, arrivals: list[Arrival], deadline: float) -> bool:
    try:
        outcome = starter.serve(arrivals, deadline)
    except (BotoCoreError, ClientError, TaskRefused) as error:
        # After a lost reply the task may have started. The next delivery checks that first.
        _log("failed", client=client, files=len(arrivals), reason=type(error).__name__, message=str(error))
        return False
    _log(outcome, client=client, files=len(arrivals), last_file=arrivals[-1].key)
    return outcome != BUSY


def _newest(arrivals: list[Arrival]) -> datetime | None:
    """Return the time of the latest arrival. None if one has no time."""
    moments = [found.happened_at for found in arrivals if found.happened_at is not None]
    return max(moments) if len(moments) == len(arrivals) else None


def _log(what: str, **facts: object) -> None:
    """Log one line of ASCII JSON of bounded length, because keys are not trusted."""
    short = {name: fact if isinstance(fact, int) else str(fact)[:LOGGED_CHARACTERS] for name, fact in facts.items()}
    LOG.info(json.dumps({"what": what, **short}))
