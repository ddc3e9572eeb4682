"""`tribolake market watch`: run as soon as responses were staged."""

from __future__ import annotations

from typing import Annotated

import typer

from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings
from tribolake.cli.watch import log_line, run_printer
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
    with explained_errors():
        settings = MARKET.of(open_settings(lake=lake, watch_polling=polling or None))
        require_bronze(settings, is_new=True, inbox=MARKET.inbox(settings))
        watch_lake(MARKET, settings, policy="default", clients=None, on_run=run_printer(as_json=as_json), log=log_line)
