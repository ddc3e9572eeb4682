"""Wordings of a lake as people ask for them: carried from one lake to another, removed, put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tribolake.enrichment.cache import Imported, WordingCache, open_wordings
from tribolake.enrichment.cache.names import NoWordings
from tribolake.enrichment.objections import objections
from tribolake.enrichment.waiting import try_again_now
from tribolake.errors import ConfigurationError
from tribolake.evaluation import Evaluation, evaluate_recommendations
from tribolake.home import open_custody
from tribolake.lake.custody import lock_machine
from tribolake.settings import Settings
from tribolake.versions.find import find
from tribolake.versions.manifests import published_clients
from tribolake.versions.published import open_published
from tribolake.warehouse import last_run, open_built, open_warehouse, rows_of, table_exists

# An import leaves so many wordings to stand alone, at most.
FEW = 100
REPORTS = "classified_reports"
WAITING = """
    select waiting.pattern, count(*) as reports, waiting.reason, waiting.detail, waiting.attempts, waiting.next_try_at
    from control.unworded as waiting
    inner join gold.report_recommendations as recommendations on waiting.pattern = recommendations.pattern
    group by all
    order by reports desc, waiting.pattern
"""


def export_wordings(settings: Settings, path: Path) -> int:
    """Write every wording of a lake into a Parquet file; returns how many.

    Raises:
        OSError: the file cannot be written; what was there before is there still.
    """
    return open_wordings(settings).export_to(path)


def import_wordings(settings: Settings, path: Path) -> Imported:
    """Take the wordings of an exported file into a lake, after the guards have looked at each.

    Raises:
        ConfigurationError: the file is none that was exported.
        LakeIsBusy: a run is under way.
    """
    with _alone(settings) as wordings:
        try:
            done = wordings.import_from(path, objections)
        except NoWordings as error:
            raise ConfigurationError(f"{path}: {error}. Give a file of `tribolake recommendations export`") from error
        wordings.compact(at_least=FEW)
        return done


def expire_wordings(settings: Settings, prompt_version: str) -> int:
    """Remove the wordings of a prompt version for ever; returns how many.

    Raises:
        ConfigurationError: there are none.
        LakeIsBusy: a run is under way.
    """
    with _alone(settings) as wordings:
        there = wordings.count()
        if prompt_version not in there:
            known = ", ".join(f"{name} ({count:,})" for name, count in there.items()) or "no other either"
            raise ConfigurationError(f"the lake has no wordings of prompt version {prompt_version!a}: it has {known}")
        return wordings.expire(prompt_version)


def compact_wordings(settings: Settings) -> int:
    """Put wordings that stand alone into one file for each prompt version; returns how many did.

    Raises:
        LakeIsBusy: a run is under way.
    """
    with _alone(settings) as wordings:
        return wordings.compact()


def list_waiting(settings: Settings) -> list[dict[str, Any]]:
    """Patterns whose reports show the text of the rules because no wording of theirs was taken, those of most first.

    Raises:
        ConfigurationError: no run has taken place yet.
    """
    with open_built(settings, "gold", "report_recommendations") as warehouse:
        return rows_of(warehouse, WAITING) if table_exists(warehouse, "control", "unworded") else []


def retry_waiting(settings: Settings) -> int:
    """Have the next run ask for all that wait; returns how many do.

    Raises:
        ConfigurationError: no run has taken place yet.
        LakeIsBusy: a run is under way.
    """
    with lock_machine(settings):
        custody = open_custody(settings)
        with custody.hold():
            custody.restore()
            count = len(list_waiting(settings))
            with open_warehouse(settings.warehouse) as warehouse:
                past = last_run(warehouse)
                if count:
                    try_again_now(warehouse)
            if past and count:
                custody.save(past.run_id, changed=True)
            return count


def evaluate_published(settings: Settings, clients: Sequence[str] | None) -> dict[str, Evaluation]:
    """Score the recommendations that readers of gold see now, by client.

    Args:
        settings: the lake; its language is that which texts should be in.
        clients: these only; None means all that were published.

    Raises:
        ConfigurationError: nothing was published.
    """
    chosen = list(clients or published_clients(open_published(settings)))
    if not chosen:
        raise ConfigurationError(f"nothing is published in {settings.address}: run `tribolake run`, or name a file")
    found = {client: find(settings, REPORTS, client) for client in chosen}
    return {client: evaluate_recommendations(each.path, language=settings.language) for client, each in found.items()}


@contextmanager
def _alone(settings: Settings) -> Iterator[WordingCache]:
    """Have the wordings while no run is under way."""
    with lock_machine(settings), open_custody(settings).hold():
        yield open_wordings(settings)
