"""Samples of a publication as the tables that models read, so that the models judge them again without a warehouse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.objects import Objects
from tribolake.oil.contract import REPORTS, RESULTS
from tribolake.oil.limits.versions import JUDGING_LIMITS, LIMITS, STEWART_LIMITS
from tribolake.trace.find import fetch_version
from tribolake.trace.manifests import Publication, current_publication

# Models of silver and of changes that these tables stand for.
GIVEN = ("samples", "results", "int_sample_revisions", "touched_rows", "touched_components", "limit_decisions")
PUBLISHED = """
    create table published as
    select
        row_number() over (order by laboratory, sampleNumber, sampleOccurrence) as row_id,
        client, laboratory, sampleNumber, sampleOccurrence, unitId, machineName, machineModel, componentName,
        componentNameNormalized, componentHours, fluid, is_machine_known, sampleDate, sampleTimestamp,
        previousSampleNumber, previousSampleDate, labVerdict, sourceSheet, report_status, classification_score, policy
    from read_parquet($reports)
"""
# The sample before may be one that the policy left out.
SAMPLES = """
    create table silver.samples as
    with chained as (
        select
            *,
            lag(row_id) over history as before_row_id,
            (lag(sampleNumber) over history, lag(sampleDate) over history)
            is not distinct from (previousSampleNumber, previousSampleDate) as is_before
        from published
        window history as (
            partition by unitId, componentName
            order by sampleDate, sampleTimestamp, sampleNumber, laboratory, sampleOccurrence
        )
    )
    select * exclude (before_row_id, is_before), if(is_before, before_row_id, null) as previous_row_id from chained
"""
RESULTS_OF_SAMPLES = """
    create table silver.results as
    select
        samples.row_id, results.essay, results.essay_group, results.unit, results.value as calculation_value,
        results.code, results.censoring, results.rejection
    from read_parquet($results) as results
    inner join published as samples using (laboratory, sampleNumber, sampleOccurrence)
    where $unit is null or results.unitId = $unit
"""
# A sheet is one of those that the laboratory's seed declares, or any other.
REVISIONS = """
    create table silver.int_sample_revisions as
    select samples.row_id, coalesce(sheets.sheet, '*') as declared_sheet, now() as first_arrived_at
    from published as samples
    left join seeds.lab_sheets as sheets
        on samples.laboratory = sheets.laboratory and lower(trim(samples.sourceSheet)) = lower(sheets.sheet)
"""
EVERYTHING_IS_TOUCHED = """
    create table changes.touched_rows as
    select row_id, client, laboratory, sampleNumber, sampleOccurrence, unitId from published limit 0;
    create table changes.touched_components as select distinct client, unitId, componentName from published;
    create table limits.limit_decisions as
    select distinct client, machineName as machine, componentNameNormalized as component, true as is_recalculated
    from published
    where machineName is not null and componentNameNormalized is not null
"""


@dataclass(frozen=True)
class PublishedSamples:
    """Files of a client's publication, on this machine. They never change, so they name what was judged."""

    client: str
    policy: str
    reports: Path
    results: Path
    version: str  # of the limits that judged. A client whose groups have too few samples has none
    limits: Path | None  # all limits of that version


def published_samples(published: Objects, client: str) -> PublishedSamples:
    """Find the samples of the current publication of a client, and the limits that judged them.

    Raises:
        ConfigurationError: nothing of the client is published, or nothing that can be judged again.
    """
    publication = current_publication(published, client)
    if publication is None:
        raise ConfigurationError(f"nothing of client {client[:80]!r} is published: start `tribolake run`")
    if publication.sha256_of(RESULTS.file_name) is None:
        raise ConfigurationError(f"an earlier release published {client}: `tribolake run` publishes it again")
    reports, results, of_machines = (
        _file(published, publication, name)
        for name in (REPORTS.file_name, RESULTS.file_name, f"{STEWART_LIMITS}.parquet")
    )
    version = _only(of_machines, "limits_version")
    limits = fetch_version(published, LIMITS, version, JUDGING_LIMITS) if version else None
    return PublishedSamples(client, _only(reports, "policy") or "", reports, results, version or "", limits)


def judged_by(samples: PublishedSamples, published: Objects, version: str | None, policy: str) -> PublishedSamples:
    """Return samples with the limits and the policy that judged a report. Without a version its group had no limits."""
    if version is None or version == samples.version:
        return replace(samples, policy=policy)
    limits = fetch_version(published, LIMITS, version, JUDGING_LIMITS)
    return replace(samples, policy=policy, version=version, limits=limits)


def load_samples(connection: duckdb.DuckDBPyConnection, samples: PublishedSamples, unit: str | None = None) -> None:
    """Make the tables of `GIVEN`. The seed `lab_sheets` and the schemas of a warehouse are there.

    With a unit there are the results of that unit only.
    """
    connection.execute(PUBLISHED, {"reports": str(samples.reports)})
    connection.execute(SAMPLES)
    connection.execute(RESULTS_OF_SAMPLES, {"results": str(samples.results), "unit": unit})
    connection.execute(REVISIONS)
    connection.execute(EVERYTHING_IS_TOUCHED)


def _file(published: Objects, publication: Publication, name: str) -> Path:
    return published.fetch(f"{publication.folder}/{name}", publication.sha256_of(name))


@lru_cache(maxsize=64)
def _only(file: Path, column: str) -> str | None:
    """Return the value of a column that all rows share, or None without rows. Published files never change."""
    with duckdb.connect() as connection:
        row = connection.execute(f"select any_value({column}) from read_parquet($1)", [str(file)]).fetchone()
    return str(row[0]) if row and row[0] is not None else None
