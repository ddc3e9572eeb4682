"""`tribolake config`: show the settings and their origins."""

from __future__ import annotations

from typing import Any

import typer

from tribolake.cli.console import new_table, open_console
from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
from tribolake.cli.printable import printable
from tribolake.settings.load import read_given
from tribolake.settings.reference import settings_page
from tribolake.settings.settings import SETTINGS

MASK = "********"

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
            found = given.get(name)
            variable, origin = (found.variable, found.origin) if found else (known.variables[0], "default")
            rows.append({"variable": variable, "value": value, "origin": origin})
        if as_json:
            print_json({"lake": settings.address, "warehouse": settings.warehouse, "settings": rows})
        else:
            typer.echo(f"lake {settings.address}, warehouse {settings.warehouse}")
            _print_settings(rows)


@app.command(epilog="**Example**\n\n`tribolake config reference > settings.md`")
def reference() -> None:
    """Print all settings in Markdown: variables, default, form and meaning."""
    typer.echo(settings_page(), nl=False)


def _print_settings(found: list[dict[str, Any]]) -> None:
    """Print each setting with its value and origin."""
    table = new_table("variable", "value", "from")
    for row in found:
        value = "" if row["value"] in (None, ()) else str(row["value"])
        is_set = row["origin"] != "default"
        table.add_row(row["variable"], printable(value), row["origin"], style="bold" if is_set else None)
    open_console().print(table)
