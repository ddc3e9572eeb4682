"""Queues of a real server, with the calls of their senders and operators."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.servers.server import S3Server, client

PATIENCE_SECONDS = 60


def wait_until(holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@dataclass
class Queues:
    """A new queue with its dead-letter queue."""

    server: S3Server
    max_receives: int = 3
    url: str = ""
    dead_letters: str = ""

    def __post_init__(self) -> None:
        self.sqs = client(self.server, service="sqs", read_timeout=30)
        name = uuid.uuid4().hex
        self.dead_letters = self.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        policy = {"deadLetterTargetArn": self.arn(self.dead_letters), "maxReceiveCount": self.max_receives}
        self.url = self.sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": json.dumps(policy)})["QueueUrl"]

    def arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def counts(self, url: str = "") -> tuple[int, int]:
        """Count messages that can be received, and messages that are in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)
        return tuple(int(answer["Attributes"][name]) for name in names)

    def receive(self, url: str) -> list[str]:
        """Receive and delete all messages. Returns their bodies."""
        bodies = []
        while found := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies
