"""Print the status of a lake: the fleet, what readers see, and how runs and the watcher go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console

from tribolake.cli.console import open_console
from tribolake.cli.fleet_tables import SHOWN_MACHINES, print_fleet
from tribolake.cli.printable import printable
from tribolake.cli.run_tables import (
    print_failed_files,
    print_passed_over,
    print_recommendations,
    print_rejections,
    print_some,
)

if TYPE_CHECKING:
    from tribolake.oil.status import LakeStatus


def print_status(found: LakeStatus, shown: int | None = SHOWN_MACHINES) -> None:
    """Print the status of a lake, with so many machines. None means all."""
    console = open_console()
    print_fleet(console, found.machines, shown)
    reports = ", ".join(f"{row['client']} {row['report_status']} {row['reports']:,}" for row in found.reports)
    console.print(f"Reports: {reports or 'none'}")
    _print_state(console, found)
    if found.last_run:
        print_recommendations(console, found.last_run.get("recommendations", {}))
    if found.calls:
        console.print(f"Calls to S3 by the last run on this machine: {sum(found.calls.values()):,}")
    if found.watcher:
        console.print(_format_watcher(found.watcher))
    waiting = [f"waiting {printable(key)}" for key in found.waiting_files]
    print_some(console, waiting, "waiting files: `tribolake status --json`")
    print_failed_files(console, found.failed_files)
    for unread in found.unread_feedback:
        console.print(f"[yellow]unread feedback[/yellow] {printable(unread['file'])}: {printable(unread['problem'])}")
    print_passed_over(console, found)
    # Names that no seed has are shown below, once for all files.
    print_rejections(console, [one for one in found.rejected if one["subject"] not in ("sheet", "column")])
    for unknown in found.unmapped_names:
        console.print(
            f"[yellow]unknown {unknown['kind']}[/yellow] {printable(unknown['name'])} ({unknown['client']}, "
            f"{unknown['cells_affected']:,} cells): add it to the seeds"
        )


def _print_state(console: Console, found: LakeStatus) -> None:
    """Print since when readers see what they see, what is held back, and how runs went."""
    for one in found.published:
        console.print(
            f"Readers of {one['client']} see run {one['run_id']}, published {_ago(one['age_seconds'])} ago, "
            f"newest sample {one['newest_sample'] or 'none'}"
        )
    for held in found.held_back:
        console.print(
            f"[red]held back[/red] {printable(held['client'])} since {held['since'][:16]}: {printable(held['problem'])}"
        )
    if found.last_run:
        console.print(f"Last run: {found.last_run['run_id']} ({found.last_run['seconds']:.1f} s)")
    if found.attempt:
        for line in format_attempt(found.attempt):
            console.print(line)


def format_attempt(attempt: Mapping[str, Any]) -> list[str]:
    """Say what came of the last attempt, and what of the one before if it has not ended."""
    began = f"{attempt['begun_at'][:19]}Z"
    if attempt["state"] == "running":
        lines = [f"A run is under way since {began} (process {attempt['pid']} on {printable(attempt['host'])})"]
    elif attempt["state"] == "stopped":
        lines = [f"[red]A run of {began} was killed[/red]: start `tribolake run`, it does the rest of the work"]
    else:
        lines = []
    last = attempt if attempt["state"] == "ended" else attempt.get("last")
    if last:
        outcomes = {0: "well", 4: "[yellow]with something to look at[/yellow] (4)"}
        how = outcomes.get(last["exit_code"], f"[red]failed[/red] ({last['exit_code']})")
        if last.get("nothing_new"):
            how = "with nothing new"
        line = f"Last attempt: {last['begun_at'][:19]}Z, ended {how}"
        if last["problem"]:
            line += f", failing since {last['failing_since'][:16]}: {printable(last['problem'])}"
        lines.append(line)
    return lines


def _ago(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 60 / 24:.0f} days"


def _format_watcher(watcher: dict[str, Any]) -> str:
    """Say in one line whether the watcher runs, its state, backlog and lag."""
    if not watcher["alive"]:
        how = "was stopped" if watcher["state"] == "stopped" else "died or hangs"
        line = f"[red]no watcher[/red]: process {watcher['pid']} {how}, its last sign of life was {watcher['beat_at']}"
    else:
        line = (
            f"Watcher: {watcher['state']}, process {watcher['pid']} since {watcher['started_at']}, "
            f"backlog {watcher['backlog']:,} files, lag {watcher['lag_seconds']:.0f} s"
        )
        if watcher["queue"]:
            line += f", {_format_queue(watcher['queue'])}"
    last = watcher["last_run"]
    if last is None:
        return line
    outcome = "ok" if last["ok"] else f"[red]failed[/red]: {printable(last['problem'] or '')}"
    if last["run_id"] and not last["ok"]:
        outcome = f"[yellow]needs a look[/yellow]: {printable(last['problem'] or '')}"
    return f"{line}; last run {last['finished_at']} ({last['seconds']:.1f} s) {outcome}"


def _format_queue(queue: dict[str, Any]) -> str:
    """Say how many messages of the queue wait for a run, and whether the queue can be read."""
    line = f"queue {printable(queue['name'])}: {queue['held']:,} messages wait for a run"
    return f"{line}, [yellow]cannot be read[/yellow]: {printable(queue['problem'])}" if queue["problem"] else line
