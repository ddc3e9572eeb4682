"""Tell people what changed for the worse: one message per change of state, none per run.

What was told is kept in `{state}/notified.json`. A trouble that lasts is told once; when it is over it is forgotten, so
that it is told again if it comes back. A message that cannot be sent is tried again after the next run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from tribolake.lake.files import replace_durably, write_durably
from tribolake.product import Product
from tribolake.run.report import RunReport
from tribolake.settings import Settings

SHOWN = 20
CANNOT_BE_READ = """
    select file_key, message from {arrivals}
    qualify status = 'failed' and row_number() over (partition by file_key order by arrived_at desc) = 1
    order by client, file_key
"""

# What is wrong, by an identity that stays the same while it lasts, with the words for people.
Troubles = dict[str, str]


def troubles_of(product: Product, report: RunReport, warehouse: duckdb.DuckDBPyConnection) -> Troubles:
    """What is wrong after a run that published: in its tables, with clients held back, with files not readable."""
    published = warehouse.execute(product.warehouse.troubles).fetchall()
    files = warehouse.execute(CANNOT_BE_READ.format(arrivals=product.warehouse.arrivals)).fetchall()
    return (
        dict(published)
        | {
            f"client {client}": f"{client} is held back: {problem}"
            if not report.clients[client].published
            else f"{client}: {problem}"
            for client, problem in report.problems.items()
        }
        | {f"file {file}": f"{file}: {problem}" for file, problem in files}
    )


def tell_failure(settings: Settings, error: Exception) -> bool:
    """Tell that a run failed; what runs that published have told stays told."""
    return tell(settings, {"run": f"the run failed: {error}"}, is_all=False)


def tell(settings: Settings, troubles: Troubles, *, is_all: bool = True) -> bool:
    """Send one message about the troubles that were not told yet.

    Args:
        settings: where to send it (`TRIBOLAKE_NOTIFY`, off by default), and where to keep what was told.
        troubles: what is wrong now.
        is_all: whether everything else is over.

    Returns:
        False where a message was due and could not be sent.
    """
    if not settings.notify:
        return True
    path = settings.state / "notified.json"
    told = _read(path)
    kept = set() if is_all else told
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
