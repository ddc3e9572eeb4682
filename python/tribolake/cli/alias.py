"""`tribolake alias`: find units that have several names."""

from __future__ import annotations

from typing import Any

from tribolake.cli.console import new_table, open_console
from tribolake.cli.options import (
    ClientOption,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.printable import printable
from tribolake.oil.unit_aliases import seed_rows, suggest_aliases

app = new_app()


@app.callback()
def alias() -> None:
    """Find units that have several names."""


@app.command(
    epilog="**Example**\n\n`tribolake alias suggest --client cda`\n\n"
    "Add the rows that are right to `seeds/oil/unit_aliases.csv`. The next run puts the samples of both together."
)
def suggest(lake: LakeOption = None, client: ClientOption = None, as_json: JsonOption = False) -> None:
    """List units that are probably one under two names, and print the seed rows that would join them."""
    with explained_errors():
        found = suggest_aliases(open_settings(lake=lake), client)
        if as_json:
            print_json({"aliases": found, "seed_rows": seed_rows(found)})
        else:
            _print_aliases(found, seed_rows(found))


def _print_aliases(found: list[dict[str, Any]], rows: str) -> None:
    """Print pairs of units that are probably one, and the seed rows that would join them."""
    console = open_console()
    if not found:
        console.print("No two units look like one.")
        return
    table = new_table(
        "client", "unit", "samples", "may be", "samples", "common components", "common days", "because",
        title="Units that are probably one. A common day speaks against it",
    )  # fmt: skip
    for pair in found:
        table.add_row(
            pair["client"],
            printable(pair["unit"]),
            f"{pair['unit_samples']:,}",
            printable(pair["alias_of"]),
            f"{pair['alias_of_samples']:,}",
            str(pair["common_components"]),
            str(pair["common_dates"]),
            pair["reason"],
        )
    console.print(table)
    console.print("Rows for seeds/oil/unit_aliases.csv, if they are right:\n")
    for row in rows.splitlines():
        console.print(printable(row))
