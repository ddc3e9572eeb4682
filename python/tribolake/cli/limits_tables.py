"""Print limits that differ, and decisions about limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tribolake.cli.console import SHOWN_ROWS, format_status, format_time, new_table, open_console
from tribolake.cli.printable import printable

if TYPE_CHECKING:
    from tribolake.oil.limits.diff import LimitsDiff


def print_limits_diff(found: LimitsDiff) -> None:
    """Print limits that differ, then samples whose status would change."""
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
    table = new_table(
        "unit", "component", "sample", "sampled", "before", "after", "score", "feedback",
        title=f"{len(found.samples)} samples would change their status, {found.said('confirmed')} of them with a "
        f"confirmed finding, {found.said('false_alarm')} said to be false alarms",
        right=("score",),
    )  # fmt: skip
    for sample in found.samples[:SHOWN_ROWS]:
        table.add_row(
            printable(sample["unit_id"]),
            printable(sample["component"]),
            printable(sample["sample_number"]),
            str(sample["sample_date"]),
            format_status(sample["status_before"]),
            format_status(sample["status_after"]),
            _change(sample["score_before"], sample["score_after"]),
            ", ".join(sample["feedback"]),
        )
    console.print(table)
    if max(len(found.limits), len(found.samples)) > SHOWN_ROWS:
        console.print(f"Only {SHOWN_ROWS} rows of each table are shown: --json shows all")


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
