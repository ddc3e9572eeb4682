"""`tribolake doctor`: check the installation and the lake."""

from __future__ import annotations

from dataclasses import asdict

import typer

from tribolake.cli.options import Exit, JsonOption, LakeOption, explained_errors, new_app, print_json
from tribolake.cli.tables import print_checks
from tribolake.doctor import examine
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
        checks = list(examine(load_settings(lake=lake)))
        if as_json:
            print_json({"checks": [asdict(check) for check in checks]})
        else:
            print_checks(checks)
        raise typer.Exit(Exit.NEEDS_A_LOOK if any(check.advice for check in checks) else Exit.OK)
