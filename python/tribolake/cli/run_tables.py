"""Print what a run did, and what of its files needs a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from tribolake.cli.console import new_table, open_console
from tribolake.cli.printable import printable
from tribolake.run.notify import TOLD_AS_FILES
from tribolake.run.rejections import format_rejection

if TYPE_CHECKING:
    from tribolake.oil.status import LakeStatus
    from tribolake.run.report import RunReport
    from tribolake.settings import Settings

SHOWN_REJECTIONS = 20
SHOWN_FILES = 50
SHOWN_SECONDS = 0.05


def print_run(report: RunReport, settings: Settings) -> None:
    """Print what a run did for each client, and where its files are."""
    console = open_console()
    if report.nothing_new:
        console.print(f"Nothing new in {printable(settings.address)} ({report.seconds:.2f} s).")
        print_passed_over(console, report)
        return
    numbers = ("files", "rows read", "loaded", "superseded", "rejected", "samples")
    table = new_table("client", *numbers, title=f"Run {report.run_id}, policy {report.policy}", right=numbers)
    for client, done in report.clients.items():
        if not (done.arrivals or done.samples):
            continue
        counts = (
            done.arrivals,
            done.rows_read,
            done.rows_loaded,
            done.rows_superseded,
            done.rows_rejected,
            done.samples,
        )
        table.add_row(client, *(f"{count:,}" for count in counts))
    console.print(table)
    console.print(f"why: {printable('; '.join(report.reasons))}")
    print_failed_files(console, report.failed_files)
    for altered in report.altered_files:
        console.print(f"[red]altered[/red] {printable(altered['file'])}: {printable(altered['problem'])}")
    print_passed_over(console, report)
    print_rejections(console, report.rejected)
    for client, done in report.clients.items():
        if done.published:
            how = "published" if done.changed else "up to date"
            console.print(f"{how} {printable(settings.address)}/{settings.prefix}/gold/{client}")
        elif done.problem:
            console.print(f"[red]held back[/red] {client}: {printable(done.problem)}")
    for found, colour, tests in (("failed", "red", report.failed_tests), ("warns", "yellow", report.warnings)):
        for test in tests:
            # On one line: it ends with a command that people copy.
            console.print(f"[{colour}]test {found}[/{colour}] {printable(test)}", soft_wrap=True)
    if "recommendations" in report.results:
        print_recommendations(console, report.results["recommendations"].report)
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.stages.items() if seconds >= SHOWN_SECONDS)
    console.print(f"{report.seconds:.1f} s in all: {stages}")


def print_passed_over(console: Console, listed: RunReport | LakeStatus) -> None:
    """Print files that are dated ahead, and what a listing of bronze skipped or ignored."""
    for ahead in listed.dated_ahead:
        console.print(
            f"[red]dated ahead[/red] {printable(ahead['file'])}: {printable(ahead['states'])}, later than its first "
            "listing. The time counts as unknown, so any other delivery of these samples counts before it"
        )
    for key in listed.skipped_links:
        console.print(
            f"[red]skipped link[/red] {printable(key)}: it leads out of its client's folder, or to nothing. "
            "Put the file itself there"
        )
    for key in listed.unread_folders:
        why = "it cannot be listed, or is empty. Check its permissions and its mount"
        console.print(f"[red]unread folder[/red] {printable(key)}: {why}")
    if listed.passed_over:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in listed.passed_over.items())
        console.print(f"ignored, as not deliveries: {kinds} (seed ignored_names)")


def print_rejections(console: Console, rejected: Sequence[Mapping[str, Any]]) -> None:
    """Print what is not used of files, and why. Files that cannot be read are printed with their problem."""
    told = [one for one in rejected if one["reason"] not in TOLD_AS_FILES]
    for one in told[:SHOWN_REJECTIONS]:
        colour = "red" if one["needs_a_look"] else "yellow"
        console.print(f"[{colour}]not used[/{colour}] {printable(format_rejection(one))}")
    if len(told) > SHOWN_REJECTIONS:
        console.print(f"  … and {len(told) - SHOWN_REJECTIONS} more files and reasons")
    if told:
        console.print("`tribolake rejected list` shows all that is not used")


def print_recommendations(console: Console, said: dict[str, Any]) -> None:
    """Print how recommendations were worded, if any was due, and why the run stopped asking."""
    if said.get("patterns"):
        console.print(printable(format_wording(said)))
        if said["stopped"]:
            console.print(f"[yellow]recommendations:[/yellow] {printable(said['stopped'])}")


def format_wording(said: dict[str, Any]) -> str:
    """Say in one line how recommendations were worded."""
    parts = [f"{said['patterns']:,} patterns in {said['reports']:,} reports had no wording"]
    if said["cached"]:
        parts.append(f"{said['cached']:,} from the cache")
    if said["asked"]:
        parts.append(f"{said['asked']:,} asked of {said['model']}, {said['accepted']:,} accepted")
    if not said["cached"] and not said["accepted"]:
        parts.append("the rules word them")
    if said["rejected"]:
        reasons = ", ".join(f"{field} {count}" for field, count in said["rejected"].items())
        parts.append(f"rejected: {reasons}")
    if said["waiting"]:
        waiting = ", ".join(f"{count:,} {reason}" for reason, count in said["waiting"].items())
        parts.append(f"waiting, with the text of the rules: {waiting}")
    if said["input_tokens"]:
        parts.append(f"{said['input_tokens']:,} + {said['output_tokens']:,} tokens ({said['cached_tokens']:,} cached)")
    if said["cost_usd"] is not None:
        parts.append(f"{said['cost_usd']:.4f} USD")
    return "recommendations: " + "; ".join(parts)


def print_failed_files(console: Console, failed: Sequence[Mapping[str, Any]]) -> None:
    lines = [f"[red]failed[/red] {printable(one['file'])}: {printable(one['problem'])}" for one in failed]
    print_some(console, lines, "failed files: `tribolake arrivals list --failed`")


def print_some(console: Console, lines: Sequence[str], rest: str) -> None:
    """Print the first lines. Of the others print only how many they are, what they are and which command lists them."""
    for line in lines[:SHOWN_FILES]:
        console.print(line)
    if len(lines) > SHOWN_FILES:
        console.print(f"and {len(lines) - SHOWN_FILES:,} more {rest} lists all")
