"""Print answers to questions of engineers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tribolake.cli.console import SHOWN_ROWS, format_status, new_table, open_console
from tribolake.cli.fleet_tables import machine_status, until
from tribolake.cli.printable import printable
from tribolake.oil.fleet import score_that_orders, word_of
from tribolake.oil.questions.limits import THRESHOLDS

if TYPE_CHECKING:
    from tribolake.oil.limits.status_change import Condition, StatusChange
    from tribolake.oil.questions.machine import ShownMachine
    from tribolake.oil.questions.report import ShownReport

BANDS = ("Marginal", "Condenatorio", "Critico")
AGREEMENTS = {
    "both_alarm": "We agree: it asks for action, and this report is in alarm",
    "both_calm": "We agree: it does not ask for action, and this report is not in alarm",
    "stricter": "We are stricter: it does not ask for action",
    "laboratory_stricter": "It is stricter: it asks for action",
    "not_evaluated": "It does not ask for action. This report could not be evaluated",
    "open": "Its verdict neither asks for action nor rules it out",
    "not_declared": "The seed lab_verdicts does not say whether its verdict asks for action",
    "silent": "It gave no verdict",
}


def print_report(found: ShownReport) -> None:
    """Print a report: values with limits, the sample before, the text, and where it is from."""
    console, report = open_console(), found.report
    console.print(
        f"{printable(report['client'])} {printable(report['unitId'])} {printable(report['componentName'])}, sample "
        f"{printable(report['sampleNumber'])} of {report['sampleDate']}, oil hours {_number(report['oilMeter'])}, oil "
        f"{_words(report['oilBrand'], report['oilType'], report['oilWeight'])}"
    )
    console.print(format_status(report["report_status"]), f"score {report['classification_score']}", end="")
    console.print(f", deadline {word_of(report['urgency']) or 'none'}, rules {_words(*report['rule_ids'])}")
    if found.before:
        before = found.before
        console.print(
            f"Sample before: {printable(before['sampleNumber'])} of {before['sampleDate']}, {before['report_status']} "
            f"(score {before['classification_score']})"
        )
    table = new_table(
        "essay", "value", "before", "status", "limit", *BANDS, "lower", "unit", "quality",
        title=f"Values, judged by limits {printable(report['limits_version'] or 'none')}",
        right=(*BANDS, "value", "before", "limit", "lower"),
    )  # fmt: skip
    for row in found.values:
        table.add_row(
            printable(row["essay"]),
            printable(row["value"] or ""),
            printable(row["before"] or ""),
            row["status"] if row["status"] != "Normal" else "",
            _number(row["limit"]),
            *_thresholds(row),
            printable(row["unit"] or ""),
            row["quality"] or "",
        )
    console.print(table)
    for row in found.values:
        if row["delivered"]:
            console.print(f"{printable(row['essay'])} was delivered as {printable(row['delivered'])}")
    for field, kilometers in (report["kilometers"] or {}).items():
        console.print(f"{printable(field)} is in kilometres: {_number(kilometers)} km")
    if any(row["limit"] not in (None, *(row[name] for name in THRESHOLDS)) for row in found.values):
        console.print("A limit that is not among the percentiles is a floor or a fixed band of the policy")
    console.print(printable(report["ai_recommendation"]))
    _print_oil(console, report)
    if report["labVerdict"] or report["labComment"]:
        console.print(f"Laboratory: {_words(report['labVerdict'], report['labComment'])}")
        console.print(AGREEMENTS[found.agreement])
    console.print(f"{printable(report['sourceFile'])}, sheet {printable(report['sourceSheet'] or '-')}, ", end="")
    console.print(f"row {report['sourceRow']}, sha256 {printable(report['sourceSha256'])}")


def print_change(found: ShownReport, change: StatusChange) -> None:
    """Print what would change the status of a report."""
    console, values = open_console(), {row["essay"]: row for row in found.values}
    if change.status != found.report["report_status"]:
        console.print(f"The rules of this installation judge this report as {change.status}: nothing else can be said")
        return
    for direction, outcomes in (("lower", [change.lowers] if change.lowers else []), ("raise", change.raises)):
        if not outcomes:
            console.print(f"Nothing measured would {direction} the status")
        for outcome in outcomes:
            needed = " and ".join(_condition(one, values[one.essay]) for one in outcome.conditions)
            console.print(f"To {direction} it to {outcome.status}: {needed}")


def _condition(condition: Condition, row: Mapping[str, Any]) -> str:
    wanted = condition.code or f"{condition.sign} {condition.bound:.15g} {row['unit'] or ''}".strip()
    return f"{printable(row['essay'])} {printable(wanted)} (now {printable(row['value'] or '')})"


def _print_oil(console: Any, report: Mapping[str, Any]) -> None:
    """Print what compartments of the same oil say."""
    if report["alarm_also_in"]:
        console.print(f"Same oil, in alarm too: {_words(*report['alarm_also_in'], joined=', ')}")
    if report["carries_alarm"] is False:
        console.print(f"The alarm of this oil is carried by {printable(report['alarm_component'])}")
    if report["sump_difference"]:
        console.print(
            "[red]Samples of this oil differ on that day[/red], probably swapped or mislabelled: "
            f"{_difference(report['sump_difference'])}"
        )


def print_machine(found: ShownMachine) -> None:
    """Print a machine, its components by deadline, and days on which samples of one oil differ."""
    console, machine = open_console(), found.machine
    console.print(f"{printable(machine['client'])} {printable(machine['unit_id'])}:", machine_status(machine), end="")
    console.print(f", score {score_that_orders(machine):g}, deadline {word_of(machine['urgency']) or 'none'}", end=" ")
    console.print(until(machine))
    console.print(printable(machine["machine_ai_recommendation"] or ""))
    table = new_table(
        "component", "status", "score", "deadline", "sample", "sampled", "days behind", "oil hours", "same oil",
        title="Components by their latest sample", right=("score", "days behind", "oil hours"),
    )  # fmt: skip
    for row in found.components:
        table.add_row(
            printable(row["component"]),
            format_status(row["status"]),
            str(row["score"]),
            word_of(row["urgency"]),
            printable(row["sample_number"]),
            str(row["sample_date"]),
            str(row["days_behind_unit"]),
            _number(row["oil_hours"]),
            printable(row["sump"] or ""),
        )
    console.print(table)
    for finding in found.findings[:SHOWN_ROWS]:
        console.print(
            f"[red]samples differ[/red] {finding['sample_date']} {printable(finding['sump'])}, probably swapped or "
            f"mislabelled: {_difference(finding['difference'])}"
        )


def print_limits(found: Sequence[Mapping[str, Any]]) -> None:
    """Print limits, one group and essay in a line."""
    table = new_table(
        "client", "machine", "model", "component", "essay", *BANDS, "lower", "unit", "samples", "quality",
        "from",
        right=(*BANDS, "lower", "samples"),
    )  # fmt: skip
    for row in found[:SHOWN_ROWS]:
        table.add_row(
            *(printable(row[name] or "") for name in ("client", "machine", "machine_model", "component", "essay")),
            *_thresholds(row),
            printable(row["unit"] or ""),
            f"{row['n']:,}",
            row["quality"] or "",
            row["source_level"] or "",
        )
    console = open_console()
    console.print(table)
    if len(found) > SHOWN_ROWS:
        console.print(f"Only {SHOWN_ROWS} of {len(found):,} are shown: --essay chooses, --json shows all")


def print_movers(found: Sequence[Mapping[str, Any]], *, show_all: bool) -> None:
    """Print components that got worse."""
    console = open_console()
    if not found:
        console.print("No component in alarm is worse than it was then.")
        return
    table = new_table(
        "client", "unit", "component", "before", "now", "rise", "deadline", "sample", "sampled", "essays",
        title=f"{len(found)} components got worse", right=("rise",),
    )  # fmt: skip
    for row in found[: None if show_all else SHOWN_ROWS]:
        table.add_row(
            printable(row["client"]),
            printable(row["unit_id"]),
            printable(row["component"]),
            format_status(row["status_before"] or ""),
            format_status(row["status"]),
            str(row["rise"]),
            word_of(row["urgency"]),
            printable(row["sample_number"]),
            str(row["sample_date"]),
            _words(*(row["essays"] or []), joined=", "),
        )
    console.print(table)
    if len(found) > SHOWN_ROWS and not show_all:
        console.print(f"  … and {len(found) - SHOWN_ROWS} more: `--all` shows all")


def _difference(found: Mapping[str, Any]) -> str:
    """Return the lowest and the highest value of one oil on a day."""
    ends = (f"{printable(found[f'{end}_component'])} {_number(found[end])}" for end in ("low", "high"))
    return f"{printable(found['essay'])} {', '.join(ends)}"


def _thresholds(row: Mapping[str, Any]) -> list[str]:
    """Return the three upper limits, and the lower ones in one text."""
    lower = [_number(row[name]) for name in ("lower_normal", "lower_alert", "lower_critic") if row[name] is not None]
    upper = [_number(row[name]) for name in ("threshold_normal", "threshold_alert", "threshold_critic")]
    return [*upper, " ".join(lower)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _words(*texts: object, joined: str = " ") -> str:
    return joined.join(printable(text) for text in texts if text)
