"""`tribolake recommendations batch`: wordings for a whole history, at half the price, within a day."""

from __future__ import annotations

import typer

from tribolake.cli.options import Exit, JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
from tribolake.oil.recommendations import collect_batches, submit_batch

app = new_app()


@app.callback()
def batch() -> None:
    """Wordings for a whole history, by OpenAI's Batch API: half the price, within a day."""


@app.command(epilog="**Examples**\n\n`tribolake recommendations batch submit --lake s3://mining-data-mesh`")
def submit(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Ask for every wording that the lake has not; may be repeated: nothing is asked for twice.

    Runs do not ask for what a batch was asked for; `collect` ends that.
    """
    with explained_errors():
        done = submit_batch(open_settings(lake=lake))
        if as_json:
            print_json(done.as_dict())
            return
        typer.echo(f"asked for {done.asked} wordings; the lake has {done.cached}, earlier batches have {done.awaited}")
        if done.left_out:
            typer.echo(f"the budget does not suffice for {done.left_out}")
        for name in done.batches:
            typer.echo(f"{name}  is made: `tribolake recommendations batch collect` looks whether it is done")


@app.command(epilog="**Examples**\n\n`tribolake recommendations batch collect --json`")
def collect(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Look at every batch once and keep the wordings of those that are done; the next run shows them."""
    with explained_errors():
        done = collect_batches(open_settings(lake=lake))
        if as_json:
            print_json(done.as_dict())
        else:
            cost = "" if done.cost_usd is None else f", {done.cost_usd:.4f} USD"
            typer.echo(f"{done.accepted} wordings kept{cost}")
            for what, counts in (("rejected", done.rejected), ("failed", done.failed)):
                for reason, number in sorted(counts.items()):
                    typer.echo(f"{what}: {number} {reason}")
            for name, how_far in done.running.items():
                typer.echo(f"{name}  {how_far}")
            for name, problem in done.problems.items():
                typer.echo(f"{name}  {problem}", err=True)
        if done.problems:
            raise typer.Exit(Exit.NEEDS_A_LOOK)
