"""`tribolake market`: prices are staged as they were served, and become indicators, percentiles and features."""

from __future__ import annotations

import typer

from tribolake.cli.lazy import lazy_group

# Each is a module of this package with a Typer called `app`. `import` is a word of Python, so its module is `import_`.
NAMES = (
    "fetch", "import", "run", "watch", "status", "get", "versions", "lineage", "reprocess", "deliver", "aurora", "demo",
)  # fmt: skip

app = typer.Typer(
    cls=lazy_group(__package__, NAMES, "market"),
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.callback()
def market() -> None:
    """Stage prices as they were served, and compute indicators, percentiles and features from them."""
