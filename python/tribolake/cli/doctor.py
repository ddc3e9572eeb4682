"""`tribolake doctor`: what is missing for a run, and how to fix it."""

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
    """Check the installation and the lake, and say how to fix what is wrong.

    It writes a small file into the lake and removes it, and changes nothing else.

    Exit codes: 0 all is well, 2 a setting cannot be used, 4 something needs a look.
    """
    with explained_errors():
        checks = list(examine(load_settings(lake=lake)))
        if as_json:
            print_json({"checks": [asdict(check) for check in checks]})
        else:
            print_checks(checks)
        raise typer.Exit(Exit.NEEDS_A_LOOK if any(check.advice for check in checks) else Exit.OK)
