"""Tables of the market product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Column, Table

from tribolake.cli.console import open_console
from tribolake.cli.printable import printable

if TYPE_CHECKING:
    from tribolake.market.fetch import Fetched
    from tribolake.market.market_lake import StoredVersion

COLUMNS = (
    "first_session", "last_session", "sessions", "missing", "close", "currency", "rsi_14", "corrections", "rejected",
)  # fmt: skip
SHOWN_FINDINGS = 20
TEXTS = frozenset({"currency", "first_session", "last_session"})


def print_fetched(outcomes: Sequence[Fetched]) -> None:
    """Print what came of each symbol."""
    console = open_console()
    for one in outcomes:
        where = ": ".join(printable(said) for said in (one.key, one.problem) if said)
        colour = "green" if one.is_well else "red"
        console.print(f"[{colour}]{one.outcome}[/{colour}] {printable(one.symbol)}: {where}")


def print_market_status(found: dict[str, Any]) -> None:
    """Print a row for each ticker, and what needs a look."""
    console = open_console()
    right = (Column(name, justify="left" if name in TEXTS else "right") for name in COLUMNS)
    table = Table("symbol", *right, box=box.SIMPLE)
    for row in found["tickers"]:
        table.add_row(printable(row["symbol"] or row["ticker"]), *(_cell(row[name]) for name in COLUMNS))
    console.print(table)
    if found["waiting"]:
        console.print(f"{len(found['waiting']):,} responses wait for a run, such as {printable(found['waiting'][0])}")
    for folder in found["unread_folders"]:
        console.print(f"[red]unread folder[/red] {printable(folder)}: it cannot be listed, or is empty")
    if found["gone"]:
        console.print(
            f"[yellow]gone[/yellow] {len(found['gone']):,} responses, such as {printable(found['gone'][0])}. They "
            "still count: put them back, or compute without them by `tribolake market run --full-refresh`"
        )
    for failed in found["failed_files"]:
        console.print(f"[red]failed[/red] {printable(failed['file'])}: {printable(failed['problem'])}")
    print_quality(
        {one["ticker"]: f"since {one['since']:.10}: {one['problem']}" for one in found["held_tickers"]},
        found["findings"],
    )
    for one in found["rejected"]:
        console.print(f"[red]rejected[/red] {one['rejected']:,} × {printable(one['reason'])} {printable(one['file'])}")
    for one in found["deliveries"]:
        words = f"{one['waiting']:,} wait for {one['sink']} since {one['since']}"
        console.print(f"[red]not delivered[/red] {words}: {printable(one['problem'] or 'no run has tried')}")
    for client, held in found["held_back"].items():
        console.print(f"[red]held back[/red] {printable(client)}: {printable(held['problem'])}")


def print_deliveries(served: Mapping[str, Mapping[str, Any]]) -> None:
    """Print what each sink confirmed, and why it did not confirm the rest. Sinks without news are left out."""
    console = open_console()
    for name, one in served.items():
        if one["delivered"]:
            console.print(f"delivered {one['delivered']:,} to {name}")
        if one["waiting"] or one["problem"]:
            words = f"{name}: {one['waiting']:,} wait for the next run or `tribolake market deliver`."
            console.print(f"[red]not delivered[/red] {words} {printable(one['problem'] or '')}")


def print_quality(held_back: Mapping[str, str], findings: Sequence[Mapping[str, Any]]) -> None:
    """Print the tickers that quality rules hold back, and a line per ticker and rule that is flagged or accepted."""
    console = open_console()
    for ticker, problem in held_back.items():
        console.print(f"[red]held back[/red] {printable(ticker)} {printable(problem)}")
    others = [one for one in findings if one["severity"] != "hold back"]
    for one in others[:SHOWN_FINDINGS]:
        console.print(f"[yellow]{one['severity']}[/yellow] {printable(one['symbol'])} {_finding(one)}")
    if len(others) > SHOWN_FINDINGS:
        console.print(f"  … and {len(others) - SHOWN_FINDINGS} more: `tribolake market status --json` has all")


def _finding(one: Mapping[str, Any]) -> str:
    sessions = f"{one['findings']:,} × {printable(one['rule'])}"
    last = f", the last on {printable(one['last_session'])}" if one["last_session"] else ""
    return f"{sessions}{last}: {one['value']:.4g}, at most {one['allowed']:g} is usual"


def print_values(body: dict[str, Any]) -> None:
    """Print the values of a processed object, why some are undefined, and what they were computed from."""
    console = open_console()
    known_on = body.get("as_known_on")
    when = f"as known on {known_on}" if known_on else f"computed at {printable(body['computed_at'])}"
    console.print(
        f"{printable(body['symbol'])} {body['computation_type']} of session {printable(body.get('session_date'))}, "
        f"version {printable(body['computation_version'])}, {when}"
    )
    table = Table("name", Column("value", justify="right"), "undefined", box=box.SIMPLE)
    for name, value in body["values"].items():
        shown = value.get("percentile") if isinstance(value, dict) else value
        why = body["undefined"].get(name, "")
        said = ", ".join(why.values()) if isinstance(why, dict) else why
        table.add_row(printable(name), _cell(shown), printable(said))
    console.print(table)
    for source in body["sources"]:
        console.print(f"from {printable(source['key'])}")


def print_versions(found: Sequence[StoredVersion]) -> None:
    """Print a row for each stored computation."""
    console = open_console()
    table = Table("type", "computed at", "key", "version", box=box.SIMPLE)
    for one in found:
        version = printable(one.version_id or "")
        table.add_row(one.kind, f"{one.computed_at:%Y-%m-%d %H:%M:%S}", printable(one.key), version)
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else printable(value)
