"""Print scores of recommendations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from tribolake.cli.console import new_table, open_console
from tribolake.cli.printable import printable
from tribolake.oil.evaluation import Example, Scores

# Field of the scores, its meaning, and whether a good text has it (None: neither).
SHARES = (
    ("missing", "reports in alarm without a text", False),
    ("errors", "an error or a refusal instead of advice", False),
    ("ungrounded", "texts with a number that the report does not have", False),
    ("numbers_grounded", "numbers that the report has", True),
    ("mispaired", "texts that give a number to the wrong essay", False),
    ("paired_numbers", "numbers that are given to the right essay", True),
    ("additive_rule_broken", "only additives are out of limits, but a change is advised", False),
    ("critical_named", "critical breaches named", True),
    ("critical_unnamed", "texts that omit a critical breach", False),
    ("calming", "texts that tell the reader to wait at urgency U0 or U1", False),
    ("promises", "texts that promise or claim certainty", False),
    ("other_language", "texts in another language", False),
    ("too_long", "texts longer than 150 words", False),
    ("identical", "texts equal to an earlier one", None),
    ("identical_but_numbers", "texts equal to an earlier one except for digits", None),
)
SHOWN_TEXT = 220


def print_scores(scores: Scores, worst: Sequence[Example] = ()) -> None:
    """Print the scores and examples of wrong texts. Imperfect scores are marked."""
    console = open_console()
    table = new_table(
        "score",
        "share",
        "of what",
        title=f"{scores.texts:,} texts of {scores.reports:,} reports, {scores.in_alarm:,} of them in alarm",
        right=("share",),
    )
    for name, meaning, is_good in SHARES:
        share = getattr(scores, name)
        table.add_row(name, _styled_share(share, is_good), meaning)
    console.print(table)
    if scores.words_median is not None:
        console.print(
            f"Median length {scores.words_median} words; {scores.only_additives:,} texts about additives alone; "
            f"{scores.critical_breaches:,} critical breaches"
        )
    for score, examples in groupby(worst, key=lambda example: example.score):
        console.print(f"\n[bold]{score}[/bold]")
        for example in examples:
            console.print(f"  {printable(example.sample) or '?'}: [yellow]{printable(example.reason)}[/yellow]")
            if example.text:
                console.print(f"    [dim]{printable(example.text[:SHOWN_TEXT])}[/dim]")


def _styled_share(share: float | None, is_good: bool | None) -> str:
    if share is None:
        return "-"
    shown = f"{100 * share:.1f} %"
    if is_good is None:
        return shown
    is_perfect = share == (1.0 if is_good else 0.0)
    return f"[green]{shown}[/green]" if is_perfect else f"[yellow]{shown}[/yellow]"
