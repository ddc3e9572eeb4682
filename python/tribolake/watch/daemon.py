"""The watcher: wait for complete files, run, and report, until it is asked to stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from tribolake.errors import ConfigurationError, LakeIsBusy
from tribolake.product import Product
from tribolake.run.plan import check_request
from tribolake.settings import Settings
from tribolake.watch.backlog import Backlog
from tribolake.watch.backoff import Backoff
from tribolake.watch.event_source import NEVER
from tribolake.watch.heartbeat import Heartbeats, LastRun, State, problem_of
from tribolake.watch.lock import only_watcher
from tribolake.watch.runner import Outcome, Runner
from tribolake.watch.sources import open_source
from tribolake.watch.wakeup import StopRequests, Wakeup, stop_requests, wait_for_any

# How often to check whether a missing folder is there.
LOOK_FOR_FOLDER_SECONDS = 2.0

OnRun = Callable[[dict[str, Any]], None]
Log = Callable[[str], None]


def watch(
    product: Product,
    settings: Settings,
    *,
    policy: str,
    clients: Sequence[str] | None,
    on_run: OnRun,
    log: Log,
) -> None:
    """Keep gold up to date with bronze until SIGTERM or SIGINT. A run under way then gets time to finish.

    Args:
        product: the data product.
        settings: of the product in the lake, with the times to wait.
        policy: a policy of the product.
        clients: read and publish only these. None means all.
        on_run: called with the report of each successful run.
        log: called with one line per event.

    Raises:
        ConfigurationError: the policy or a client is unknown.
        LakeIsBusy: another watcher watches this lake.
    """
    clients = product.named_clients(clients)
    check_request(product, policy, clients)  # a wrong request ends the command, without retries
    settings.state.mkdir(parents=True, exist_ok=True)
    wakeup = Wakeup()
    with only_watcher(settings), stop_requests(wakeup, (signal.SIGTERM, signal.SIGINT)) as asked_to_stop:
        signal.signal(signal.SIGIO, signal.SIG_IGN)  # see lake/rest.py
        watcher = Watcher(product, settings, policy, clients, wakeup, on_run, log)
        try:
            watcher.work(asked_to_stop)
        finally:
            watcher.close()


class Watcher:
    """Decides from the waiting files when to run and when to retry. All times are monotonic seconds."""

    def __init__(
        self,
        product: Product,
        settings: Settings,
        policy: str,
        clients: Sequence[str] | None,
        wakeup: Wakeup,
        on_run: OnRun,
        log: Log,
    ) -> None:
        self._settings = settings
        self._wakeup = wakeup
        self._on_run = on_run
        self._log = log
        self._backlog = Backlog(product, settings, clients)
        self._events = open_source(settings, self._backlog.places, wake=wakeup.wake, log=log)
        self._runner = Runner(product, settings, policy, clients)
        self._backoff = Backoff()
        self._heartbeats = Heartbeats(settings.state, log)
        now = time.monotonic()
        self._look_at = now
        self._rescan_at = now + settings.watch.rescan_seconds
        self._wanted_since = now  # a run without new files: the ledger may have work
        self._retry_at = now
        self._run_began = now
        self._trouble = ""  # of the last listing
        self._is_busy = False  # another run has the lake

    def work(self, asked_to_stop: StopRequests) -> None:
        """Watch until asked to stop."""
        self._log(f"watching {self._settings.address}/{self._backlog.inbox.folder}")
        while not asked_to_stop.count:
            now = time.monotonic()
            next_watch = self._watch_and_look(now)
            self._run_if_due(now)
            self._beat(now)
            self._wait(min(self._next_step(now), next_watch))
        self._finish(asked_to_stop)

    def close(self) -> None:
        """End the warm process and write the last heartbeat."""
        self._runner.stop()
        self._events.close()
        self._beat(time.monotonic(), "stopped")

    def _finish(self, asked_to_stop: StopRequests) -> None:
        """Give a run under way some time to end. A second request abandons it."""
        deadline = time.monotonic() + self._settings.watch.stop_seconds
        self._events.stop()
        if self._runner.is_under_way:
            self._log(f"stopping: the run under way has {self._settings.watch.stop_seconds:g} s to finish")
        while self._runner.is_under_way and time.monotonic() < deadline and asked_to_stop.count < 2:
            self._beat(time.monotonic())
            self._wait(min(deadline, self._heartbeats.due_at))
        if self._runner.is_under_way:
            self._log("the run is abandoned. The next run does its work")
        self._log("stopped")

    def _watch_and_look(self, now: float) -> float:
        """List bronze if needed. Returns when to check for a missing folder: a mount may come and go."""
        try:
            is_watching = self._events.keep_watching()
            self._look(now)
        except Exception as error:  # one odd file must not end the watcher
            if isinstance(error, ConfigurationError) and not self._backlog.was_listed:
                raise
            self._look_at = now + LOOK_FOR_FOLDER_SECONDS
            if str(error) != self._trouble:
                self._log(f"bronze cannot be listed: {error}. The watcher keeps trying")
            self._trouble = str(error)
            return NEVER
        self._trouble = ""
        return NEVER if is_watching else now + LOOK_FOR_FOLDER_SECONDS

    def _look(self, now: float) -> None:
        """List bronze if something may have changed."""
        if now >= self._rescan_at:
            self._rescan_at = now + self._settings.watch.rescan_seconds
            self._wanted_since = min(self._wanted_since, now)
            self._look_at = now
        if now < self._look_at:
            return
        self._look_at = min(self._backlog.update(now), now + self._events.look_every_seconds)
        if self._events.pending_keys:
            self._wanted_since = min(self._wanted_since, now)

    def _run_if_due(self, now: float) -> None:
        if self._runner.is_running or now < self._retry_at:
            return
        since = min(self._backlog.complete_since, self._wanted_since)
        longest_wait = self._settings.watch.max_wait_seconds if self._backlog.is_settling else 0
        try:
            if now - since >= longest_wait:
                self._start_run(now)
            elif not self._runner.is_up:
                self._runner.get_warm()
        except OSError as error:  # out of memory, or the project is being replaced
            self._end_run(Outcome(None, type(error).__name__, f"no run can be started: {error}"))

    def _start_run(self, now: float) -> None:
        self._run_began = now
        self._wanted_since = NEVER
        is_recent = self._backlog.hand_over(self._events.run_began())
        self._runner.start_run(list_everything=not is_recent)

    def _end_run(self, outcome: Outcome) -> None:
        now = time.monotonic()
        finished_at, seconds = datetime.now(UTC), round(now - self._run_began, 3)
        was_busy, self._is_busy = self._is_busy, outcome.error == LakeIsBusy.__name__
        self._events.run_ended(outcome.report is not None)
        if outcome.report is None:
            delay = self._backoff.failed(outcome.error)
            self._retry_at = now + delay
            self._wanted_since = now
            if not (was_busy and self._is_busy):  # a long run of another machine is logged once
                self._log(f"{outcome.message} (again in {delay:.0f} s)")
            self._heartbeats.last_run = LastRun(None, finished_at, seconds, ok=False, problem=outcome.message)
            return
        self._backoff.succeeded()
        self._rescan_at = now + self._settings.watch.rescan_seconds
        self._backlog.forget_taken()
        problem = problem_of(outcome.report)
        self._heartbeats.last_run = LastRun(outcome.report["run_id"], finished_at, seconds, problem is None, problem)
        self._on_run(outcome.report)

    def _next_step(self, now: float) -> float:
        """Return when the next timed step is due."""
        retry_at = self._retry_at if self._retry_at > now else NEVER
        return min(self._look_at, self._rescan_at, self._heartbeats.due_at, retry_at)

    def _wait(self, until: float) -> None:
        """Wait for an event, for the warm process, or until a moment."""
        sources: list[Any] = [self._wakeup]
        if self._runner.fileno() is not None:
            sources.append(self._runner)
        ready = wait_for_any(sources, max(0.0, until - time.monotonic()))
        if self._wakeup in ready:
            self._wakeup.clear()
            self._look_at = min(self._look_at, max(time.monotonic(), self._backlog.next_listing_from))
        if self._runner in ready:
            outcome = self._runner.collect()
            if outcome is not None:
                self._end_run(outcome)

    def _state(self, now: float) -> State:
        if self._runner.is_running:
            return "running"
        if now < self._retry_at:
            return "backing off"
        return "settling" if len(self._backlog) else "idle"

    def _beat(self, now: float, state: State | None = None) -> None:
        state = state or self._state(now)
        self._heartbeats.beat(now, state, len(self._backlog), self._backlog.complete_since, self._events.queue)
