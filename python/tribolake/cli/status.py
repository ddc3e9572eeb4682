"""`tribolake status`: show what readers see, and whether runs go well."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.fleet_tables import SHOWN_MACHINES
from tribolake.cli.options import (
    ClientOption,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.status_tables import print_status
from tribolake.lake.files import write_aside
from tribolake.oil.fleet import Choice
from tribolake.oil.metrics import metrics_of
from tribolake.oil.status import lake_status

app = new_app()


@app.command(
    epilog="**Examples**\n\n`tribolake status`\n\n`tribolake status --client cda --json`\n\n"
    '`tribolake status --urgency 72h --site "Carmen de Andacollo" --all`  which machines have 72 hours\n\n'
    "`tribolake status --overdue --family camion --json`\n\n"
    "`tribolake status --check`  one line and a code for Nagios, cron or a health check\n\n"
    "`tribolake status --prometheus /var/lib/node_exporter/tribolake.prom`"
)
def status(
    lake: LakeOption = None,
    client: ClientOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Print one line. Exit codes: 0 well, 4 needs a look, 1 failed or stale.")
    ] = False,
    prometheus: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Replace this file by metrics in the text format of Prometheus."),
    ] = None,
    stale_after: Annotated[
        float,
        typer.Option(
            metavar="HOURS", min=0, help="With --check and --prometheus: files that wait longer are a failure."
        ),
    ] = 24,
    urgency: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="Only machines with this deadline: now, 72h, service or sample."),
    ] = None,
    site: Annotated[str | None, typer.Option(metavar="NAME", help="Only machines of this site.")] = None,
    family: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this kind of machine or model, such as camion or 789c.")
    ] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only machines whose deadline is over.")] = False,
    show_all: Annotated[bool, typer.Option("--all", help=f"Show all machines, not only {SHOWN_MACHINES}.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what readers see, the last run that was tried, and what waits, failed or is held back.

    Machines come in the order of their deadlines, then of their scores: points of components, weighted by how critical
    each is. A deadline counts from the day of the sample, and is compared with today. It opens no warehouse, so it
    answers while a run works.
    """
    with explained_errors():
        settings = open_settings(lake=lake)
        choice = Choice(urgency, site, family, overdue)
        found = lake_status(settings, client, stale_hours=stale_after, choice=choice)
        health = found.health or {}
        if prometheus is not None:
            write_aside(prometheus.absolute(), metrics_of(found))
        if as_json:
            print_json(found.as_dict())
        elif check:
            typer.echo(health["words"])
        elif prometheus is None:
            print_status(found, None if show_all else SHOWN_MACHINES)
        if check:
            raise typer.Exit(health["code"])
