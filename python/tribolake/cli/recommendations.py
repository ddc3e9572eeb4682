"""`tribolake recommendations`: manage the wordings that a model made for a lake."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.evaluation_tables import print_scores
from tribolake.cli.options import (
    ClientOption,
    Exit,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.rule_tables import print_rule_comparison
from tribolake.oil.evaluation import TEXT, WRONG_ADVICE, evaluate_recommendations
from tribolake.oil.recommendations import (
    WaitingPattern,
    evaluate_published,
    expire_wordings,
    export_from,
    fold_wordings,
    import_into,
    list_waiting,
    open_batches,
    retry_waiting,
)
from tribolake.oil.rules.comparison import compare_rules
from tribolake.oil.rules.rule_sets import CURRENT, read_rule_set
from tribolake.oil.wording.reasons import NOT_ASKED

SHOWN_REFUSED = 20
READ_WRONGLY = (
    "Advice to change oil or a component is read from free text. Of {1} labelled sentences {0} are read wrongly"
)
BATCH_IS_GONE = (
    "`recommendations batch` is gone: half the price saved about 0.17 USD for a whole history of 382 calls. Runs ask "
    "for all wordings, also for those of open batches. Answers of batches are no longer fetched. Cancel open batches "
    "at the endpoint, then remove the listed files. The next release does not have this command"
)

app = new_app()


@app.callback()
def recommendations() -> None:
    """Export, import, remove and score recommendations that a model worded."""


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake recommendations export wordings.parquet`\n\n"
    "`tribolake recommendations export wordings.parquet --lake s3://mining-data-mesh --json`"
)
def export(
    file: Annotated[Path, typer.Argument(help="The Parquet file to write.", dir_okay=False)],
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all wordings of the lake into a Parquet file, one per row."""
    with explained_errors():
        count = export_from(open_settings(lake=lake), file)
        if as_json:
            print_json({"file": str(file), "wordings": count})
        else:
            typer.echo(f"{count:,} wordings in {file}")


@app.command(
    "import",
    epilog="**Examples**\n\n"
    "`tribolake recommendations import wordings.parquet`\n\n"
    "`tribolake recommendations import wordings.parquet --lake s3://mining-data-mesh --json`",
)
def import_(
    file: Annotated[Path, typer.Argument(help="A file that `export` wrote.", exists=True, dir_okay=False)],
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import the wordings of another lake. Wordings that this lake has already stay.

    Every row is checked like a new reply of a model. Exit codes: 0 all rows imported or known, 2 no such file, 3
    another run holds the lake, 4 some rows were refused.
    """
    with explained_errors():
        done = import_into(open_settings(lake=lake), file)
        if as_json:
            print_json(asdict(done))
        else:
            typer.echo(f"{done.taken:,} wordings taken, {done.known:,} known already, {len(done.refused):,} refused")
            for refused in done.refused[:SHOWN_REFUSED]:
                typer.echo(f"row {refused.row} {refused.cache_key!a}: {'; '.join(refused.reasons)}", err=True)
            if len(done.refused) > SHOWN_REFUSED:
                typer.echo(f"… and {len(done.refused) - SHOWN_REFUSED:,} more: --json shows all", err=True)
        raise typer.Exit(Exit.NEEDS_A_LOOK if done.refused else Exit.OK)


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake recommendations export before.parquet && tribolake recommendations expire v1`\n\n"
    "`tribolake recommendations expire 2026-11 --yes`  the version that runs use now\n\n"
    "`tribolake recommendations expire v1 --lake s3://mining-data-mesh --json`"
)
def expire(
    prompt_version: Annotated[str, typer.Argument(help="Version of the prompt of the wordings.")],
    yes: Annotated[bool, typer.Option("--yes", help="Also expire the version that runs use now.")] = False,
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove the wordings of a prompt version permanently. Published texts stay until the next run that publishes.

    Without a key, `run --full-refresh` or the next run with news publishes the texts of the rules. With a key, the
    next run asks the model again for the version in use, which costs money.
    """
    with explained_errors():
        count = expire_wordings(open_settings(lake=lake), prompt_version, is_confirmed=yes)
        if as_json:
            print_json({"prompt_version": prompt_version, "removed": count})
        else:
            typer.echo(
                f"{count:,} wordings of prompt version {prompt_version} removed. Reports show them until the "
                "next run with news or `tribolake run --full-refresh`. With a key the next run asks the model again"
            )


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake recommendations compact`\n\n"
    "`tribolake recommendations compact --lake s3://mining-data-mesh --json`"
)
def compact(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Merge the wordings of all runs into one file per prompt version, which is read faster.

    Runs do this automatically.
    """
    with explained_errors():
        count = fold_wordings(open_settings(lake=lake))
        if as_json:
            print_json({"compacted": count})
        else:
            typer.echo(f"{count:,} wordings compacted")


@app.command(epilog="**Examples**\n\n`tribolake recommendations waiting --lake s3://mining-data-mesh --json`")
def waiting(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """List patterns that wait for a wording, with the reason. Their reports have the text of the rules."""
    with explained_errors():
        found = list_waiting(open_settings(lake=lake))
        if as_json:
            print_json({"waiting": [asdict(each) for each in found]})
            return
        for each in found:
            typer.echo(f"{each.reports:,} reports: {each.component}, {each.rule}\n    {_format_reason(each)}")
        if not found:
            typer.echo("No pattern waits.")


@app.command(epilog="**Examples**\n\n`tribolake recommendations retry && tribolake run`")
def retry(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Make the next run ask for all waiting patterns, for instance after a key was replaced."""
    with explained_errors():
        settings = open_settings(lake=lake)
        count = retry_waiting(settings)
        if as_json:
            print_json({"waiting": count})
            return
        when = "" if settings.asks_a_model else " that has a key: OPENAI_API_KEY is not set here"
        typer.echo(f"{count:,} patterns will be asked for by the next run{when}")


@app.command(epilog="**Examples**\n\n`tribolake recommendations batch`")
def batch(
    _words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORDS]...", help="`submit` or `collect` of before.", hidden=True),
    ] = None,
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Removed: runs ask for all wordings. Lists the batches that an earlier release left open.

    Exit code: 2.
    """
    with explained_errors():
        found = open_batches(open_settings(lake=lake))
        typer.echo(BATCH_IS_GONE, err=True)
        if as_json:
            print_json({"open_batches": [asdict(each) | {"file": str(each.file)} for each in found]})
        else:
            for each in found:
                name = each.batch_id or "unknown id"
                typer.echo(f"{name}  {each.patterns:,} patterns, {each.made_at}, {each.endpoint}\n    {each.file}")
        raise typer.Exit(Exit.USAGE)


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake recommendations evaluate`  the published reports\n\n"
    "`tribolake recommendations evaluate former.parquet --text recomendacion --json`  texts of another system\n\n"
    "`tribolake recommendations evaluate --rules new_rules --against current`  rules instead of texts"
)
def evaluate(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A Parquet file, one row per report, with `breached_essays`. [default: the published reports]",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column of texts in FILE. [default: ai_recommendation]"),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Expected language of FILE: `es` or `en`. [default: the lake's]")
    ] = None,
    rules: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Judge by the rules of this folder, or `current`, and compare."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="The rules to compare --rules with. [default: current]"),
    ] = None,
    lake: LakeOption = None,
    client: ClientOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score recommendations: do they agree with the numbers of their reports?

    With --rules, compare two sets of expert rules: which reports each rule decides, and for how many of these the
    laboratory asked for action. The folder has `expert_rules.csv`; other seeds of rules that it lacks are current.
    """
    _check_evaluated(file, text, language, client, rules, against)
    with explained_errors():
        settings = open_settings(lake=lake)
        if rules is not None:
            compared = compare_rules(settings, read_rule_set(rules), read_rule_set(against or CURRENT), client)
            if as_json:
                print_json(compared.as_dict())
            else:
                print_rule_comparison(compared)
            return
        if file is not None:
            expected = language or settings.language
            found = {str(file): evaluate_recommendations(file, text=text or TEXT, language=expected)}
        else:
            found = evaluate_published(settings, client)
        if as_json:
            evaluated = {name: evaluation.as_dict() for name, evaluation in found.items()}
            wrong, sentences = WRONG_ADVICE
            print_json({"evaluated": evaluated, "advice_read_wrongly": {"wrong": wrong, "sentences": sentences}})
        else:
            for name, evaluation in found.items():
                typer.echo(name)
                print_scores(evaluation.scores, evaluation.worst)
            typer.echo(READ_WRONGLY.format(*WRONG_ADVICE))


def _check_evaluated(
    file: Path | None,
    text: str | None,
    language: str | None,
    client: list[str] | None,
    rules: str | None,
    against: str | None,
) -> None:
    """Refuse options without effect: --text and --language without FILE, --client with FILE, --rules with FILE."""
    if rules is None and against is not None:
        raise typer.BadParameter("it is only for --rules: leave it out, or give --rules", param_hint="--against")
    if rules is not None and file is not None:
        raise typer.BadParameter("it judges the lake's samples: leave FILE or --rules out", param_hint="--rules")
    for option, given in (("--text", text), ("--language", language)):
        if file is None and given is not None:
            raise typer.BadParameter(
                f"it is only for FILE: leave {option} out, or name a FILE",
                param_hint=option,
            )
    if file is not None and client:
        raise typer.BadParameter("it is only for published reports: leave --client or FILE out", param_hint="--client")


def _format_reason(each: WaitingPattern) -> str:
    """Say why a pattern has no wording, and what to do."""
    if each.reason == "no key":
        return "no key: set OPENAI_API_KEY"
    if each.next_try_at is None or each.reason in NOT_ASKED:
        return f"{each.reason}: the next run asks, or finds it in the lake"
    again = f"tried {each.attempts}×, again after {each.next_try_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{each.reason}, {again}" + (f": {each.detail}" if each.detail else "")
