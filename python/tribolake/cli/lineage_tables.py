"""Print answers of lineage, reprocess and query on stdout. Colour is used only on terminals that support it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.text import Text
from rich.tree import Tree

from tribolake.cli.console import STATUS_STYLES, new_table, open_console
from tribolake.cli.printable import printable

if TYPE_CHECKING:
    from tribolake.oil.lineage import Lineage, TracedLimits
    from tribolake.trace.chain import TracedFile
    from tribolake.trace.query import Answer
    from tribolake.trace.reprocess import ReprocessResult

SHOWN_SOURCES = 30
NARROWEST_COLUMN = 10  # characters, with the space between columns
OUTCOME_STYLES = {"identical": "green", "same rows": "green", "given": "green", "differs": "red", "not kept": "yellow"}


def print_answer(answer: Answer) -> None:
    """Print the rows of a query: as a table, or a column in each line if there are more columns than fit."""
    console = open_console()
    cells = [["" if value is None else printable(value) for value in row] for row in answer.rows]
    if len(answer.columns) * NARROWEST_COLUMN > console.width:
        for number, row in enumerate(cells, start=1):
            console.print(f"[bold]row {number}[/bold]")
            for name, cell in zip(answer.columns, row, strict=True):
                console.print(f"  {printable(name)}: {cell}")
    else:
        table = new_table(*map(printable, answer.columns))
        for row in cells:
            table.add_row(*row)
        console.print(table)
    if answer.is_cut:
        console.print(f"  … and more: only the first {len(answer.rows):,} rows are shown, `--limit` changes the number")


def print_lineage(found: Lineage) -> None:
    """Print a lineage as a tree with bronze at the leaves."""
    tree = Tree(f"[bold]{printable(found.what)}[/bold]  {found.kind} of {found.client}")
    if found.file:
        _add_file(tree, found.file)
    if found.sample:
        _add_sample(tree, found.sample)
    run = tree
    if found.run:
        run = tree.add(f"run [bold]{printable(found.run.run_id)}[/bold]")
        run.add(
            f"policy {found.run.policy}, published {found.run.published_at}, schema version {found.run.schema_version}"
        )
        run.add(f"manifest {printable(found.run.manifest)}")
    for limits in found.limits:
        _add_limits(run, limits)
    bronze = run.add(f"bronze: {len(found.sources)} contents")
    for source in found.sources[:SHOWN_SOURCES]:
        version = f"version {printable(source['version_id'])}" if source["version_id"] else "no version: a folder"
        bronze.add(f"{printable(source['key'])}  {version}\nsha256 {source['sha256']}, {source['bytes']:,} bytes")
    if len(found.sources) > SHOWN_SOURCES:
        bronze.add(f"… and {len(found.sources) - SHOWN_SOURCES:,} more: `--json` shows all")
    console = open_console()
    console.print(tree)
    for note in found.notes:
        console.print(f"[yellow]note[/yellow] {printable(note)}")


def _add_file(tree: Tree, file: TracedFile) -> None:
    node = tree.add(f"{printable(file.name)}, {file.bytes:,} bytes, sha256 {file.sha256}")
    if file.version_id:
        node.add(f"object version {printable(file.version_id)}")
    for name in ("computation", "run-id", "computed-at", "classification"):
        if name in file.metadata:
            node.add(f"{name}: {printable(file.metadata[name])}")


def _add_sample(tree: Tree, sample: dict[str, Any]) -> None:
    status = str(sample["report_status"])
    node = tree.add(
        Text.assemble(
            f"report of {sample['unit_id']} {sample['component']}, sampled {sample['sample_date']}: ",
            (status, STATUS_STYLES.get(status, "")),
            f" (score {sample['classification_score']}, severity {sample['severity_score']})",
        )
    )
    for breach in json.loads(sample["breached_essays"]):
        value = "a code" if breach["value"] is None else breach["value"]
        node.add(Text(f"{breach['essay']} {value}: {breach['threshold']} (limit {breach['limit']})"))
    node.add(
        Text(
            f"{sample['source_file']}, sheet {sample['source_sheet'] or '-'}, row {sample['source_row']}\n"
            f"sha256 {sample['source_sha256']}"
        )
    )


def _add_limits(tree: Tree, limits: TracedLimits) -> None:
    judged = f", judged {limits.reports:,} reports" if limits.reports is not None else ""
    node = tree.add(f"limits [bold]{limits.version}[/bold]{judged}\n{printable(limits.address)}")
    if len(limits.decisions) == 1:
        (only,) = limits.decisions
        node.add(
            f"{printable(only['machine'])} {printable(only['component'])}: {printable(only['reason'])}, "
            f"from {only['n_now']:,} samples, by run {only['run_id']} at {only['decided_at']:%Y-%m-%d %H:%M}"
        )
        return
    counted = Counter((decision["run_id"], decision["reason"]) for decision in limits.decisions)
    for (run_id, reason), groups in sorted(counted.items()):
        node.add(f"{groups:,} groups calculated by run {run_id}: {printable(reason)}")


def print_reprocessed(done: ReprocessResult) -> None:
    """Print for each recomputed file whether it is identical, or how it differs."""
    console = open_console()
    table = new_table(
        "client", "file", "outcome", "rows then", "rows now", "missing", "added", "changed", "columns that differ",
        title=f"Run {done.run_id}, policy {done.policy}, computed again from {done.contents:,} bronze contents",
    )  # fmt: skip
    for again in done.clients:
        for file in again.files:
            columns = ", ".join(
                f"{name} {rows:,}" if rows >= 0 else f"{name} (on one side)" for name, rows in file.columns.items()
            )
            counts = (file.rows_then, file.rows_now, file.rows_missing, file.rows_added, file.rows_changed)
            style = OUTCOME_STYLES.get(file.outcome, "")
            table.add_row(
                again.client,
                file.name,
                Text(file.outcome, style),
                *(f"{count:,}" for count in counts),
                printable(columns),
            )
    console.print(table)
    for again in done.clients:
        for note in again.notes:
            console.print(f"[yellow]note[/yellow] {again.client}: {printable(note)}")
    verdict = "[green]identical[/green]" if done.is_identical else "[red]not identical[/red]"
    console.print(f"{verdict}; it was computed in the lake {printable(done.lake)} ({done.seconds:.1f} s)")
