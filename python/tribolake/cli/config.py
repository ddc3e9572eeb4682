"""`tribolake config`: show the settings and their origins."""

from __future__ import annotations

import re
from typing import Any

import typer

from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
from tribolake.cli.tables import print_settings
from tribolake.settings.load import read_given
from tribolake.settings.reference import settings_page
from tribolake.settings.settings import SETTINGS

MASK = "********"
USER = re.compile(r"//[^/@\s]+@")  # user and password in an address

app = new_app()


@app.callback()
def config() -> None:
    """Show settings, their origins and their documentation."""


@app.command(
    epilog="**Examples**\n\n`tribolake config show`\n\n"
    "`tribolake config show --lake s3://mining-data-mesh --json`  the settings of a run with this flag"
)
def show(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Show every value and its origin: a flag, an environment variable, .env or the default.

    Secrets are masked.
    """
    with explained_errors():
        settings, given = open_settings(lake=lake), read_given({"lake": lake})
        rows: list[dict[str, Any]] = []
        for name, known in SETTINGS.items():
            value = settings.value_of(name)
            if known.is_secret and value:
                value = MASK
            elif isinstance(value, str):
                value = USER.sub(f"//{MASK}@", value)
            found = given.get(name)
            variable, origin = (found.variable, found.origin) if found else (known.variables[0], "default")
            rows.append({"variable": variable, "value": value, "origin": origin})
        if as_json:
            print_json({"lake": settings.address, "warehouse": settings.warehouse, "settings": rows})
        else:
            typer.echo(f"lake {settings.address}, warehouse {settings.warehouse}")
            print_settings(rows)


@app.command(epilog="**Example**\n\n`tribolake config reference > settings.md`")
def reference() -> None:
    """Print all settings in Markdown: variables, default, form and meaning."""
    typer.echo(settings_page(), nl=False)
