"""Print limits that differ, what other limits would do to alarms, and decisions about limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tribolake.cli.console import SHOWN_ROWS, format_status, format_time, new_table, open_console
from tribolake.cli.options import Exit
from tribolake.cli.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from tribolake.oil.limits.check import CheckedClient
    from tribolake.oil.limits.diff import LimitsDiff
    from tribolake.oil.limits.impact import Impact

MORE = f"Only {SHOWN_ROWS} rows of each table are shown: --json shows all"


def print_limits_diff(found: LimitsDiff) -> None:
    """Print limits that differ, then what that does to alarms."""
    console = open_console()
    table = new_table(
        "machine", "model", "component", "essay", "change", "Marginal", "Condenatorio", "Critico", "samples",
        title=f"{found.client}: {len(found.limits)} limits differ from {found.a} to {found.b}",
    )  # fmt: skip
    for limit in found.limits[:SHOWN_ROWS]:
        table.add_row(
            limit["machine"],
            limit["machine_model"] or "",
            limit["component"],
            limit["essay"],
            limit["change"],
            *(_change(limit[f"{name}_before"], limit[f"{name}_after"]) for name in ("normal", "alert", "critic", "n")),
        )
    console.print(table)
    _print_impact(console, found.client, found.impact)
    if max(len(found.limits), len(found.impact.changed)) > SHOWN_ROWS:
        console.print(MORE)


def print_check(found: Sequence[CheckedClient]) -> None:
    """Print what seeds would do to the alarms of each client, and the findings that would be lost."""
    console = open_console()
    for client in found:
        _print_impact(console, f"{client.client.upper()}, policy {client.policy}", client.impact)
    if any(len(client.impact.changed) > SHOWN_ROWS for client in found):
        console.print(MORE)
    lost = sum(len(client.impact.lost) for client in found)
    if lost:
        console.print(f"{lost} alarms with a confirmed finding would be lost (exit {int(Exit.NEEDS_A_LOOK)})")


def _print_impact(console: Console, title: str, impact: Impact) -> None:
    """Print alarms before and after, then reports whose status would change."""
    table = new_table("", "before", "after", title=f"{title}: {impact.reports} reports", right=("before", "after"))
    for name, value in asdict(impact.before).items():
        table.add_row(name.replace("_", " "), str(value), str(getattr(impact.after, name)))
    console.print(table)
    table = new_table(
        "unit", "component", "sample", "sampled", "before", "after", "score", "laboratory", "feedback",
        title=f"{len(impact.changed)} samples would change their status, {impact.said('confirmed')} of them with a "
        f"confirmed finding, {impact.said('false_alarm')} said to be false alarms",
        right=("score",),
    )  # fmt: skip
    for sample, is_lost in impact.lost_first()[:SHOWN_ROWS]:
        table.add_row(
            printable(sample["unit_id"]),
            printable(sample["component"]),
            printable(sample["sample_number"]),
            str(sample["sample_date"]),
            format_status(sample["status_before"]),
            format_status(sample["status_after"]) if sample["status_after"] else "left out",
            _change(sample["score_before"], sample["score_after"]),
            printable(sample["lab_verdict"] or ""),
            ", ".join(sample["feedback"]) + (" LOST" if is_lost else ""),
        )
    console.print(table)


def print_decisions(found: list[dict[str, Any]]) -> None:
    """Print the last decision on each group."""
    table = new_table(
        "client", "machine", "component", "limits", "reason", "samples", "new", "shift", "decided",
        title="Last decision on the limits of each group",
    )  # fmt: skip
    for decision in found:
        shift, p_value = decision["shifted_essay"], decision["shift_p_value"]
        table.add_row(
            decision["client"],
            decision["machine"],
            decision["component"],
            "calculated" if decision["is_recalculated"] else "kept",
            decision["reason"],
            _change(decision["n_before"], decision["n_now"]),
            str(decision["n_new"]),
            f"{shift} D {decision['shift_statistic']:.2f}, p {p_value:.2g}" if shift else "",
            format_time(decision["decided_at"]),
        )
    open_console().print(table)


def _change(before: float | None, after: float | None) -> str:
    texts = ["-" if value is None else f"{value:g}" for value in (before, after)]
    return texts[1] if texts[0] == texts[1] else " → ".join(texts)
