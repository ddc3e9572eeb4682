"""Print lineages of the market product on stdout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from tribolake.cli.console import new_table, open_console
from tribolake.cli.printable import printable

if TYPE_CHECKING:
    from tribolake.market.object_lineage import ObjectOrigin, RawUses
    from tribolake.market.raw_objects import RawObject
    from tribolake.market.traced_values import ValueLineage

SHOWN = 20


def print_value_lineage(found: ValueLineage) -> None:
    """Print a value, its formula, its raw objects, and the last of its inputs."""
    console = open_console()
    value = f"undefined ({printable(found.undefined)})" if found.value is None else repr(found.value)
    console.print(f"[bold]{found.name}[/bold] of {printable(found.symbol)}, session {found.session_date}: {value}")
    console.print(f"version {printable(found.computation_version)}: {printable(found.formula.text)}")
    console.print(f"published by run {printable(found.run.run_id)}, manifest {printable(found.run.manifest)}")
    console.print(f"sessions used: {found.sessions:,}, from {found.first_session} to {found.session_date}")
    numbers = Counter(one.key for part in (found.inputs, found.splits, found.dividends) for one in part)
    for raw in found.objects[-SHOWN:]:
        console.print(f"{_identity(raw)}, {numbers[raw.key]:,} numbers")
    if len(found.objects) > SHOWN:
        console.print(f"  the last {SHOWN} of {len(found.objects):,} raw objects: `--json` shows all")
    inputs = new_table("session", "price", "served", "used", "place in the raw object", "", right=("served", "used"))
    for one in found.inputs[-SHOWN:]:
        inputs.add_row(
            str(one.session_date), one.price, repr(one.served), repr(one.used), printable(one.pointer or one.key),
            "same" if one.is_same else "[red]differs[/red]",
        )  # fmt: skip
    console.print(inputs)
    if len(found.inputs) > SHOWN:
        console.print(f"  the last {SHOWN} of {len(found.inputs):,} numbers: `--json` shows all")
    for split in found.splits:
        counted = "counts" if split.is_counted else "divided the prices of its response"
        where = printable(f"{split.key} {split.pointer or ''}")
        console.print(f"split of {split.ex_date}, ratio {split.ratio}, {counted}: {where}")
    for dividend in found.dividends[-SHOWN:]:
        where = printable(f"{dividend.key} {dividend.pointer or ''}")
        close = f"{dividend.close_before.used!r} on {dividend.close_before.session_date}"
        console.print(f"dividend of {dividend.ex_date}, {dividend.amount!r} of a close of {close}: {where}")
    if not found.problems:
        console.print("[green]every number is in the bytes, and they give the value to the last bit[/green]")
    _print_problems(console, found.problems)


def print_origin(found: ObjectOrigin) -> None:
    """Print what a processed object was computed from."""
    console = open_console()
    console.print(
        f"{found.kind} of {printable(found.ticker)}, session {printable(found.session_date)}, "
        f"version {printable(found.computation_version)}, computed at {printable(found.computed_at)}"
    )
    if found.run_id:
        console.print(f"run {printable(found.run_id)}, code {printable(found.code)}")
    for source in found.sources:
        state = "[red]differs[/red]" if source.problem else "same bytes" if source.sha256 else "there"
        sessions = "" if source.sessions is None else f", {printable(source.sessions)} sessions"
        console.print(f"{_named(source.key, source.version_id, source.sha256)}{sessions}: {state}")
    if found.is_same:
        console.print("[green]its sources give the same values again, to the last bit[/green]")
    for note in found.notes:
        console.print(f"[yellow]note[/yellow] {printable(note)}")
    _print_problems(console, found.problems)


def print_uses(found: RawUses) -> None:
    """Print what was computed from a raw object."""
    console = open_console()
    console.print(_identity(found.raw))
    if found.sessions:
        span = f"from {found.first_session} to {found.last_session}"
        console.print(f"{found.sessions:,} published sessions are from it, {span} (run {printable(found.run_id)})")
    else:
        console.print("no published session is from it: later responses have them all, or no run has used it yet")
    table = new_table("processed object", "session", "version", "sessions from it", right=("sessions from it",))
    for one in found.objects:
        sessions = "" if one.sessions is None else str(one.sessions)
        cells = (one.key, one.session_date or "", one.computation_version, sessions)
        table.add_row(*(printable(cell) for cell in cells))
    console.print(table)
    if found.compared_tickers:
        console.print(f"features that use it as their benchmark: {printable(', '.join(found.compared_tickers))}")
    _print_problems(console, found.problems)


def _identity(raw: RawObject) -> str:
    return _named(raw.key, raw.version_id, raw.sha256)


def _named(key: str, version_id: str | None, sha256: str | None) -> str:
    """Name an object in full: a table would cut its SHA-256."""
    version = f", version {printable(version_id)}" if version_id else ""
    return f"{printable(key)}{version}, sha256 {printable(sha256 or 'not noted')}"


def _print_problems(console: Console, problems: Sequence[str]) -> None:
    for problem in problems:
        console.print(f"[red]problem[/red] {printable(problem)}")
