"""Scores of published recommendations, for people."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich import box
from rich.markup import escape
from rich.table import Column, Table

from tribolake.cli.tables import open_console
from tribolake.oil.evaluation import Example, Scores
from tribolake.oil.evaluation.visible import visible

# Field of the scores, what it says, whether a good text has it.
SHARES = (
    ("missing", "reports in alarm without a text", False),
    ("errors", "an error or a refusal instead of advice", False),
    ("ungrounded", "texts with a number that the report does not have", False),
    ("numbers_grounded", "numbers that the report has", True),
    ("mispaired", "texts with a number beside another essay than its own", False),
    ("paired_numbers", "numbers beside their own essay", True),
    ("additive_rule_broken", "only additives out of limits, and a change advised", False),
    ("critical_named", "critical breaches named", True),
    ("critical_unnamed", "texts that leave out a critical breach", False),
    ("calming", "at urgency U0 or U1, tells the reader to wait", False),
    ("promises", "promises that nothing can fail, or that something is certain", False),
    ("other_language", "in another language", False),
    ("too_long", "longer than 150 words", False),
    ("identical", "the same as an earlier text", None),
    ("identical_but_numbers", "the same, digits aside", None),
)
SHOWN_TEXT = 220


def print_scores(scores: Scores, worst: Sequence[Example] = ()) -> None:
    """The scores, worst of them marked, and examples of what is wrong."""
    console = open_console()
    table = Table(
        "score",
        Column("share", justify="right"),
        "of what",
        title=f"{scores.texts:,} texts of {scores.reports:,} reports, {scores.in_alarm:,} of them in alarm",
        box=box.SIMPLE,
        title_justify="left",
    )
    for name, meaning, is_good in SHARES:
        share = getattr(scores, name)
        table.add_row(name, _marked(share, is_good), meaning)
    console.print(table)
    if scores.words_median is not None:
        console.print(
            f"Median length {scores.words_median} words; {scores.only_additives:,} texts about additives alone; "
            f"{scores.critical_breaches:,} critical breaches"
        )
    for score, examples in groupby(worst, key=lambda example: example.score):
        console.print(f"\n[bold]{score}[/bold]")
        for example in examples:
            console.print(f"  {_shown(example.sample) or '?'}: [yellow]{_shown(example.reason)}[/yellow]")
            if example.text:
                console.print(f"    [dim]{_shown(example.text)}[/dim]")


def _shown(text: str) -> str:
    """A text of a file as it may be printed: neither markup nor characters that a terminal obeys."""
    return escape(visible(text)[:SHOWN_TEXT])


def _marked(share: float | None, is_good: bool | None) -> str:
    if share is None:
        return "-"
    shown = f"{100 * share:.1f} %"
    if is_good is None:
        return shown
    is_perfect = share == (1.0 if is_good else 0.0)
    return f"[green]{shown}[/green]" if is_perfect else f"[yellow]{shown}[/yellow]"
