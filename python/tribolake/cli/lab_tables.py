"""Print the draft of a laboratory."""

from __future__ import annotations

from tribolake.cli.console import new_table, open_console
from tribolake.cli.printable import printable
from tribolake.oil.lab_draft import SEEDS
from tribolake.oil.lab_draft.preview import Preview
from tribolake.oil.lab_draft.propose import LabDraft
from tribolake.oil.lab_draft.seed_rows import as_csv, columns_of

NO_MACHINE = "(blank)"  # as `int_unmapped_names` calls it


def print_draft(draft: LabDraft, preview: Preview | None, *, is_written: bool) -> None:
    """Print the proposed rows, what has no place in them, and samples as a run reads them."""
    console = open_console()
    for name, rows in draft.rows.items():
        console.print(f"[bold]seeds/oil/{name}.csv[/bold]")
        columns = columns_of((SEEDS / f"{name}.csv").read_text(encoding="utf-8"))
        for line in as_csv(columns, rows).splitlines():
            console.print(f"  {printable(line.rstrip(','))}")
    counts = {seed: len(draft.rows.get(seed, ())) for seed in ("lab_fields", "lab_context_fields", "lab_essays")}
    console.print(
        f"\nLayout {draft.layout}: {counts['lab_fields']} columns are fields, {counts['lab_context_fields']} fields "
        f"stand above the table, {counts['lab_essays']} names are essays."
    )
    if draft.uncertain:
        console.print(f"Only similar to known headers, look at them: {printable(', '.join(draft.uncertain))}")
    for place in draft.unplaced:
        examples = printable(", ".join(place.examples))
        console.print(f"[yellow]no place[/yellow] for {place.what} {printable(place.name)}  [dim]{examples}[/dim]")
    if preview:
        _print_preview(preview)
    if is_written:
        console.print("The rows are written. Look at them with `git diff`, then start `tribolake run`.")
    else:
        console.print("Nothing is written. `--write` appends these rows to the seeds.")


def _print_preview(preview: Preview) -> None:
    console = open_console()
    rows = preview.rows
    if rows["message"]:
        console.print(f"[red]the file is refused[/red]: {printable(rows['message'])}")
    table = new_table(
        "sample",
        "date",
        "unit",
        "component",
        "hours",
        "oil hours",
        "essays",
        "results",
        title=f"{rows['rows_read']:,} rows read, {rows['rows_loaded']:,} used, {rows['rows_rejected']:,} rejected",
        right=("hours", "oil hours", "essays"),
    )
    for sample in preview.samples:
        table.add_row(*(printable("" if value is None else value) for value in sample.values()))
    console.print(table)
    for found in preview.not_used:
        examples = printable(", ".join(found["examples"]))
        console.print(
            f"[yellow]not used[/yellow] {found['count']:,} × {printable(found['what'])}: {printable(found['reason'])}  "
            f"[dim]{examples}[/dim]"
        )
    for machine in preview.unknown_machines:
        is_named = machine["name"] != NO_MACHINE
        advice = "add it to seeds/oil/machine_models.csv" if is_named else "no column is machineModel in lab_fields.csv"
        console.print(
            f"[yellow]unknown machine[/yellow] {printable(machine['name'])}, {machine['samples']:,} samples: {advice}"
        )
