"""Judge a lake in one code and one line, for programs that watch it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tribolake.lake.claims import may_live
from tribolake.run.attempt import FAILED, NEEDS_A_LOOK, OK
from tribolake.texts import cut

SHOWN_WORDS = 500


@dataclass(frozen=True)
class Health:
    """`code` is 0 (well), 4 (a person should look) or 1 (failed or stale). `words` are one line."""

    code: int
    words: str
    state: str  # of the last attempt: none, running, stopped or ended


def judge(
    attempt: Mapping[str, Any],
    *,
    now: datetime,
    held_back: Sequence[Mapping[str, Any]],
    failed_files: Sequence[Mapping[str, Any]],
    unread: Mapping[str, str],
    watcher: Mapping[str, Any] | None,
    waiting: int,
    waiting_since: datetime | None,
    stale_hours: float,
    machines: Sequence[Mapping[str, Any]] = (),
) -> Health:
    """Judge a lake. Failures come first in the words, then what a person should look at."""
    state = state_of(attempt)
    failures = [f"readers of {client} do not see what was published: {why}" for client, why in unread.items()]
    last = attempt if state != "running" else attempt.get("last") or {}
    if state == "stopped":
        failures.append(f"the run of {attempt['begun_at'][:16]} was killed: start `tribolake run`")
    elif last.get("exit_code", OK) not in (OK, NEEDS_A_LOOK):
        failures.append(f"failed since {last['failing_since'][:16]}: {last['problem']}")
    if watcher and watcher["state"] != "stopped" and not watcher["alive"]:
        failures.append(
            f"the watcher died or hangs, its last sign of life was {watcher['beat_at']}: end it, and start it again"
        )
    if waiting and waiting_since and _is_old(waiting_since, now, stale_hours):
        begun = attempt.get("begun_at")
        if not begun or _is_old(datetime.fromisoformat(begun), now, stale_hours):
            failures.append(f"{waiting} files wait since {waiting_since:%Y-%m-%dT%H:%M} and no run took them")
    looks = [f"{one['client']} held back since {one['since'][:16]}: {one['problem']}" for one in held_back]
    if state == "none":
        looks.append("no run is on record: start `tribolake run`")
    if failed_files:
        looks.append(f"{len(failed_files)} files cannot be read, such as {failed_files[0]['file']}")
    if not (looks or failures) and last.get("exit_code") == NEEDS_A_LOOK:
        problems = [f"{name}: {one['problem']}" for name, one in last.get("clients", {}).items() if one["problem"]]
        looks += [*problems, *last.get("failed_tests", [])] or ["the last run ended with 4: see `tribolake status`"]
    well = f"{len(machines)} machines Anormal, {waiting} files wait"
    code = FAILED if failures else NEEDS_A_LOOK if looks else OK
    label = {OK: "OK", NEEDS_A_LOOK: "LOOK", FAILED: "FAILED"}[code]
    return Health(code, cut(f"tribolake {label}: {'; '.join([*failures, *looks]) or well}", SHOWN_WORDS), state)


def state_of(attempt: Mapping[str, Any]) -> str:
    """Return whether an attempt ended, is running, or was stopped before it ended."""
    if not attempt:
        return "none"
    if attempt.get("ended_at"):
        return "ended"
    return "running" if may_live(attempt) else "stopped"


def _is_old(moment: datetime, now: datetime, hours: float) -> bool:
    return now - moment > timedelta(hours=hours)
