"""`tribolake status`: show the fleet as last published."""

from __future__ import annotations

from tribolake.cli.options import (
    ClientOption,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.tables import print_status
from tribolake.oil.status import lake_status

app = new_app()


@app.command(epilog="**Examples**\n\n`tribolake status`\n\n`tribolake status --client cda --json`")
def status(lake: LakeOption = None, client: ClientOption = None, as_json: JsonOption = False) -> None:
    """Show the fleet as last published, the last run, and files that wait or failed."""
    with explained_errors():
        settings = open_settings(lake=lake)
        found = lake_status(settings, client)
        if as_json:
            print_json(found.as_dict())
        else:
            print_status(found)
