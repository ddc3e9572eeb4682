"""Events of a bucket from an SQS queue.

S3 sends a message for every new object. One thread receives messages and wakes the watcher. Another thread keeps them
invisible to other watchers, and deletes them once a run covers them. A run covers a message if it listed bronze after
the message came and ended well. The messages of a killed watcher are delivered again. A message that is not an event is
released at once, until the queue's redrive policy makes it a dead letter.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.lake.aws import aws_errors, open_client
from tribolake.lake.inbox import Inbox
from tribolake.settings import Settings
from tribolake.texts import without_users
from tribolake.watch.event_source import NEVER, QueueState
from tribolake.watch.messages import NotAnEvent, WatchedPlaces, arrived_keys

# Limits of SQS: the longest wait for a message, and the largest batch.
WAIT_SECONDS = 20
BATCH = 10
# Each held message costs a tenth of a call per renewal. Further messages wait in the queue.
MOST_HELD = 1000
RENEWALS_PER_PERIOD = 3
# SQS hides a message for half a day at most and then delivers it again, which is harmless.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
# Without a dead-letter queue a message that is not an event comes back until it expires, so it is hidden for longer.
POISON_PAUSE_SECONDS = 900
MOST_LOGGED_IDS = 1000
LOGGED_CHARACTERS = 200
SETTLED_WITHIN_SECONDS = 5.0

Receipts = dict[str, str]  # receipt of the last delivery by message id


@dataclass(frozen=True)
class HeldMessage:
    """A message that waits for a run, with its keys."""

    receipt: str
    keys: tuple[str, ...]


class QueueEvents:
    """Receives, holds and deletes the messages of a queue. Safe to use from several threads."""

    def __init__(
        self,
        client: Any,
        queue_url: str,
        watched: WatchedPlaces,
        *,
        visibility_seconds: int,
        poll_seconds: float,
        wake: Callable[[], None],
        log: Callable[[str], None],
    ) -> None:
        """`poll_seconds` is the time between listings while the queue cannot be reached."""
        self._client = client
        self._url = queue_url
        self._watched = watched
        self._visibility_seconds = visibility_seconds
        self._poll_seconds = poll_seconds
        self._wake = wake
        self._log = log
        self._changed = threading.Condition()
        self._held: dict[str, HeldMessage] = {}  # by message id
        self._covering: set[str] = set()  # ids of held messages that the run under way covers
        self._covered: Receipts = {}  # for deletion
        self._trouble: str | None = None
        self._is_stopped = self._is_closed = False
        self._has_dead_letters = True
        self._logged_ids: list[str] = []
        self._threads: list[threading.Thread] = []

    @property
    def look_every_seconds(self) -> float:
        return self._poll_seconds if self._trouble else NEVER

    @property
    def pending_keys(self) -> frozenset[str]:
        with self._changed:
            return _keys(held for message, held in self._held.items() if message not in self._covering)

    @property
    def queue(self) -> QueueState:
        with self._changed:
            return QueueState(self._url.rpartition("/")[2][:80], len(self._held), self._trouble)

    def keep_watching(self) -> bool:
        if not self._threads and not self._is_stopped:
            targets = {"queue": self._listen, "queue-keeper": self._keep}
            # Daemon threads: a call that waits for messages must not delay the end of the watcher.
            self._threads = [threading.Thread(target=targets[name], name=name, daemon=True) for name in targets]
            for thread in self._threads:
                thread.start()
        return True

    def run_began(self) -> frozenset[str]:
        with self._changed:
            self._covering = set(self._held)
            return _keys(self._held.values())

    def run_ended(self, ok: bool) -> None:
        with self._changed:
            if ok:
                self._covered |= {message: self._held.pop(message).receipt for message in self._covering}
            self._covering = set()
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def close(self) -> None:
        """Delete covered messages and release the others, within a few seconds."""
        self.stop()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for keeper in self._threads[1:]:
            keeper.join(SETTLED_WITHIN_SECONDS)

    # The thread that waits for messages.

    def _listen(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        asked_for_dead_letters = False
        while self._has_room():
            try:
                if not asked_for_dead_letters:
                    self._has_dead_letters = self._ask_for_dead_letters()
                    asked_for_dead_letters = True
                # After trouble, a call without waiting shows at once whether it is over.
                messages = self._receive(0 if self._trouble else WAIT_SECONDS)
            except (aws_errors.BotoCoreError, aws_errors.ClientError) as error:
                self._note_trouble(without_users(error))
                with self._changed:
                    self._changed.wait_for(lambda: self._is_stopped, pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            pause = FIRST_PAUSE_SECONDS
            self._note_trouble(None)
            self._take(messages)

    def _has_room(self) -> bool:
        """Wait until more messages may be held. Returns False if the watcher stops."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or len(self._held) < MOST_HELD)
            return not self._is_stopped

    def _ask_for_dead_letters(self) -> bool:
        try:
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["RedrivePolicy"])
        except aws_errors.ClientError:  # the permission is optional
            return False
        found = "RedrivePolicy" in answer.get("Attributes", {})
        if not found:
            self._log("the queue has no dead-letter queue: messages that are not events come back until they expire")
        return found

    def _receive(self, wait_seconds: int) -> list[dict[str, Any]]:
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=self._visibility_seconds,
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _take(self, messages: Sequence[dict[str, Any]]) -> None:
        news: dict[str, HeldMessage] = {}
        irrelevant: Receipts = {}
        poison: Receipts = {}
        for message in messages:
            try:
                keys = arrived_keys(message.get("Body", ""), self._watched)
            except NotAnEvent as error:
                self._log_once(message["MessageId"], str(error))
                poison[message["MessageId"]] = message["ReceiptHandle"]
                continue
            if keys:
                news[message["MessageId"]] = HeldMessage(message["ReceiptHandle"], tuple(keys))
            else:
                irrelevant[message["MessageId"]] = message["ReceiptHandle"]
        with self._changed:
            if self._is_stopped:  # released for the next watcher
                poison |= _receipts(news)
                news = {}
            self._held |= news
            self._covered |= irrelevant
            self._changed.notify_all()
        if news:
            self._wake()
        if poison:
            at_once = self._is_stopped or self._has_dead_letters
            self._set_visibility(poison, 0 if at_once else POISON_PAUSE_SECONDS)

    def _log_once(self, message_id: str, reason: str) -> None:
        """Log once per message, not per delivery. The body is not trusted, so it is not logged."""
        if message_id in self._logged_ids:
            return
        self._logged_ids = [*self._logged_ids[1 - MOST_LOGGED_IDS :], message_id]
        self._log(f"message {message_id[:LOGGED_CHARACTERS]} is not an event of the bucket ({reason}): it is released")

    def _note_trouble(self, trouble: str | None) -> None:
        """Log once that the queue cannot be read, and once that it can be read again."""
        trouble = trouble and trouble[:LOGGED_CHARACTERS]
        with self._changed:
            before, self._trouble = self._trouble, trouble
        if trouble and not before:
            self._log(f"the queue cannot be read: {trouble}. Bronze is now listed every {self._poll_seconds:g} s")
        elif before and not trouble:
            self._log("the queue can be read again")
        if bool(trouble) != bool(before):
            self._wake()  # list now, and decide again when to list next

    # The thread that keeps messages and deletes them.

    def _keep(self) -> None:
        """Delete covered messages at once and renew held ones in time. At the end, release held ones."""
        renew_every = self._visibility_seconds / RENEWALS_PER_PERIOD
        renew_at = time.monotonic() + renew_every
        while True:
            with self._changed:
                left = max(0.0, renew_at - time.monotonic())
                self._changed.wait_for(lambda: self._covered or self._is_closed, left)
                covered, self._covered = self._covered, {}
                is_last = self._is_closed
            undone = self._delete(covered)
            if is_last or time.monotonic() >= renew_at:
                renew_at = time.monotonic() + renew_every
                with self._changed:
                    held = _receipts(self._held)
                self._set_visibility(held, 0 if is_last else self._visibility_seconds)
            if is_last:
                return
            if undone:
                with self._changed:
                    self._covered |= undone
                    self._changed.wait_for(lambda: self._is_closed, min(FIRST_PAUSE_SECONDS, renew_every))

    def _delete(self, receipts: Receipts) -> Receipts:
        """Delete messages. Returns those that failed. A message with an expired receipt is delivered again."""
        undone: Receipts = {}
        for batch in _batches(receipts):
            entries = [{"Id": str(at), "ReceiptHandle": receipt} for at, (_, receipt) in enumerate(batch)]
            try:
                self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
            except (aws_errors.BotoCoreError, aws_errors.ClientError) as error:
                said = without_users(error)[:LOGGED_CHARACTERS]
                self._log(f"messages could not be deleted, the watcher tries again: {said}")
                undone |= dict(batch)
        return undone

    def _set_visibility(self, receipts: Receipts, seconds: int) -> None:
        for batch in _batches(receipts):
            entries = [
                {"Id": str(at), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                for at, (_, receipt) in enumerate(batch)
            ]
            try:
                self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            except (aws_errors.BotoCoreError, aws_errors.ClientError):
                return  # SQS delivers them again, which is harmless


def _keys(messages: Iterable[HeldMessage]) -> frozenset[str]:
    return frozenset(key for held in messages for key in held.keys)


def _receipts(messages: Mapping[str, HeldMessage]) -> Receipts:
    return {message: held.receipt for message, held in messages.items()}


def _batches(receipts: Receipts) -> list[list[tuple[str, str]]]:
    items = list(receipts.items())
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]


def open_queue(
    settings: Settings, places: Sequence[Inbox], *, wake: Callable[[], None], log: Callable[[str], None]
) -> QueueEvents:
    """Open the queue of a lake. Credentials come from the standard AWS chain.

    Raises:
        ConfigurationError: the queue does not exist.
    """
    assert settings.watch.queue  # noqa: S101 - the caller has checked it
    client = open_client(
        "sqs",
        settings.s3.region,
        connect_timeout=settings.s3.timeout_seconds,
        read_timeout=WAIT_SECONDS + settings.s3.timeout_seconds,
        retries={"total_max_attempts": 1},  # the threads retry until they are stopped
    )
    try:
        client.get_queue_attributes(QueueUrl=settings.watch.queue, AttributeNames=["QueueArn"])
    except client.exceptions.QueueDoesNotExist as error:
        raise ConfigurationError(
            f"there is no queue {settings.watch.queue} in {settings.s3.region}: correct TRIBOLAKE_SQS_QUEUE"
        ) from error
    except (aws_errors.BotoCoreError, aws_errors.ClientError):
        pass  # may be temporary or not permitted: the watcher logs it if it cannot receive
    return QueueEvents(
        client,
        settings.watch.queue,
        WatchedPlaces(settings.s3.bucket, places),
        visibility_seconds=settings.watch.visibility_seconds,
        poll_seconds=settings.watch.poll_seconds,
        wake=wake,
        log=log,
    )
