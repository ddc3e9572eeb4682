"""Queues of a real server, as their senders and their operators see them."""

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
    """A new queue with its dead letters."""

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
        """Messages that can be received, and messages that somebody holds."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)
        return tuple(int(answer["Attributes"][name]) for name in names)

    def receive(self, url: str) -> list[str]:
        """Bodies of all messages that are there; they are taken away."""
        bodies = []
        while found := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies
