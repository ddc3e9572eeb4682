"""Print tables on stdout. Colour is used only on terminals that support it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from tribolake.doctor import Check
    from tribolake.oil.history import History
    from tribolake.oil.limits.diff import LimitsDiff
    from tribolake.oil.status import LakeStatus
    from tribolake.run.report import RunReport
    from tribolake.settings import Settings

STATUS_STYLES = {"Anormal": "bold red", "Alerta": "yellow", "Normal": "green", "Sin evaluar": "dim"}
SHOWN_MACHINES = 15
SHOWN_ROWS = 40
SHOWN_SECONDS = 0.05
WIDTH_IN_A_FILE = 132


def open_console() -> Console:
    """Open standard output, as wide as the terminal or as WIDTH_IN_A_FILE."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH_IN_A_FILE
    return console


def print_run(report: RunReport, settings: Settings) -> None:
    """Print what a run did for each client, and where its files are."""
    console = open_console()
    if report.nothing_new:
        console.print(f"Nothing new in {escape(settings.address)} ({report.seconds:.2f} s).")
        return
    numbers = ("files", "rows read", "loaded", "superseded", "rejected", "samples")
    table = Table(
        "client",
        *(Column(name, justify="right") for name in numbers),
        title=f"Run {report.run_id}, policy {report.policy}",
        box=box.SIMPLE,
        title_justify="left",
    )
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
    console.print(f"why: {escape('; '.join(report.reasons))}")
    for failed in report.failed_files:
        console.print(f"[red]failed[/red] {escape(failed['file'])}: {escape(failed['problem'])}")
    for client, done in report.clients.items():
        if done.published:
            how = "published" if done.changed else "up to date"
            console.print(f"{how} {escape(settings.address)}/{settings.prefix}/gold/{client}")
        elif done.problem:
            console.print(f"[red]held back[/red] {client}: {escape(done.problem)}")
    for found, colour, tests in (("failed", "red", report.failed_tests), ("warns", "yellow", report.warnings)):
        for test in tests:
            # On one line: it ends with a command that people copy.
            console.print(f"[{colour}]test {found}[/{colour}] {escape(test)}", soft_wrap=True)
    _print_recommendations(console, report.results["recommendations"].report)
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.stages.items() if seconds >= SHOWN_SECONDS)
    console.print(f"{report.seconds:.1f} s in all: {stages}")


def print_status(found: LakeStatus) -> None:
    """Print the status of a lake. The most urgent machine comes first."""
    console = open_console()
    table = Table(
        "client",
        "unit",
        "status",
        Column("score", justify="right"),
        "worst component",
        "why",
        "components",
        Column("stale", justify="right"),
        "last sample",
        title="Fleet: look at the first machine first (components: Anormal, Alerta, Normal, Sin evaluar)",
        box=box.SIMPLE,
        title_justify="left",
    )
    for machine in found.machines[:SHOWN_MACHINES]:
        table.add_row(
            machine["client"],
            escape(machine["unit_id"]),
            _status(machine["overall_status"]),
            str(machine["machine_score"]),
            escape(machine["worst_component"] or ""),
            escape(machine["why"] or ""),
            _component_counts(machine),
            str(machine["components_stale"]),
            machine["latest_sample_date"],
        )
    console.print(table)
    if found.machines and found.machines[0]["machine_ai_recommendation"]:
        first = found.machines[0]
        console.print(f"{escape(first['unit_id'])}: {escape(first['machine_ai_recommendation'])}\n")
    hidden = len(found.machines) - SHOWN_MACHINES
    if hidden > 0:
        console.print(f"  … and {hidden} more machines: `tribolake status --json` shows all")
    reports = ", ".join(f"{row['client']} {row['report_status']} {row['reports']:,}" for row in found.reports)
    console.print(f"Reports: {reports or 'none'}")
    if found.last_run:
        console.print(f"Last run: {found.last_run['run_id']} ({found.last_run['seconds']:.1f} s)")
        _print_recommendations(console, found.last_run.get("recommendations", {}))
    if found.calls:
        console.print(f"Calls to S3 by the last run on this machine: {sum(found.calls.values()):,}")
    if found.watcher:
        console.print(_format_watcher(found.watcher))
    for key in found.waiting_files:
        console.print(f"waiting {escape(key)}")
    for failed in found.failed_files:
        console.print(f"[red]failed[/red] {escape(failed['file'])}: {escape(failed['problem'])}")
    for unknown in found.unmapped_names:
        console.print(
            f"[yellow]unknown {unknown['kind']}[/yellow] {escape(unknown['name'])} ({unknown['client']}, "
            f"{unknown['cells_affected']:,} cells): add it to the seeds"
        )


def _print_recommendations(console: Console, said: dict[str, Any]) -> None:
    """Print how recommendations were worded, if any was due, and why the run stopped asking."""
    if said.get("patterns"):
        console.print(escape(format_wording(said)))
        if said["stopped"]:
            console.print(f"[yellow]recommendations:[/yellow] {escape(said['stopped'])}")


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


def print_arrivals(found: list[dict[str, Any]]) -> None:
    """Print files that arrived, the latest first."""
    numbers = ("rows_read", "rows_loaded", "rows_superseded", "rows_rejected")
    table = Table(
        "arrived",
        "client",
        "file",
        "status",
        *(Column(name.removeprefix("rows_"), justify="right") for name in numbers),
        box=box.SIMPLE,
    )
    for arrival in found:
        counts = (f"{arrival[name]:,}" for name in numbers)
        table.add_row(
            _time(arrival["arrived_at"]), arrival["client"], escape(arrival["file"]), arrival["status"], *counts
        )
    open_console().print(table)


def print_failed(found: dict[str, list[dict[str, Any]]]) -> None:
    """Print unreadable files and unusable rows with the reason."""
    console = open_console()
    for file in found["files"]:
        console.print(f"[red]file[/red] {escape(file['file'])} ({file['attempts']}×): {escape(file['problem'])}")
    for rows in found["rows"]:
        console.print(
            f"[yellow]{rows['rows']:,} rows[/yellow] {escape(rows['file'])} from row {rows['first_row']}: "
            f"{escape(rows['reason'])}"
        )
    if not (found["files"] or found["rows"]):
        console.print("Every file was read, and every row was used.")


def print_history(found: History) -> None:
    """Print the fleet as of a day, then the versions of the reports of a unit."""
    console = open_console()
    if found.as_of:
        table = Table(
            "client", "unit", "status", Column("score", justify="right"), "worst component", "components",
            "last sample", "since", title=f"Fleet as published on {found.as_of}", box=box.SIMPLE,
            title_justify="left",
        )  # fmt: skip
        for machine in found.machines:
            table.add_row(
                machine["client"],
                escape(machine["unit_id"]),
                _status(machine["overall_status"]),
                str(machine["machine_score"]),
                escape(machine["worst_component"] or ""),
                _component_counts(machine),
                machine["latest_sample_date"],
                _time(machine["valid_from"]),
            )
        console.print(table)
    if found.reports:
        table = Table(
            "unit", "component", "sample", "sampled", "status", Column("score", justify="right"), "from", "to",
            "limits", title="Reports with every status they had", box=box.SIMPLE, title_justify="left",
        )  # fmt: skip
        for report in found.reports:
            table.add_row(
                escape(report["unit_id"]),
                escape(report["component"]),
                escape(report["sample_number"]),
                str(report["sample_date"]),
                _status(report["report_status"]),
                str(report["classification_score"]),
                _time(report["valid_from"]),
                _time(report["valid_to"]),
                report["limits_version"] or "",
            )
        console.print(table)
    if not (found.machines or found.reports):
        console.print("Nothing was published at that time.")


def print_limits_diff(found: LimitsDiff) -> None:
    """Print limits that differ, then samples whose status would change."""
    console = open_console()
    table = Table(
        "machine", "model", "component", "essay", "change", "Marginal", "Condenatorio", "Critico", "samples",
        title=f"{found.client}: {len(found.limits)} limits differ from {found.a} to {found.b}", box=box.SIMPLE,
        title_justify="left",
    )  # fmt: skip
    for limit in found.limits[:SHOWN_ROWS]:
        table.add_row(
            limit["machine"],
            limit["machine_model"] or "",
            limit["component"],
            limit["essay"],
            limit["change"],
            *(_change(limit[f"{name}_before"], limit[f"{name}_after"]) for name in ("normal", "alert", "critic", "n")),
        )
    console.print(table)
    table = Table(
        "unit", "component", "sample", "sampled", "before", "after", Column("score", justify="right"),
        title=f"{len(found.samples)} samples would change their status", box=box.SIMPLE, title_justify="left",
    )  # fmt: skip
    for sample in found.samples[:SHOWN_ROWS]:
        table.add_row(
            escape(sample["unit_id"]),
            escape(sample["component"]),
            escape(sample["sample_number"]),
            str(sample["sample_date"]),
            _status(sample["status_before"]),
            _status(sample["status_after"]),
            _change(sample["score_before"], sample["score_after"]),
        )
    console.print(table)
    if max(len(found.limits), len(found.samples)) > SHOWN_ROWS:
        console.print(f"Only {SHOWN_ROWS} rows of each table are shown: --json shows all")


def print_decisions(found: list[dict[str, Any]]) -> None:
    """Print the last decision on each group."""
    table = Table(
        "client", "machine", "component", "limits", "reason", "samples", "new", "shift", "decided",
        title="Last decision on the limits of each group", box=box.SIMPLE, title_justify="left",
    )  # fmt: skip
    for decision in found:
        shift, p_value = decision["shifted_essay"], decision["shift_p_value"]
        table.add_row(
            decision["client"],
            decision["machine"],
            decision["component"],
            "calculated" if decision["is_recalculated"] else "kept",
            decision["reason"],
            _change(decision["n_before"], decision["n_now"]),
            str(decision["n_new"]),
            f"{shift} D {decision['shift_statistic']:.2f}, p {p_value:.2g}" if shift else "",
            _time(decision["decided_at"]),
        )
    open_console().print(table)


def print_settings(found: list[dict[str, Any]]) -> None:
    """Print each setting with its value and origin."""
    table = Table("variable", "value", "from", box=box.SIMPLE)
    for row in found:
        value = "" if row["value"] in (None, ()) else str(row["value"])
        is_set = row["origin"] != "default"
        table.add_row(row["variable"], escape(value), row["origin"], style="bold" if is_set else None)
    open_console().print(table)


def print_checks(checks: Sequence[Check]) -> None:
    """Print each check in a line. A problem has its fix in the line below."""
    console = open_console()
    for check in checks:
        mark = "[red]✗[/red]" if check.advice else "[green]✓[/green]"
        console.print(f"{mark} {check.name:<12} {escape(check.found)}")
        if check.advice:
            console.print(f"  {'':<12} [yellow]{escape(check.advice)}[/yellow]")


def _component_counts(machine: dict[str, Any]) -> str:
    return " ".join(str(machine[f"components_{name}"]) for name in ("anormal", "alerta", "normal", "sin_evaluar"))


def _change(before: float | None, after: float | None) -> str:
    texts = ["-" if value is None else f"{value:g}" for value in (before, after)]
    return texts[1] if texts[0] == texts[1] else " → ".join(texts)


def _status(name: str) -> Text:
    return Text(name, STATUS_STYLES.get(name, ""))


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "now"


def _format_watcher(watcher: dict[str, Any]) -> str:
    """Say in one line whether the watcher runs, its state, backlog and lag."""
    if not watcher["alive"]:
        how = "was stopped" if watcher["state"] == "stopped" else "died"
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
    outcome = "ok" if last["ok"] else f"[red]failed[/red]: {escape(last['problem'] or '')}"
    if last["run_id"] and not last["ok"]:
        outcome = f"[yellow]needs a look[/yellow]: {escape(last['problem'] or '')}"
    return f"{line}; last run {last['finished_at']} ({last['seconds']:.1f} s) {outcome}"


def _format_queue(queue: dict[str, Any]) -> str:
    """Say how many messages of the queue wait for a run, and whether the queue can be read."""
    line = f"queue {escape(queue['name'])}: {queue['held']:,} messages wait for a run"
    return f"{line}, [yellow]cannot be read[/yellow]: {escape(queue['problem'])}" if queue["problem"] else line
