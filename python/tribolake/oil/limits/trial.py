"""Judge published samples again by other limits, in memory, with the product's own models. Nothing is saved.

Values are as they were read: seeds that say how files are read change nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.confined_duckdb import QUIET, confine
from tribolake.oil.limits.choice import PUBLISHED_LIMITS, Choice
from tribolake.oil.limits.judging import load_limits
from tribolake.oil.limits.other_limits import only_group, set_limits_of
from tribolake.oil.limits.published_samples import GIVEN, PublishedSamples, load_samples
from tribolake.oil.product import OIL
from tribolake.oil.questions.verdicts import ASKING, IN_ALARM
from tribolake.run.compiled_models import CompiledProject, compiled_project
from tribolake.run.memory_build import build_models, load_seeds, make_schemas, open_memory
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings
from tribolake.sql import literal

STATUSES = "int_report_status"
LIMITS_MODEL = "int_limits"
PERCENTILES_MODEL = "group_percentiles"  # the one Python model among those that judge
SEEDS_OF_SAMPLES = ("lab_sheets", "lab_verdicts")
REQUEST = """
    insert into control.run_request by name
    select
        '' as run_id, $policy as policy, false as retry_failed, true as recalculate_limits, now() as requested_at,
        'es' as language, false as has_found_files
"""
PUBLISHED_STATUSES = "select row_id, report_status, classification_score from published"
JUDGED_STATUSES = f"select row_id, report_status, classification_score from gold.{STATUSES}"
NOT_IN_ORDER = """
    select concat_ws(' ', machine, machine_model, component, essay)
    from limits.int_limits
    where not (
        coalesce(threshold_normal < threshold_alert, threshold_alert is null)
        and coalesce(threshold_alert < threshold_critic, threshold_critic is null)
        and coalesce(lower_critic <= lower_alert, lower_critic is null)
        and coalesce(lower_alert <= lower_normal, lower_alert is null)
        and coalesce(lower_normal <= threshold_normal, true)
    )
    limit 1
"""
# Reports that nobody calls an alarm, before or after, are counted only.
COMPARED = f"""
    with sides as (
        select
            samples.*, before.report_status as status_before, after.report_status as status_after,
            before.classification_score as score_before, after.classification_score as score_after,
            coalesce(verdicts.verdict in {ASKING}, false) as wants_action
        from published as samples
        left join {{before}} as before using (row_id)
        left join {{after}} as after using (row_id)
        left join seeds.lab_verdicts as verdicts
            on samples.laboratory = verdicts.laboratory and lower(samples.labVerdict) = lower(verdicts.text)
    )
    select
        client, unitId as unit_id, componentName as component, sampleNumber as sample_number, laboratory,
        sampleOccurrence as sample_occurrence, sampleDate as sample_date, labVerdict as lab_verdict, wants_action,
        status_before, status_after, score_before, score_after
    from sides
    where
        status_before in {IN_ALARM} or status_after in {IN_ALARM} or wants_action
        or status_before is distinct from status_after
    order by sampleDate desc, unitId, componentName, sampleNumber, laboratory, sampleOccurrence
"""


@dataclass(frozen=True)
class Judged:
    """Reports that were or would be in alarm, whose status changes, or of which the laboratory asked for action.

    `limits` are those that a choice set for its group: None if it set none. `reports` counts all reports.
    """

    reports: int
    rows: list[dict[str, Any]]
    limits: dict[str, Any] | None = None


def judge_choice(settings: Settings, samples: PublishedSamples, choice: Choice, seeds: Path | None = None) -> Judged:
    """Judge the samples of a client by a choice. Reports are compared with their published statuses.

    Args:
        settings: the memory that the database may use, and where compiled models are kept.
        samples: published ones.
        choice: of other limits. Limits of other groups stay as they are published, unless it calculates all.
        seeds: the folder of seeds of another checkout. None means those of this installation.

    Raises:
        ConfigurationError: the choice is not possible with these samples, or a seed cannot be read.
    """
    policy = choice.policy or samples.policy
    if choice.group is not None and samples.limits is None:
        raise ConfigurationError("group: this client has no limits yet")
    with opened(settings, samples, policy, seeds) as (connection, project):
        limits = None
        try:
            if choice.group is not None:
                only_group(connection, choice.group)
            build_models(connection, project, GIVEN, [PERCENTILES_MODEL])
            # DuckDB hides the tables of Python models from SQL once it is confined: what follows is SQL only.
            confine(connection, [])
            given: tuple[str, ...] = (*GIVEN, PERCENTILES_MODEL)
            if choice.group is not None:
                limits = set_limits_of(connection, project, choice, policy, given)
                given = (*given, LIMITS_MODEL)
            build_models(connection, project, given, [STATUSES])
        except duckdb.OutOfMemoryException as error:
            raise ConfigurationError("there is not enough memory for this: see TRIBOLAKE_MEMORY_LIMIT") from error
        _check_order(connection)
        return compare(connection, PUBLISHED_STATUSES, JUDGED_STATUSES, limits)


def judge_versions(settings: Settings, samples: PublishedSamples, a: Path, b: Path) -> Judged:
    """Judge the samples of a client by two versions of limits: `judging_limits.parquet` of each."""
    with opened(settings, samples, samples.policy, None) as (connection, project):
        for name, limits in (("a", a), ("b", b)):
            load_limits(connection, limits)
            build_models(connection, project, (*GIVEN, LIMITS_MODEL), [STATUSES])
            connection.execute(f"create table judged_by_{name} as {JUDGED_STATUSES}")
        return compare(connection, "from judged_by_a", "from judged_by_b")


@contextmanager
def opened(
    settings: Settings, samples: PublishedSamples, policy: str, seeds: Path | None, unit: str | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, CompiledProject]]:
    """Open a database with the samples of a client, the limits that judged them, and seeds. It is not confined yet.

    With a unit there are the results of that unit only.
    """
    project = compiled_project(OIL, settings)
    with open_memory(settings) as connection:
        # Python models read tables by the names of their variables. SQL of users is not run here.
        for name, value in QUIET.items():
            if name != "python_enable_replacements":
                connection.execute(f"set {name} = {literal(value)}")
        make_schemas(connection, OIL, project)
        load_seeds(connection, project, GIVEN, [STATUSES, *SEEDS_OF_SAMPLES], seeds)
        load_samples(connection, samples, unit)
        if samples.limits is not None:
            load_limits(connection, samples.limits)
            connection.execute(f"create table {PUBLISHED_LIMITS} as from limits.{LIMITS_MODEL}")
        connection.execute(REQUEST, {"policy": policy})
        known = connection.execute("select count(*) from seeds.policies where policy = $1", [policy]).fetchone()
        if not known or not known[0]:
            raise ConfigurationError(f"the seeds have no policy {policy[:80]!r}")
        yield connection, project


def compare(
    connection: duckdb.DuckDBPyConnection, before: str, after: str, limits: dict[str, Any] | None = None
) -> Judged:
    """Compare two queries of `row_id`, status and points, of the samples of a database of :func:`opened`."""
    (reports,) = connection.execute("select count(*) from published").fetchone() or (0,)
    return Judged(reports, rows_of(connection, COMPARED.format(before=f"({before})", after=f"({after})")), limits)


def _check_order(connection: duckdb.DuckDBPyConnection) -> None:
    found = connection.execute(NOT_IN_ORDER).fetchone()
    if found:
        raise ConfigurationError(f"the limits of {found[0]} would not rise from band to band: a run would refuse them")
