"""Wordings of a lake for its operators: carried to another lake, removed, folded, waited for, scored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tribolake.errors import ConfigurationError
from tribolake.lake.custody import Custody, lock_machine
from tribolake.lake.replicas import open_objects
from tribolake.oil.evaluation import Evaluation, evaluate_recommendations
from tribolake.oil.product import OIL
from tribolake.oil.seeds import read_seed
from tribolake.oil.wording.prompt import PROMPT_VERSION
from tribolake.oil.wording.reply import objections
from tribolake.oil.wording.segments import open_wordings
from tribolake.oil.wording.transfer import Imported, NotAnExport, export_wordings, import_wordings
from tribolake.oil.wording.waiting import forget_prompt_version, try_again_now
from tribolake.run.home import open_custody
from tribolake.run.warehouse import last_run, open_built, open_warehouse, rows_of, table_exists
from tribolake.settings import Settings
from tribolake.trace.find import find
from tribolake.trace.manifests import published_clients

REPORTS = "classified_reports"
RECOMMENDATIONS = ("gold", "report_recommendations")
# Of whatever configuration: what reports show is that of the last run.
WAITING = """
    select
        reported.pattern, count(*) as reports, waiting.reason, coalesce(waiting.detail, '') as detail,
        coalesce(waiting.attempts, 0) as attempts, waiting.next_try_at
    from (select {pattern} as pattern from gold.report_recommendations where pattern is not null) as reported
    left join control.unworded as waiting on reported.pattern = waiting.pattern
    where reported.pattern not in (select pattern from control.replies)
    group by all
    order by reports desc, reported.pattern
"""
NOT_THERE = "there is no lake in {address}: give the folder of one with --lake"
STILL_USED = (
    "{version} is the prompt version that runs use now: its wordings were paid for, and would be asked and paid for "
    "again. `tribolake recommendations export FILE` keeps them; --yes removes them all the same"
)


@dataclass(frozen=True)
class WaitingPattern:
    """A pattern whose reports show the text of the rules because the model has not chosen yet, and why not."""

    pattern: str  # canonical JSON
    reports: int
    component: str  # family, as texts name it
    rule: str  # name of the rule that decides
    reason: str  # one of `oil/wording/reasons.py`, `no key` or `never asked`
    detail: str
    attempts: int  # how often it was asked for in vain
    next_try_at: datetime | None


@dataclass(frozen=True)
class OpenBatch:
    """A batch of the Batch API that an earlier release asked for and did not collect."""

    batch_id: str | None  # None where its answer was lost
    made_at: str  # ISO 8601, UTC
    endpoint: str
    patterns: int
    file: Path  # where it is remembered


def export_from(settings: Settings, path: Path) -> int:
    """Write every wording of a lake into a Parquet file; returns how many.

    Raises:
        ConfigurationError: the lake, or the folder of the file, is not there.
        OSError: the file cannot be written; what was there before is there still.
    """
    _check_there(settings)
    if not path.parent.is_dir():
        raise ConfigurationError(f"{path} cannot be written: the folder {path.parent} does not exist")
    return export_wordings(open_wordings(settings), path)


def import_into(settings: Settings, path: Path) -> Imported:
    """Take the wordings of an exported file into a lake, after each was checked.

    Raises:
        ConfigurationError: the lake is not there, or the file is none that was exported.
        LakeIsBusy: a run is under way.
    """
    with _alone(settings):
        try:
            return import_wordings(open_wordings(settings), path, objections)
        except NotAnExport as error:
            said = str(error).rstrip(".")
            raise ConfigurationError(f"{path}: {said}. Give a file of `tribolake recommendations export`") from error


def expire_wordings(settings: Settings, prompt_version: str, *, is_sure: bool = False) -> int:
    """Remove the wordings of a prompt version for ever; reports show the rules' texts when they are published next.

    Args:
        settings: the lake.
        prompt_version: of the prompt that they came from.
        is_sure: whether the one that runs use now may be removed.

    Returns:
        How many keys the lake had.

    Raises:
        ConfigurationError: there are none, or somebody has to be sure and is not.
        LakeIsBusy: a run is under way.
    """
    if prompt_version == PROMPT_VERSION and not is_sure:
        raise ConfigurationError(STILL_USED.format(version=prompt_version))
    with _alone(settings) as custody:
        wordings = open_wordings(settings)
        there = wordings.count()
        # First: whoever is killed in between finds the wordings still there, and can give the command again.
        hidden = _hide(settings, custody, prompt_version)
        if prompt_version in there:
            return wordings.expire(prompt_version)
    if hidden:
        return 0
    known = ", ".join(f"{name} ({count:,})" for name, count in there.items()) or "no other either"
    raise ConfigurationError(f"the lake has no wordings of prompt version {prompt_version!a}: it has {known}")


def _hide(settings: Settings, custody: Custody, prompt_version: str) -> int:
    """Have the next runs show the wordings of a prompt version no longer; returns how many the warehouse had."""
    custody.restore()
    if not settings.warehouse.exists():
        return 0
    with open_warehouse(settings.warehouse) as warehouse:
        if not table_exists(warehouse, "control", "replies"):
            return 0
        past, hidden = last_run(warehouse), forget_prompt_version(warehouse, prompt_version)
    if past:  # also where nothing was hidden: whoever did it may have been killed before he left it for other machines
        custody.save(past.run_id, changed=True)
    return hidden


def fold_wordings(settings: Settings) -> int:
    """Put the segments of all runs into one for each prompt version. Returns how many wordings they had.

    Raises:
        LakeIsBusy: a run is under way.
    """
    with _alone(settings):
        return open_wordings(settings).fold(everything=True)


def list_waiting(settings: Settings) -> list[WaitingPattern]:
    """Patterns whose reports show the text of the rules because they have no wording, those of most reports first.

    Raises:
        ConfigurationError: no run has taken place yet.
    """
    with open_built(settings, *RECOMMENDATIONS) as warehouse:
        is_kept = all(table_exists(warehouse, "control", name) for name in ("replies", "unworded"))
        pattern = "commented_pattern" if settings.model.sees_comments else "pattern"
        rows = rows_of(warehouse, WAITING.format(pattern=pattern)) if is_kept else []
    texts = {row["text_id"]: row["text"] for row in read_seed(f"texts_{settings.language}")}
    otherwise = "never asked" if settings.asks_a_model else "no key"
    found = []
    for row in rows:
        said = json.loads(row["pattern"])
        first, family = said["rules"][0], said["component"]
        named = {
            "component": texts.get(f"component.{family}", family),
            "rule": texts.get(f"{first}.name", first),
            "reason": row["reason"] or otherwise,
        }
        found.append(WaitingPattern(**row | named))
    return found


def retry_waiting(settings: Settings) -> int:
    """Have the next run ask for all patterns that wait. Returns how many there are.

    Raises:
        ConfigurationError: no run has taken place yet.
        LakeIsBusy: a run is under way.
    """
    with _alone(settings) as custody:
        custody.restore()
        count = len(list_waiting(settings))
        with open_warehouse(settings.warehouse) as warehouse:
            past = last_run(warehouse)
            if count:
                try_again_now(warehouse)
        if past and count:
            custody.save(past.run_id, changed=True)
    return count


def open_batches(settings: Settings) -> list[OpenBatch]:
    """List the batches that an earlier release on this machine asked for and did not collect, oldest first."""
    found = []
    for path in sorted((settings.state / "batches").glob("*.json")):
        try:
            said = json.loads(path.read_bytes())
            number = len(said["patterns"])
            made = OpenBatch(said.get("batch_id"), said["made_at"], said.get("endpoint", ""), number, path)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue  # not a record
        found.append(made)
    return found


def evaluate_published(settings: Settings, clients: Sequence[str] | None) -> dict[str, Evaluation]:
    """Score the recommendations that readers of gold see now, by client.

    Args:
        settings: the lake; its language is that which texts should be in.
        clients: these only; None means all that were published.

    Raises:
        ConfigurationError: nothing was published.
    """
    chosen = list(clients or published_clients(open_objects(settings)))
    if not chosen:
        raise ConfigurationError(f"nothing is published in {settings.address}: run `tribolake run`, or name a file")
    found = {client: find(OIL, settings, REPORTS, client) for client in chosen}
    return {client: evaluate_recommendations(each.path, language=settings.language) for client, each in found.items()}


@contextmanager
def _alone(settings: Settings) -> Iterator[Custody]:
    """Have the lake while no run is under way."""
    _check_there(settings)
    custody = open_custody(settings)
    with lock_machine(settings), custody.hold():
        yield custody


def _check_there(settings: Settings) -> None:
    """Make no folder of a lake whose name is mistyped.

    Raises:
        ConfigurationError: the lake is a folder that is not there.
    """
    if not settings.is_on_s3 and not settings.lake.is_dir():
        raise ConfigurationError(NOT_THERE.format(address=settings.address))
