"""Tables for people: data on stdout, in colour only where the terminal wants it."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from tribolake.report import RunReport
from tribolake.settings import Settings
from tribolake.status import LakeStatus

STATUS_STYLES = {"Anormal": "bold red", "Alerta": "yellow", "Normal": "green", "Sin evaluar": "dim"}
SHOWN_MACHINES = 15
WIDTH_IN_A_FILE = 132


def _console() -> Console:
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH_IN_A_FILE
    return console


def print_run(report: RunReport, settings: Settings) -> None:
    """What a run did, per client, and where its files are."""
    console = _console()
    if report.nothing_new:
        console.print(f"Nothing new in {escape(str(settings.lake))} ({report.seconds:.2f} s).")
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
    for failed in report.failed_files:
        console.print(f"[red]failed[/red] {escape(failed['file'])}: {escape(failed['problem'])}")
    for client, done in report.clients.items():
        if done.published:
            console.print(f"published {escape(str(settings.lake / settings.prefix / 'gold' / client))}")
        elif done.problem:
            console.print(f"[red]held back[/red] {client}: {escape(done.problem)}")
    for test in report.failed_tests:
        console.print(f"[red]test[/red] {escape(test)}")
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.stages.items())
    console.print(f"{report.seconds:.1f} s in all: {stages}")


def print_status(found: LakeStatus) -> None:
    """The fleet, ranked: the machine to look at first comes first."""
    console = _console()
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
        style = STATUS_STYLES.get(machine["overall_status"], "")
        counts = (machine[f"components_{name}"] for name in ("anormal", "alerta", "normal", "sin_evaluar"))
        table.add_row(
            machine["client"],
            escape(machine["unit_id"]),
            Text(machine["overall_status"], style),
            str(machine["machine_score"]),
            escape(machine["worst_component"] or ""),
            escape(machine["why"] or ""),
            " ".join(map(str, counts)),
            str(machine["components_stale"]),
            machine["latest_sample_date"],
        )
    console.print(table)
    hidden = len(found.machines) - SHOWN_MACHINES
    if hidden > 0:
        console.print(f"  … and {hidden} more machines: `tribolake status --json` shows all")
    reports = ", ".join(f"{row['client']} {row['report_status']} {row['reports']:,}" for row in found.reports)
    console.print(f"Reports: {reports or 'none'}")
    if found.last_run:
        console.print(f"Last run: {found.last_run['run_id']} ({found.last_run['seconds']:.1f} s)")
    for key in found.waiting_files:
        console.print(f"waiting {escape(key)}")
    for failed in found.failed_files:
        console.print(f"[red]failed[/red] {escape(failed['file'])}: {escape(failed['problem'])}")
    for unknown in found.unmapped_names:
        console.print(
            f"[yellow]unknown {unknown['kind']}[/yellow] {escape(unknown['name'])} ({unknown['client']}, "
            f"{unknown['cells_affected']:,} cells): add it to the seeds"
        )
