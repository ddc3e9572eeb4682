"""`tribolake serve`: pages over published gold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.log import log
from tribolake.cli.options import LakeOption, explained_errors, new_app, open_settings
from tribolake.libraries import brought_by

PORT = 8710

app = new_app()


@app.command(
    epilog="**Examples**\n\n`tribolake serve --lake lake`\n\n"
    "`tribolake serve --lake s3://mining-data-mesh --port 0`  on a free port\n\n"
    "`tribolake serve --lake lake --read-only`  shows feedback, takes none\n\n"
    "`tribolake serve --lake lake --host 0.0.0.0 --access access.toml`  with a login"
)
def serve(
    lake: LakeOption = None,
    host: Annotated[str, typer.Option(help="Address of this machine. Others need --access.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 is a free one.")] = PORT,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show feedback, and take none.")] = False,
    access: Annotated[
        Path | None,
        typer.Option(help="File that names a proxy or an issuer, and the clients of its users.", show_default=False),
    ] = None,
) -> None:
    """Show the fleet, its machines and reports on pages in the browser, from published files.

    Pages open no warehouse, and work while a run works. They store feedback, and nothing else. Ctrl-C ends the server.
    """
    with explained_errors():
        settings = open_settings(lake=lake, access_file=access)
        with brought_by("web"):
            from tribolake.web.access import ByIssuer, ThisMachine, read_access  # noqa: PLC0415
            from tribolake.web.app import make_app  # noqa: PLC0415
            from tribolake.web.desk import Desk  # noqa: PLC0415
            from tribolake.web.serving import listen  # noqa: PLC0415
            from tribolake.web.serving import serve as answer_requests  # noqa: PLC0415

            login = None
            asks = read_access(settings.access_file) if settings.access_file else ThisMachine()
            if isinstance(asks, ByIssuer):
                from tribolake.web.login_pages import open_login  # noqa: PLC0415

                login = open_login(asks, settings, _log)
        listening = listen(host, port, has_access=settings.access_file is not None)
        try:
            desk = Desk(is_open=not read_only, is_secure=asks.is_secure)
            entrance = None if isinstance(asks, ByIssuer) else asks
            pages = make_app(settings, _log, desk=desk, entrance=entrance, login=login)
            answer_requests(pages, listening, typer.echo)
        except KeyboardInterrupt:
            return


def _log(line: str) -> None:
    log(line, "error")
