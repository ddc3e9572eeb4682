"""`tribolake market watch`: run as soon as responses were staged."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
from tribolake.cli.watch import format_run, log_line
from tribolake.lake import require_bronze
from tribolake.products import MARKET
from tribolake.watch.daemon import watch as watch_lake

app = new_app()


@app.command(
    epilog="**Examples**\n\n`tribolake market watch --lake s3://data-lake`\n\n"
    "`tribolake market watch --json >> runs.jsonl`  one line per run"
)
def watch(
    lake: LakeOption = None,
    polling: Annotated[bool, typer.Option("--polling", help="Poll for changes, as on network mounts.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Keep gold up to date: run as soon as responses were staged, by `fetch`, `import` or another program.

    SIGTERM and Ctrl-C stop it. A run in progress gets time to finish. On S3 without a queue of its own it polls.

    Exit codes: 0 stopped, 2 bad usage, 3 another watcher watches this lake.
    """

    def on_run(report: dict[str, Any]) -> None:
        if as_json:
            print_json(report)
        elif not report["nothing_new"]:
            typer.echo(format_run(report))

    with explained_errors():
        settings = MARKET.of(open_settings(lake=lake, watch_polling=polling or None))
        require_bronze(settings, is_new=True, inbox=MARKET.inbox(settings))
        watch_lake(MARKET, settings, policy="default", clients=None, on_run=on_run, log=log_line)
