"""Manage the wordings of a lake: export, import, expire, fold, retry and score them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tribolake.errors import ConfigurationError
from tribolake.lake.custody import Custody, lock_machine
from tribolake.lake.files import read_json
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
from tribolake.run.run_records import last_run
from tribolake.run.warehouse import open_built, open_warehouse, rows_of, table_exists
from tribolake.settings import Settings
from tribolake.trace.find import find
from tribolake.trace.manifests import published_clients

REPORTS = "classified_reports"
RECOMMENDATIONS = ("gold", "report_recommendations")
# Not limited to one configuration: reports show the patterns of the last run.
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
LAKE_IS_MISSING = "there is no lake in {address}: give its folder with --lake"
STILL_USED = (
    "{version} is the prompt version that runs use now. Its wordings were paid for, and runs would pay for them again. "
    "Keep a copy with `tribolake recommendations export FILE`, or give --yes to remove them"
)


@dataclass(frozen=True)
class WaitingPattern:
    """A pattern without a wording. Its reports show the text of the rules."""

    pattern: str  # canonical JSON
    reports: int
    component: str  # name of the component family
    rule: str  # name of the deciding rule
    reason: str  # one of `oil/wording/reasons.py`, `no key` or `never asked`
    detail: str
    attempts: int  # failed attempts
    next_try_at: datetime | None


@dataclass(frozen=True)
class OpenBatch:
    """A batch of the Batch API that an earlier release submitted and did not collect."""

    batch_id: str | None  # None if the reply with the id was lost
    made_at: str  # ISO 8601, UTC
    endpoint: str
    patterns: int
    file: Path  # record of the batch


def export_from(settings: Settings, path: Path) -> int:
    """Write all wordings of a lake into a Parquet file. Returns their number.

    Raises:
        ConfigurationError: the lake or the folder of the file does not exist.
        OSError: the file cannot be written. An earlier file stays as it was.
    """
    _check_lake_exists(settings)
    if not path.parent.is_dir():
        raise ConfigurationError(f"{path} cannot be written: the folder {path.parent} does not exist")
    return export_wordings(open_wordings(settings), path)


def import_into(settings: Settings, path: Path) -> Imported:
    """Check the wordings of an exported file and import them into a lake.

    Raises:
        ConfigurationError: the lake does not exist, or the file is not an export.
        LakeIsBusy: another run holds the lake.
    """
    with _hold_lake(settings):
        try:
            return import_wordings(open_wordings(settings), path, objections)
        except NotAnExport as error:
            said = str(error).rstrip(".")
            raise ConfigurationError(f"{path}: {said}. Give a file of `tribolake recommendations export`") from error


def expire_wordings(settings: Settings, prompt_version: str, *, is_confirmed: bool = False) -> int:
    """Remove the wordings of a prompt version permanently. The next publication shows the rules' texts.

    Args:
        settings: the lake.
        prompt_version: version of their prompt.
        is_confirmed: whether the version that runs use now may be removed.

    Returns:
        The number of keys that the lake had.

    Raises:
        ConfigurationError: there are none, or a confirmation is missing.
        LakeIsBusy: another run holds the lake.
    """
    if prompt_version == PROMPT_VERSION and not is_confirmed:
        raise ConfigurationError(STILL_USED.format(version=prompt_version))
    with _hold_lake(settings) as custody:
        wordings = open_wordings(settings)
        there = wordings.count()
        # First: if the command is killed in between, the wordings are still there and it can be repeated.
        hidden = _forget_in_warehouse(settings, custody, prompt_version)
        if prompt_version in there:
            return wordings.expire(prompt_version)
    if hidden:
        return 0
    known = ", ".join(f"{name} ({count:,})" for name, count in there.items()) or "no other either"
    raise ConfigurationError(f"the lake has no wordings of prompt version {prompt_version!a}: it has {known}")


def _forget_in_warehouse(settings: Settings, custody: Custody, prompt_version: str) -> int:
    """Remove the replies of a prompt version from the warehouse. Returns their number."""
    custody.restore()
    if not settings.warehouse.exists():
        return 0
    with open_warehouse(settings.warehouse) as warehouse:
        if not table_exists(warehouse, "control", "replies"):
            return 0
        past, hidden = last_run(warehouse), forget_prompt_version(warehouse, prompt_version)
    if past:  # also if nothing was hidden: an earlier command may have been killed before it saved the checkpoint
        custody.save(past.run_id, changed=True)
    return hidden


def fold_wordings(settings: Settings) -> int:
    """Merge the segments of all runs into one per prompt version. Returns the number of wordings.

    Raises:
        LakeIsBusy: another run holds the lake.
    """
    with _hold_lake(settings):
        return open_wordings(settings).fold(everything=True)


def list_waiting(settings: Settings) -> list[WaitingPattern]:
    """List patterns without a wording, those with most reports first.

    Raises:
        ConfigurationError: no run has taken place yet.
    """
    with open_built(settings, *RECOMMENDATIONS) as warehouse:
        is_kept = all(table_exists(warehouse, "control", name) for name in ("replies", "unworded"))
        pattern = "commented_pattern" if settings.model.sees_comments else "pattern"
        rows = rows_of(warehouse, WAITING.format(pattern=pattern)) if is_kept else []
    texts = {row["text_id"]: row["text"] for row in read_seed(f"texts_{settings.language}")}
    default_reason = "never asked" if settings.asks_a_model else "no key"
    found = []
    for row in rows:
        said = json.loads(row["pattern"])
        first, family = said["rules"][0], said["component"]
        named = {
            "component": texts.get(f"component.{family}", family),
            "rule": texts.get(f"{first}.name", first),
            "reason": row["reason"] or default_reason,
        }
        found.append(WaitingPattern(**row | named))
    return found


def retry_waiting(settings: Settings) -> int:
    """Make the next run ask for all waiting patterns. Returns their number.

    Raises:
        ConfigurationError: no run has taken place yet.
        LakeIsBusy: another run holds the lake.
    """
    with _hold_lake(settings) as custody:
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
    """List batches that an earlier release on this machine submitted and did not collect, oldest first."""
    found = []
    for path in sorted((settings.state / "batches").glob("*.json")):
        try:
            said = read_json(path)
            number = len(said["patterns"])
            made = OpenBatch(said.get("batch_id"), said["made_at"], said.get("endpoint", ""), number, path)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue  # not a record
        found.append(made)
    return found


def evaluate_published(settings: Settings, clients: Sequence[str] | None) -> dict[str, Evaluation]:
    """Score the published recommendations by client.

    Args:
        settings: the lake. Its language is the expected one.
        clients: only these. None means all published clients.

    Raises:
        ConfigurationError: nothing was published.
    """
    chosen = list(clients or published_clients(open_objects(settings)))
    if not chosen:
        raise ConfigurationError(f"nothing is published in {settings.address}: run `tribolake run`, or name a file")
    found = {client: find(OIL, settings, REPORTS, client) for client in chosen}
    return {client: evaluate_recommendations(each.path, language=settings.language) for client, each in found.items()}


@contextmanager
def _hold_lake(settings: Settings) -> Iterator[Custody]:
    """Hold the lake, so that no run can start."""
    _check_lake_exists(settings)
    custody = open_custody(settings)
    with lock_machine(settings), custody.hold():
        yield custody


def _check_lake_exists(settings: Settings) -> None:
    """Check that the lake exists, so that no folder is made for a mistyped name.

    Raises:
        ConfigurationError: the folder of the lake does not exist.
    """
    if not settings.is_on_s3 and not settings.lake.is_dir():
        raise ConfigurationError(LAKE_IS_MISSING.format(address=settings.address))
