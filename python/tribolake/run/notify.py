"""Tell people what changed for the worse: one message per change of state, none per run.

What was told is kept in `{state}/notified.json`. A trouble that lasts is told once; when it is over it is forgotten, so
that it is told again if it comes back. A message that cannot be sent is tried again after the next run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from tribolake.publish.files import replace_durably, write_durably
from tribolake.run.arrivals import FAILED_FILES
from tribolake.run.report import RunReport
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings

SHOWN = 20
ANORMAL_MACHINES = """
    select client, unit_id, coalesce(worst_component, '') from gold.machine_status_current
    where overall_status = 'Anormal' order by priority_score desc, machine_score desc, client, unit_id
"""

OF_A_RUN = ("machine ", "client ", "file ")

# What is wrong, by an identity that stays the same while it lasts, with the words for people.
Troubles = dict[str, str]


def troubles_of(report: RunReport, warehouse: duckdb.DuckDBPyConnection) -> Troubles:
    """What is wrong after a run that published: machines, clients that are held back, files that cannot be read."""
    machines = warehouse.execute(ANORMAL_MACHINES).fetchall()
    files = rows_of(warehouse, FAILED_FILES, {"clients": None})
    return (
        {
            f"machine {client} {unit}": f"{client} {unit} is Anormal" + (f", look at {component}" if component else "")
            for client, unit, component in machines
        }
        | {
            f"client {client}": f"{client} is held back: {problem}"
            if not report.clients[client].published
            else f"{client}: {problem}"
            for client, problem in report.problems.items()
        }
        | {f"file {failed['file']}": f"{failed['file']}: {failed['problem']}" for failed in files}
    )


def tell_failure(settings: Settings, error: Exception) -> bool:
    """Tell that a run failed; what runs that published have told stays told."""
    return tell(settings, {"run": f"the run failed: {error}"}, keep=OF_A_RUN)


def tell(settings: Settings, troubles: Troubles, *, keep: Iterable[str] = ()) -> bool:
    """Send one message about the troubles that were not told yet.

    Args:
        settings: where to send it (`TRIBOLAKE_NOTIFY`, off by default), and where to keep what was told.
        troubles: everything that is wrong now.
        keep: beginnings of identities that this call knows nothing about: they stay as they were told.

    Returns:
        False where a message was due and could not be sent.
    """
    if not settings.notify:
        return True
    path = settings.state / "notified.json"
    told = _read(path)
    beginnings = tuple(keep)
    kept = {identity for identity in told if identity.startswith(beginnings)}
    news = [words for identity, words in troubles.items() if identity not in told]
    if news and not _send(settings.notify, news):
        _write(path, (told & troubles.keys()) | kept)
        return False
    if (after := troubles.keys() | kept) != told:
        _write(path, after)
    return True


def _send(targets: Sequence[str], news: Sequence[str]) -> bool:
    import apprise  # noqa: PLC0415 - most runs have nothing to tell

    messenger = apprise.Apprise()
    for target in targets:
        messenger.add(target)
    lines = list(news[:SHOWN])
    if len(news) > SHOWN:
        lines.append(f"… and {len(news) - SHOWN} more: `tribolake status` shows all")
    return bool(messenger.notify(title=f"tribolake: {len(news)} new", body="\n".join(lines)))


def _read(path: Path) -> set[str]:
    try:
        return set(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return set()


def _write(path: Path, told: Iterable[str]) -> None:
    aside = path.with_suffix(".partial")
    write_durably(aside, json.dumps(sorted(told), ensure_ascii=False))
    replace_durably(aside, path)
