"""Send messages about new troubles: one per change of state, not one per run.

Sent troubles are kept in `{state}/notified.json` until they are over. A lasting trouble is sent once. One that comes
back is sent again. A message that could not be sent is tried again after the next run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tribolake.errors import explain
from tribolake.lake.files import partial_path, read_json, replace_durably, write_durably
from tribolake.libraries import library
from tribolake.product import Product
from tribolake.run.rejections import SHOWN_PATH, Rejection, format_rejection
from tribolake.run.report import RunReport, describe_failed_files
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings
from tribolake.texts import cut, one_line

apprise = library("apprise")  # most runs send nothing

# Messages by the identity of a trouble, which is the same while the trouble lasts.
Troubles = dict[str, str]


@dataclass(frozen=True)
class Frame:
    """Title and fixed sentences of a message. The titles say how many troubles are new."""

    one: str
    several: str
    more: str
    held_back: str
    failed: str

    def title(self, count: int) -> str:
        return self.one if count == 1 else self.several.format(count)


SHOWN = 20
# What a message says besides its troubles, in the language of the lake.
FRAMES = {
    "en": Frame(
        one="tribolake: 1 new problem",
        several="tribolake: {} new problems",
        more="… and {} more: `tribolake status` shows all",
        held_back="{} is held back: {}",
        failed="the run failed: {}",
    ),
    "es": Frame(
        one="tribolake: 1 problema nuevo",
        several="tribolake: {} problemas nuevos",
        more="… y {} más: `tribolake status` los muestra todos",
        held_back="{} está retenido: {}",
        failed="la corrida falló: {}",
    ),
}
# Files that cannot be read are reported with their problem.
TOLD_AS_FILES = frozenset({"file_unreadable", "client_not_declared"})


def troubles_of(
    product: Product,
    report: RunReport,
    warehouse: duckdb.DuckDBPyConnection,
    rejections: Sequence[Rejection] = (),
    pages_url: str = "",
) -> Troubles:
    """List troubles after a run: those of clients, files, rejections and published tables.

    With the address of the pages, those of published tables end with a link to the page that shows them.
    """
    failed = describe_failed_files(warehouse, product)
    frame = FRAMES[report.language]
    rejected = [one for one in rejections if one.is_worth_telling and one.reason not in TOLD_AS_FILES]
    return (
        {
            f"client {client}": frame.held_back.format(client, problem)
            if not report.clients[client].published
            else f"{client}: {problem}"
            for client, problem in report.problems.items()
        }
        | {f"altered {one['file']}": f"{one['file']}: {one['problem']}" for one in report.altered_files}
        | {f"file {one['file']}": f"{cut(one['file'], SHOWN_PATH)}: {one['problem']}" for one in failed}
        | _as_troubles(one for one in rejected if one.needs_a_look)
        | _in_tables(product, warehouse, pages_url)
        | _as_troubles(one for one in rejected if not one.needs_a_look)
    )


def _in_tables(product: Product, warehouse: duckdb.DuckDBPyConnection, pages_url: str) -> Troubles:
    troubles = {}
    for row in rows_of(warehouse, product.warehouse.troubles):
        page = product.page_of_trouble(row) if pages_url else None
        troubles[row["identity"]] = f"{row['words']} {pages_url.rstrip('/')}{page}" if page else row["words"]
    return troubles


def _as_troubles(rejections: Iterable[Rejection]) -> Troubles:
    return {f"rejected {one.identity}": format_rejection(one.as_dict()) for one in rejections}


def tell_failure(settings: Settings, error: Exception) -> bool:
    """Send that a run failed. Troubles sent by other runs stay recorded."""
    return tell(settings, {"run": FRAMES[settings.language].failed.format(explain(error))}, is_all=False)


def tell(settings: Settings, troubles: Troubles, *, is_all: bool = True) -> bool:
    """Send one message about the troubles that were not sent yet.

    Args:
        settings: where to send it (`TRIBOLAKE_NOTIFY`, off by default), and the folder for sent troubles.
        troubles: the troubles of now.
        is_all: whether all other troubles are over.

    Returns:
        False if a message could not be sent.
    """
    if not settings.notify:
        return True
    path = settings.state / "notified.json"
    told = _read(path)
    kept = set() if is_all else told
    news = [words for identity, words in troubles.items() if identity not in told]
    if news and not _send(settings.notify, news, FRAMES[settings.language]):
        _write(path, (told & troubles.keys()) | kept)
        return False
    if (after := troubles.keys() | kept) != told:
        _write(path, after)
    return True


def _send(targets: Sequence[str], news: Sequence[str], frame: Frame) -> bool:
    messenger = apprise.Apprise()
    for target in targets:
        messenger.add(target)
    lines = [one_line(words) for words in news[:SHOWN]]
    if len(news) > SHOWN:
        lines.append(frame.more.format(len(news) - SHOWN))
    return bool(messenger.notify(title=frame.title(len(news)), body="\n".join(lines)))


def _read(path: Path) -> set[str]:
    try:
        return set(map(str, read_json(path)))
    except (OSError, ValueError, TypeError):
        return set()


def _write(path: Path, told: Iterable[str]) -> None:
    aside = partial_path(path)
    write_durably(aside, json.dumps(sorted(told), ensure_ascii=False))
    replace_durably(aside, path)
