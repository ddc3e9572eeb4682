"""AWS Lambda: laboratory files came into bronze; start the container task once for each client and burst.

An event is a hint: the task lists the lake and compares. So an event that a task will see anyway is done with. One that
comes while a task is past its listing goes back to the queue, and starts the next task when that one has ended.
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
from arrival_events import Arrival, NotAnEvent, Ours, arrival, created_objects
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from client_tasks import TaskRefused, Tasks
from start_lease import LEASE_SECONDS, StartLease

LOG = logging.getLogger("tribolake")
LOG.setLevel(logging.INFO)
LOGGED_CHARACTERS = 200
# How long an invocation waits, for all clients together, to learn what became of a task that another one is starting.
WAIT_SECONDS = LEASE_SECONDS + 3
# A call of ECS ends, one way or the other, before the lease does that it is made under.
QUICK = Config(connect_timeout=2, read_timeout=6, retries={"total_max_attempts": 1})
PATIENT = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})


class NotServed(Exception):
    """Not all of an event could be used now: who sent it is to send it again later."""


STARTED, SEEN, BUSY = "a task is started", "a task to come will see it", "a task is under way"


@dataclass(frozen=True)
class Message:
    """A part of an event that is delivered, and delivered again, as a whole; `message_id` is None outside SQS."""

    message_id: str | None
    body: object


@dataclass(frozen=True)
class Starter:
    """Starts tasks so that every arrival is seen by one, and few start in vain."""

    ours: Ours
    tasks: Tasks
    lease: StartLease

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Starter:
        """The function's configuration: see its environment in stack.yml."""
        return cls(
            Ours(
                environment["BUCKET"],
                environment["PREFIX"],
                frozenset(environment["CLIENTS"].split(",")),
            ),
            Tasks(
                boto3.client("ecs", config=QUICK),
                environment["CLUSTER"],
                environment["TASK_DEFINITION"],
                environment["CONTAINER"],
                tuple(environment["SUBNETS"].split(",")),
                tuple(environment["SECURITY_GROUPS"].split(",")),
                environment["ASSIGN_PUBLIC_IP"],
            ),
            StartLease(boto3.client("s3", config=PATIENT), environment["LEASE_BUCKET"]),
        )

    def serve(self, arrivals: list[Arrival], deadline: float) -> str:
        """See to it that a task will see the arrivals of one client.

        Args:
            arrivals: of one client.
            deadline: how long to wait for another invocation that is starting a task, on the monotonic clock.

        Returns:
            `STARTED`, `SEEN` by a task to come, or `BUSY`: a task is past its listing, and nothing was done.
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
            # Somebody is starting a task, or has started one that ECS does not list yet, or one that ended at once.
            if time.monotonic() > deadline:
                return BUSY
            time.sleep(1)


def handler(event: Any, context: object) -> dict[str, list[dict[str, str]]]:
    """Entry point of the function.

    Returns:
        The messages of SQS that are to be delivered again, as SQS wants them named.

    Raises:
        NotServed: the event did not come from SQS and is to be delivered again.
    """
    starter = Starter.from_environment(os.environ)
    again: set[str | None] = set()
    ignored: Counter[str] = Counter()
    senders: dict[str, set[str | None]] = defaultdict(set)
    arrivals: dict[str, list[Arrival]] = defaultdict(list)
    for message in messages_in(event):
        try:
            judged = [arrival(created, starter.ours) for created in created_objects(message.body)]
        except NotAnEvent as error:
            # It is given back until it is among the dead letters, where somebody looks at it.
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
        raise NotServed("the event is to be delivered again: see the log")
    return {"batchItemFailures": [{"itemIdentifier": str(message_id)} for message_id in sorted(again, key=str)]}


def messages_in(event: Any) -> list[Message]:
    """The messages of a batch from SQS, or the event as the only one."""
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
        # Where the reply was lost the task may have started all the same: the next delivery looks before it starts.
        _log("failed", client=client, files=len(arrivals), reason=type(error).__name__, message=str(error))
        return False
    _log(outcome, client=client, files=len(arrivals), last_file=arrivals[-1].key)
    return outcome != BUSY


def _newest(arrivals: list[Arrival]) -> datetime | None:
    """When the last of them happened; None where one of them does not say."""
    moments = [found.happened_at for found in arrivals if found.happened_at is not None]
    return max(moments) if len(moments) == len(arrivals) else None


def _log(what: str, **facts: object) -> None:
    """One line of JSON, ASCII only and of bounded length: keys are chosen by others."""
    short = {name: fact if isinstance(fact, int) else str(fact)[:LOGGED_CHARACTERS] for name, fact in facts.items()}
    LOG.info(json.dumps({"what": what, **short}))
