"""`tribolake watch`: run the watcher in the foreground."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer

from tribolake.cli.log import log
from tribolake.cli.options import (
    ClientOption,
    InitOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.lake import require_bronze
from tribolake.products import OIL
from tribolake.watch.daemon import watch as watch_lake

app = new_app()


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake watch --lake /srv/lake`\n\n"
    "`tribolake watch --lake /mnt/share --polling`  for a network mount, which sends no events\n\n"
    "`tribolake watch --json >> runs.jsonl`  one line per run"
)
def watch(
    lake: LakeOption = None,
    client: ClientOption = None,
    policy: Annotated[str, typer.Option(help="How to judge: `default` or `reference`.")] = "default",
    polling: Annotated[bool, typer.Option("--polling", help="Poll for changes, as on network mounts.")] = False,
    init: InitOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per run, logs on stderr.")] = False,
) -> None:
    """Keep gold up to date: run as soon as new files in bronze are complete, until stopped.

    SIGTERM and Ctrl-C stop it. A run in progress gets time to finish. `tribolake status` shows its state.

    Exit codes: 0 stopped, 2 bad usage, 3 another watcher watches this lake.
    """
    with explained_errors():
        settings = open_settings(lake=lake, watch_polling=polling or None)
        require_bronze(settings, is_new=init)
        watch_lake(OIL, settings, policy=policy, clients=client, on_run=run_printer(as_json=as_json), log=log_line)


def run_printer(*, as_json: bool) -> Callable[[dict[str, Any]], None]:
    """Return what prints the report of a run: as one JSON object, or as a line unless nothing was new."""

    def print_run(report: dict[str, Any]) -> None:
        if as_json:
            print_json(report)
        elif not report["nothing_new"]:
            typer.echo(format_run(report))

    return print_run


def log_line(line: str) -> None:
    log(line, text=f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}  {line}")


def format_run(report: dict[str, Any]) -> str:
    """Say in one line which clients a run published, from how many files, and whether it needs a look."""
    arrivals = sum(done["arrivals"] for done in report["clients"].values())
    published = [client for client, done in report["clients"].items() if done["changed"]]
    look = "; needs a look, see `tribolake status`" if report["needs_a_look"] else ""
    return (
        f"run {report['run_id']}: {arrivals} files, published {', '.join(published) or 'nothing'} "
        f"in {report['seconds']:.1f} s{look}"
    )
