"""Variants of one published sample, judged in memory by the product's own models, with the limits that judged it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.confined_duckdb import confine
from tribolake.oil.limits.published_samples import GIVEN, PublishedSamples
from tribolake.oil.limits.trial import LIMITS_MODEL, PERCENTILES_MODEL, STATUSES, opened
from tribolake.run.compiled_models import CompiledProject
from tribolake.run.memory_build import build_models
from tribolake.settings import Settings

TO_JUDGE = "samples_to_judge"
KEPT = (*GIVEN, PERCENTILES_MODEL, LIMITS_MODEL, TO_JUDGE)
ABSENT = "none"  # a code that no fixed band names
BATCH = 2000  # variants that are judged at once: with 40 results each as many rows as a client has
OF_SAMPLE = """
    select row_id from published
    where laboratory = $laboratory and sampleNumber = $number and sampleOccurrence = $occurrence
"""
# The sample before stays as it was.
ASIDE = f"""
    create table own_sample as select * from silver.samples where row_id = $row_id;
    create table own_results as select * from silver.results where row_id = $row_id;
    create table own_place as select * from changes.{TO_JUDGE} where row_id = $row_id;
    create table samples_before as
    select * from silver.samples where row_id = (select previous_row_id from own_sample);
    create table results_before as
    select * from silver.results where row_id = (select previous_row_id from own_sample);
"""
CHANGED = """
    create or replace table variants as select unnest(range(-$count, 0)) as row_id;
    create or replace table changed as
    select
        unnest($row_ids::bigint[]) as row_id, unnest($essays::varchar[]) as essay,
        unnest($numbers::double[]) as number, unnest($codes::varchar[]) as code
"""
VARIANTS = f"""
    create or replace table silver.samples as
    select * from samples_before
    union all by name
    select own_sample.* replace (variants.row_id as row_id) from own_sample cross join variants;

    create or replace table silver.results as
    select * from results_before
    union all by name
    select
        own_results.* replace (
            variants.row_id as row_id,
            if(changed.essay is null, own_results.calculation_value, changed.number) as calculation_value,
            if(changed.essay is null, own_results.code, changed.code) as code,
            if(changed.essay is null, own_results.censoring, null) as censoring
        )
    from own_results
    cross join variants
    left join changed on variants.row_id = changed.row_id and own_results.essay = changed.essay;

    create or replace table changes.{TO_JUDGE} as
    select own_place.* replace (variants.row_id as row_id) from own_place cross join variants;
"""
SEVERITIES = """
    with severities as (
        select report_status, min_score from seeds.policy_statuses
        where policy = (select policy from policy.active_policy)
    )
"""
JUDGED = f"""
    {SEVERITIES}

    select judged.row_id, judged.report_status, coalesce(severities.min_score, 0)
    from gold.{STATUSES} as judged
    left join severities using (report_status)
    order by judged.row_id
"""
WEIGHTS = f"""
    {SEVERITIES}

    select judged.row_id, judged.essay, judged.status_points, coalesce(severities.min_score, 0)
    from gold.classified_results as judged
    left join severities on judged.status_floor = severities.report_status
    {{where}}
"""
CHANGED_ONLY = "semi join changed on judged.row_id = changed.row_id and judged.essay = changed.essay"
# Where the judgement of a value can change: limits of the group, floors as `macros/oil/judging/floored.sql` has them,
# fixed bands, and half more or less than in the sample before, which lifts a floor. Bounds too many do no harm.
BOUNDS = """
    with judged as (
        select results.*, own_place.fluid
        from gold.classified_results as results
        cross join own_place
        where results.value is not null
    ),

    floors as (
        select
            judged.essay,
            unnest([floors.marginal, floors.condenatorio, floors.critico])
            * if(floors.relative_to = 'median', judged.group_median, 1) as bound
        from judged
        inner join seeds.policy_floors as floors on judged.essay = floors.essay and judged.unit = floors.unit
        where floors.policy = (select policy from policy.active_policy)
    ),

    bounds as (
        select
            essay,
            unnest([
                threshold_normal, threshold_alert, threshold_critic, lower_normal, lower_alert, lower_critic
            ]) as bound
        from judged
        union
        select essay, round(bound, 6) from floors
        union
        select judged.essay, bands.min_value
        from judged
        inner join seeds.policy_fixed_bands as bands on judged.essay = bands.essay and judged.fluid = bands.fluid
        where bands.policy = (select policy from policy.active_policy)
        union
        select
            judged.essay,
            unnest([
                1.5 * before.calculation_value,
                before.calculation_value / 1.5,
                nextafter(before.calculation_value / 1.5, 'infinity'::double)  -- a product is rounded too
            ])
        from judged
        inner join results_before as before on judged.essay = before.essay
    )

    select judged.essay, judged.value, list(bounds.bound order by bounds.bound)
    from judged
    inner join bounds on judged.essay = bounds.essay
    where bounds.bound is not null
    group by judged.essay, judged.value
"""
# Codes of a result, with the rank of the band that each gives.
CODES = """
    select judged.essay, judged.code, list((bands.code, ranks.rank))
    from gold.classified_results as judged
    cross join own_place
    inner join seeds.policy_fixed_bands as bands on judged.essay = bands.essay and own_place.fluid = bands.fluid
    inner join seeds.policy_bands as ranks on bands.policy = ranks.policy and bands.band = ranks.band
    where
        bands.policy = (select policy from policy.active_policy)
        and judged.value is null and judged.code is not null and bands.code is not null
    group by judged.essay, judged.code
"""


@dataclass(frozen=True)
class ReportName:
    """What names a report of a client, and the unit that its sample is of."""

    laboratory: str
    number: str
    occurrence: str
    unit: str


@dataclass(frozen=True)
class Measured:
    """A result that is a number, and in rising order the bounds at which its judgement may change."""

    essay: str
    value: float
    bounds: tuple[float, ...]


@dataclass(frozen=True)
class Coded:
    """A result that is a code, and the rank of the band that each code of its essay gives."""

    essay: str
    code: str
    ranks: dict[str, int]


@dataclass(frozen=True)
class Changed:
    """Another result of an essay: a number, or a code."""

    essay: str
    number: float | None = None
    code: str | None = None


Variant = tuple[Changed, ...]
Weight = tuple[int, int]  # points of a result that count for the status, and the severity of the status that it demands


@dataclass(frozen=True)
class Judgement:
    """The status of a variant, how severe it is, and the weight of each result that was changed."""

    status: str
    severity: int
    weights: dict[str, Weight]


@dataclass(frozen=True)
class SampleJudge:
    """A sample in a database. `own` is its judgement as it is, with the weights of all its results."""

    connection: duckdb.DuckDBPyConnection
    project: CompiledProject
    own: Judgement
    measured: tuple[Measured, ...]
    coded: tuple[Coded, ...]

    def judge(self, variants: Sequence[Variant]) -> list[Judgement]:
        """Judge at most `BATCH` variants of the sample. Returns their judgements in this order."""
        return _judge(self.connection, self.project, variants, CHANGED_ONLY) if variants else []


@contextmanager
def opened_sample(settings: Settings, samples: PublishedSamples, name: ReportName) -> Iterator[SampleJudge]:
    """Open a database in which variants of a sample are judged.

    Args:
        settings: the memory that the database may use, and where compiled models are kept.
        samples: of its publication, with the limits and the policy that judged it.
        name: of its report.

    Raises:
        ConfigurationError: there is no such sample, or not enough memory.
    """
    try:
        with opened(settings, samples, samples.policy, None, name.unit) as (connection, project):
            if samples.limits is None:
                # Without groups the models make a table of limits that is empty.
                connection.execute("delete from limits.limit_decisions")
                build_models(connection, project, GIVEN, [LIMITS_MODEL])
            build_models(connection, project, (*GIVEN, LIMITS_MODEL), [TO_JUDGE])
            # What follows is SQL only: see `trial.judge_choice`.
            confine(connection, [])
            key = {"laboratory": name.laboratory, "number": name.number, "occurrence": name.occurrence}
            found = connection.execute(OF_SAMPLE, key).fetchone()
            if found is None:
                raise ConfigurationError("there is no such sample")
            connection.execute(ASIDE.replace("$row_id", str(int(found[0]))))
            own = _judge(connection, project, [()], "")
            if not own:
                raise ConfigurationError("the policy does not take this sample")
            measured = tuple(
                Measured(essay, value, tuple(bounds))
                for essay, value, bounds in connection.execute(BOUNDS).fetchall()
                if math.isfinite(value)
            )
            coded = tuple(
                Coded(essay, code, {ABSENT: 0} | dict(ranks))
                for essay, code, ranks in connection.execute(CODES).fetchall()
            )
            yield SampleJudge(connection, project, own[0], measured, coded)
    except duckdb.OutOfMemoryException as error:
        raise ConfigurationError("there is not enough memory for this: see TRIBOLAKE_MEMORY_LIMIT") from error


def _judge(
    connection: duckdb.DuckDBPyConnection, project: CompiledProject, variants: Sequence[Variant], which: str
) -> list[Judgement]:
    rows = [(at - len(variants), one) for at, variant in enumerate(variants) for one in variant]
    create_variants, create_changed = CHANGED.split(";")
    connection.execute(create_variants, {"count": len(variants)})
    connection.execute(
        create_changed,
        {
            "row_ids": [row_id for row_id, _ in rows],
            "essays": [one.essay for _, one in rows],
            "numbers": [one.number for _, one in rows],
            "codes": [one.code for _, one in rows],
        },
    )
    connection.execute(VARIANTS)
    build_models(connection, project, KEPT, [STATUSES])
    weights: dict[int, dict[str, Weight]] = {}
    for row_id, essay, points, severity in connection.execute(WEIGHTS.format(where=which)).fetchall():
        weights.setdefault(row_id, {})[essay] = (points, severity)
    judged = connection.execute(JUDGED).fetchall()
    return [Judgement(status, severity, weights.get(row_id, {})) for row_id, status, severity in judged]
