"""`tribolake doctor`: check the installation and the lake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import typer

from tribolake.cli.console import open_console
from tribolake.cli.options import Exit, JsonOption, LakeOption, explained_errors, new_app, print_json
from tribolake.cli.printable import printable
from tribolake.doctor import Check, examine
from tribolake.market.aurora.check import check_aurora
from tribolake.settings import load_settings

app = new_app()


@app.command(
    epilog="**Examples**\n\n`tribolake doctor`\n\n`tribolake doctor --lake s3://mining-data-mesh --json`  for a monitor"
)
def doctor(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Check the installation and the lake. Each problem is shown with its fix.

    A small file is written into the lake and removed. Nothing else changes.

    Exit codes: 0 no problem, 2 a setting cannot be used, 4 a check found a problem.
    """
    with explained_errors():
        checks = list(examine(load_settings(lake=lake), {"aurora": check_aurora}))
        if as_json:
            print_json({"checks": [asdict(check) for check in checks]})
        else:
            _print_checks(checks)
        raise typer.Exit(Exit.NEEDS_A_LOOK if any(check.advice for check in checks) else Exit.OK)


def _print_checks(checks: Sequence[Check]) -> None:
    """Print each check in a line. A problem has its fix in the line below."""
    console = open_console()
    for check in checks:
        mark = "[red]✗[/red]" if check.advice else "[green]✓[/green]"
        console.print(f"{mark} {check.name:<12} {printable(check.found)}")
        if check.advice:
            console.print(f"  {'':<12} [yellow]{printable(check.advice)}[/yellow]")
