"""The watcher: wait for complete files, run, and report, until it is asked to stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tribolake.errors import ConfigurationError, LakeIsBusy
from tribolake.lake import open_lake
from tribolake.lake.inbox import Inbox
from tribolake.lake.listing import RECENT
from tribolake.product import Product
from tribolake.run.plan import check_request
from tribolake.settings import Settings
from tribolake.texts import cut
from tribolake.watch.backoff import Backoff
from tribolake.watch.completeness import FileStamp, SettleTimes, Sighting, update_sightings
from tribolake.watch.entries import EntryFolders
from tribolake.watch.event_source import NEVER, QueueState
from tribolake.watch.heartbeat import BEAT_SECONDS, Heartbeat, Heartbeats, LastRun, State
from tribolake.watch.lock import only_watcher
from tribolake.watch.runner import Outcome, Runner
from tribolake.watch.sources import open_source
from tribolake.watch.wakeup import StopRequests, Wakeup, stop_requests, wait_for_any

# Between two listings. A burst of events is one listing. Listing a large lake takes a tenth of the time at most.
PAUSE_SECONDS = 0.1
PAUSE_PER_LISTING = 10
# On S3 each listing costs money and listed files are complete. This wait only gathers a burst into one run.
BURST_SECONDS = 0.5
# How often to check whether a missing folder is there.
LOOK_FOR_FOLDER_SECONDS = 2.0
SHOWN_CHARACTERS = 2000  # of the problems of a run, in every heartbeat

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
        self._policy = policy
        self._clients = clients
        self._folders = product.folders_of(clients)
        self._wakeup = wakeup
        self._on_run = on_run
        self._log = log
        # One attempt per listing: the loop retries anyway, and retries in the store would delay the heartbeat.
        hasty = settings.changed(s3_attempts=1)
        self._inbox = product.inbox(settings) or Inbox.below(settings.prefix)
        self._lake = open_lake(hasty, self._inbox)
        self._entries = EntryFolders(hasty, product.entry_folders, clients)
        self._shortest_pause = BURST_SECONDS if settings.is_on_s3 else PAUSE_SECONDS
        settle_seconds = max(settings.watch.settle_seconds, BURST_SECONDS if settings.is_on_s3 else 0)
        self._times = SettleTimes(settle_seconds, settings.watch.max_wait_seconds)
        places = [self._inbox, *self._entries.places]
        self._events = open_source(settings, places, wake=wakeup.wake, log=log)
        self._runner = Runner(product, settings)
        self._backoff = Backoff()
        self._heartbeats = Heartbeats(settings.state, log)
        self._taken: dict[str, FileStamp] = {}  # by successful runs
        self._taking: dict[str, FileStamp] = {}  # by the run under way
        self._waiting: dict[str, Sighting] = {}
        self._listed: set[str] = set()
        now = time.monotonic()
        self._looked_at = now
        self._look_at = now
        self._pause = self._shortest_pause
        self._rescan_at = now + settings.watch.rescan_seconds
        self._wanted_since: float | None = now  # a run without new files: the ledger may have work
        self._retry_at = now
        self._beat_at = now
        self._run_began = now
        self._has_looked = False
        self._trouble = ""
        self._is_busy = False
        self._started_at = datetime.now(UTC)
        self._last_run: LastRun | None = None
        self._last_beat: tuple[State, int, LastRun | None, QueueState | None] | None = None

    def work(self, asked_to_stop: StopRequests) -> None:
        """Watch until asked to stop."""
        self._log(f"watching {self._settings.address}/{self._inbox.folder}")
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
        self._save_heartbeat("stopped")

    def _finish(self, asked_to_stop: StopRequests) -> None:
        """Give a run under way some time to end. A second request abandons it."""
        deadline = time.monotonic() + self._settings.watch.stop_seconds
        self._events.stop()
        if self._runner.is_under_way:
            self._log(f"stopping: the run under way has {self._settings.watch.stop_seconds:g} s to finish")
        while self._runner.is_under_way and time.monotonic() < deadline and asked_to_stop.count < 2:
            self._beat(time.monotonic())
            self._wait(min(deadline, self._beat_at))
        if self._runner.is_under_way:
            self._log("the run is abandoned. The next run does its work")
        self._log("stopped")

    def _watch_and_look(self, now: float) -> float:
        """List bronze if needed. Returns when to check for a missing folder: a mount may come and go."""
        try:
            is_watching = self._events.keep_watching()
            self._look(now)
        except Exception as error:  # one odd file must not end the watcher
            if isinstance(error, ConfigurationError) and not self._has_looked:
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
            self._wanted_since = self._wanted_since or now
            self._look_at = now
        if now < self._look_at:
            return
        files = self._lake.list_bronze()
        self._listed = {file.key for file in files}
        listed = {
            file.key: (file.size_bytes, file.modified_at, file.version)
            for file in files
            if self._folders is None or file.client in self._folders
        }
        listed |= self._entries.stamps()
        self._taken = {key: stamp for key, stamp in self._taken.items() if key in listed}
        new = {key: stamp for key, stamp in listed.items() if self._taken.get(key) != stamp}
        self._waiting = update_sightings(self._waiting, new, now, self._times, self._is_at_rest)
        self._looked_at = now
        self._has_looked = True
        if self._events.pending_keys:
            self._wanted_since = self._wanted_since or now
        self._pause = max(self._shortest_pause, PAUSE_PER_LISTING * (time.monotonic() - now))
        next_looks = [self._next_look(sighting, now) for sighting in self._waiting.values()]
        self._look_at = min([*next_looks, now + self._events.look_every_seconds])

    def _next_look(self, sighting: Sighting, now: float) -> float:
        """Return when the file may have settled, or sooner, so that a change in between is found early."""
        if sighting.is_complete:
            return NEVER
        settled_at = sighting.unchanged_since + self._times.settle_seconds
        return min(settled_at, now + self._pause) if settled_at > now else now + self._pause

    def _is_at_rest(self, key: str) -> bool:
        return self._entries.has(key) or self._lake.is_at_rest(key)

    def _run_if_due(self, now: float) -> None:
        if self._runner.is_running or now < self._retry_at:
            return
        since = self._due_since(now)
        is_settling = not all(sighting.is_complete for sighting in self._waiting.values())
        try:
            if since is not None and not (is_settling and now - since < self._times.max_wait_seconds):
                self._start_run(now)
            elif not self._runner.is_up:
                self._runner.get_warm()
        except OSError as error:  # out of memory, or the project is being replaced
            self._end_run(Outcome(None, type(error).__name__, f"no run can be started: {error}"))

    def _start_run(self, now: float) -> None:
        self._taking = {key: sighting.stamp for key, sighting in self._waiting.items() if sighting.is_complete}
        self._run_began = now
        self._wanted_since = None
        # A run on a large lake lists recent folders only, unless an event or this listing named an older file.
        expected = {key for key in self._events.run_began() | self._taking.keys() if not self._entries.has(key)}
        is_shown = expected <= self._listed and all(_is_recent(key, self._inbox) for key in expected)
        self._runner.start_run(self._policy, self._clients, list_everything=not is_shown)

    def _due_since(self, now: float) -> float | None:
        """Return since when a run has work. None if it has none."""
        reasons = [sighting.unchanged_since for sighting in self._waiting.values() if sighting.is_complete]
        if self._wanted_since is not None:
            reasons.append(self._wanted_since)
        return min(reasons, default=None)

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
            self._last_run = LastRun(None, finished_at, seconds, ok=False, problem=outcome.message)
            return
        self._backoff.succeeded()
        self._rescan_at = now + self._settings.watch.rescan_seconds
        self._taken |= self._taking
        self._waiting = {
            key: sighting for key, sighting in self._waiting.items() if self._taken.get(key) != sighting.stamp
        }
        problem = _problem(outcome.report)
        self._last_run = LastRun(outcome.report["run_id"], finished_at, seconds, ok=problem is None, problem=problem)
        self._on_run(outcome.report)

    def _next_step(self, now: float) -> float:
        """Return when the next timed step is due."""
        retry_at = self._retry_at if self._retry_at > now else NEVER
        return min(self._look_at, self._rescan_at, self._beat_at, retry_at)

    def _wait(self, until: float) -> None:
        """Wait for an event, for the warm process, or until a moment."""
        sources: list[Any] = [self._wakeup]
        if self._runner.fileno() is not None:
            sources.append(self._runner)
        ready = wait_for_any(sources, max(0.0, until - time.monotonic()))
        if self._wakeup in ready:
            self._wakeup.clear()
            self._look_at = min(self._look_at, max(time.monotonic(), self._looked_at + self._pause))
        if self._runner in ready:
            outcome = self._runner.collect()
            if outcome is not None:
                self._end_run(outcome)

    def _state(self, now: float) -> State:
        if self._runner.is_running:
            return "running"
        if now < self._retry_at:
            return "backing off"
        return "settling" if self._waiting else "idle"

    def _beat(self, now: float) -> None:
        """Write the heartbeat every few seconds and at each change."""
        beat = (self._state(now), len(self._waiting), self._last_run, self._events.queue)
        if now >= self._beat_at or beat != self._last_beat:
            self._last_beat = beat
            self._beat_at = now + BEAT_SECONDS
            self._save_heartbeat(beat[0])

    def _save_heartbeat(self, state: State) -> None:
        oldest = min((s.unchanged_since for s in self._waiting.values() if s.is_complete), default=None)
        heartbeat = Heartbeat(
            pid=os.getpid(),
            started_at=self._started_at,
            beat_at=datetime.now(UTC),
            state=state,
            last_run=self._last_run,
            lag_seconds=round(time.monotonic() - oldest, 1) if oldest is not None else 0.0,
            backlog=len(self._waiting),
            queue=self._events.queue,
        )
        self._heartbeats.write(heartbeat)


def _is_recent(key: str, inbox: Inbox) -> bool:
    """Return whether every listing shows this file, tomorrow's too. See `lake/listing.py`."""
    since = (datetime.now(UTC) - RECENT + timedelta(days=1)).date().isoformat()
    folders = key.removeprefix(f"{inbox.folder}/").split("/")
    return "/".join(folders[inbox.depth :]) > since


def _problem(report: dict[str, Any]) -> str | None:
    """Format the problems of a run in one line. None if it had none."""
    files = [f"{failed['file']}: {failed['problem']}" for failed in report["failed_files"]]
    clients = [f"{client}: {done['problem']}" for client, done in report["clients"].items() if done["problem"]]
    rejected = [
        f"{one['file']}: {one['rejected']} × {one['reason']}" for one in report["rejected"] if one["needs_a_look"]
    ]
    problems = "; ".join([*clients, *files, *report["failed_tests"], *rejected])
    return cut(problems, SHOWN_CHARACTERS) or None
