"""Trace a published file, a sample, or a version of limits to bronze."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.objects import ObjectNotFound, Objects
from tribolake.lake.replicas import open_objects
from tribolake.oil.limits.lineage import decisions_of
from tribolake.oil.limits.versions import LIMITS, STEWART_LIMITS
from tribolake.oil.product import OIL
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings
from tribolake.trace.chain import TracedFile, TracedRun
from tribolake.trace.find import client_of, fetch_version, find, find_gold, versions_folder
from tribolake.trace.manifests import (
    Publication,
    current_publication,
    publication_of_run,
    published_clients,
    published_runs,
)
from tribolake.trace.names import checked_client, is_version
from tribolake.trace.origin import Origin, is_gold, origin_of

REPORTS = "classified_reports"
# An earlier release knew one sample of each number.
SAMPLE = """
    select
        sampleNumber as sample_number, coalesce(sampleOccurrence, '') as sample_occurrence, laboratory,
        unitId as unit_id, componentName as component,
        machineName as machine, componentNameNormalized as component_family, sampleDate as sample_date, report_status,
        classification_score, severity_score, breached_essays, limits_version, limits_source, policy,
        sourceFile as source_file, sourceSheet as source_sheet, sourceRow as source_row, sourceSha256 as source_sha256
    from (from read_parquet($path) union all by name select null::varchar as sampleOccurrence where false)
    where $number in (sampleNumber, sampleNumber || '@' || sampleOccurrence)
    order by laboratory, sample_date, sample_occurrence
"""
JUDGED_BY = """
    select limits_version as version, count(*) as reports
    from read_parquet($path)
    where limits_version is not null
    group by limits_version
    order by reports desc, version
"""
NO_WAREHOUSE = (
    "why limits {version} were calculated is not known here: the warehouse has the history of its versions. This "
    "machine has the warehouse after a `tribolake run`"
)


@dataclass(frozen=True)
class TracedLimits:
    """A version of limits, the number of reports it judged, and the decisions that calculated it, if known."""

    version: str
    address: str
    reports: int | None
    decisions: list[dict[str, Any]]


@dataclass(frozen=True)
class Lineage:
    """The origin of a file, a sample or limits.

    `sources` are bronze contents: key, version_id (null in a folder), sha256, bytes. `notes` say what is unknown.
    """

    what: str
    kind: Literal["file", "sample", "limits"]
    client: str
    run: TracedRun | None
    file: TracedFile | None = None
    sample: dict[str, Any] | None = None
    limits: list[TracedLimits] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def lineage_of(settings: Settings, what: str, client: str | None = None) -> Lineage:
    """Trace a published file, a sample, or a version of limits to versions of bronze files.

    Args:
        settings: the lake.
        what: an `s3://` address or a path of a published file, a version of limits, or a sample number. Of a number
            with several samples `NUMBER@OCCURRENCE` is one.
        client: the client of the sample. None means any.

    Raises:
        ConfigurationError: `what` is not found, or several clients have the sample.
    """
    origin = origin_of(OIL, settings, what)
    if origin:
        return _trace_file(what, origin)
    published = open_objects(settings)
    if is_version(LIMITS, what) and what in published.folders(versions_folder(published, LIMITS)):
        return _trace_limits(settings, published, what, what)
    return _trace_sample(settings, published, what, client)


def _trace_file(what: str, origin: Origin) -> Lineage:
    settings = origin.settings
    if origin.publication is None:
        chain = _trace_limits(settings, origin.published, what, str(origin.version))
        return Lineage(
            what, "file", chain.client, chain.run, origin.file, None, chain.limits, chain.sources,
            [*origin.notes, *chain.notes],
        )  # fmt: skip
    publication, notes = origin.publication, list(origin.notes)
    limits = []
    if is_gold(publication, origin.file):  # files of samples are not judged
        limits = _judging_limits(settings, origin.published, publication, notes)
    return Lineage(
        what, "file", publication.client, TracedRun.of(origin.published, publication), origin.file, None, limits,
        publication.sources, notes,
    )  # fmt: skip


def _judging_limits(
    settings: Settings, published: Objects, publication: Publication, notes: list[str]
) -> list[TracedLimits]:
    """List the versions of limits that judged the reports of a publication."""
    try:
        reports = find_gold(published, OIL.contract, publication, REPORTS).path
    except ObjectNotFound as error:
        notes.append(f"the limits of its reports are not known: {error}")
        return []
    with duckdb.connect() as connection:
        judged = rows_of(connection, JUDGED_BY, {"path": str(reports)})
    return [
        _traced_limits(settings, published, publication.client, row["version"], row["reports"], None, notes)
        for row in judged
    ]


def _traced_limits(
    settings: Settings,
    published: Objects,
    client: str,
    version: str,
    reports: int | None,
    group: tuple[str, str] | None,
    notes: list[str],
) -> TracedLimits:
    decisions = decisions_of(settings, client, version, group)
    if decisions is None:
        notes.append(NO_WAREHOUSE.format(version=version))
    address = published.address(f"{versions_folder(published, LIMITS)}/{version}")
    return TracedLimits(version, address, reports, decisions or [])


def _trace_limits(settings: Settings, published: Objects, what: str, version: str) -> Lineage:
    client, notes = client_of(fetch_version(published, LIMITS, version, STEWART_LIMITS)), list[str]()
    client = checked_client(client)
    limits = _traced_limits(settings, published, client, version, None, None, notes)
    publication = _find_publication(published, client, version, limits, notes)
    run = TracedRun.of(published, publication) if publication else None
    sources = publication.sources if publication else []
    return Lineage(what, "limits", client, run, None, None, [limits], sources, notes)


def _find_publication(
    published: Objects, client: str, version: str, limits: TracedLimits, notes: list[str]
) -> Publication | None:
    """Find the publication of the run that calculated a version, by its decisions or by its time."""
    if limits.decisions:
        run_id = max(decision["run_id"] for decision in limits.decisions)
        try:
            return publication_of_run(published, client, run_id)
        except ConfigurationError:
            notes.append(f"run {run_id}, which calculated these limits, did not publish client {client!r} itself")
    stored = [file.modified_at for file in published.files(f"{versions_folder(published, LIMITS)}/{version}")]
    # A publication has the time at which its run began. Limits are stored before gold.
    for run_id in published_runs(published, client):
        publication = publication_of_run(published, client, run_id)
        if publication.began_at <= max(stored):
            notes.append(f"run {run_id} was found by time: the limits were stored while it ran")
            return publication
    notes.append("no known run was active when these limits were stored, so their bronze is not known")
    return None


def _trace_sample(settings: Settings, published: Objects, number: str, client: str | None) -> Lineage:
    clients = [checked_client(client)] if client else published_clients(published)
    found: list[tuple[str, dict[str, Any]]] = []
    for name in clients:
        reports = find(OIL, settings, REPORTS, name).path
        with duckdb.connect() as connection:
            rows = rows_of(connection, SAMPLE, {"path": str(reports), "number": number})
            found += [(name, row) for row in rows]
    if not found:
        raise ConfigurationError(
            f"{number[:120]!r} is unknown: no published file, no version of limits and no sample with a report of "
            f"{', '.join(clients) or 'any client'}: rows that cannot be used are in `tribolake arrivals list --failed`"
        )
    owners = sorted({name for name, _ in found})
    if len(owners) > 1:
        raise ConfigurationError(f"several clients have sample {number!r}: give --client {' or '.join(owners)}")
    return _trace_report(settings, published, number, *found[0], others=found[1:])


def _trace_report(
    settings: Settings,
    published: Objects,
    number: str,
    client: str,
    report: dict[str, Any],
    others: list[tuple[str, dict[str, Any]]],
) -> Lineage:
    notes = [
        f"laboratory {other['laboratory']} also has a sample with this number, of {other['unit_id']} "
        f"{other['component']} of {other['sample_date']}"
        + (f": {other['sample_number']}@{other['sample_occurrence']}" if other["sample_occurrence"] else "")
        for _, other in others
    ]
    publication = current_publication(published, client)
    assert publication is not None  # noqa: S101 - its report was just read
    sources = [source for source in publication.sources if source["sha256"] == report["source_sha256"]]
    if not sources:
        notes.append(f"the manifest does not name the file with SHA-256 {report['source_sha256']}")
    limits = []
    if report["limits_version"]:
        group = (report["machine"], report["component_family"])
        limits.append(_traced_limits(settings, published, client, report["limits_version"], None, group, notes))
    else:
        notes.append("no limits judged this sample: its machine is unknown, or its group has too few samples")
    return Lineage(number, "sample", client, TracedRun.of(published, publication), None, report, limits, sources, notes)
