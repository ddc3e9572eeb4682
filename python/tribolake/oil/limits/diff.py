"""Compare two versions of limits: limits that moved, and samples whose status they would change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.alerts import key_of_sample
from tribolake.oil.feedback.entry import Entry, standing
from tribolake.oil.feedback.shelf import read_feedback
from tribolake.oil.limits.judging import JUDGES, borrow_warehouse, judge
from tribolake.oil.limits.versions import JUDGING_LIMITS, LIMITS
from tribolake.oil.product import OIL
from tribolake.run.dbt import Dbt
from tribolake.run.warehouse import open_built, rows_of
from tribolake.settings import Settings
from tribolake.trace.find import client_of, fetch_version

# A version of an earlier release says no units: each essay had one scale.
MOVED = """
    with
    no_units as (select cast(null as varchar) as unit where false),
    a as (from read_parquet($a) union all by name from no_units),
    b as (from read_parquet($b) union all by name from no_units)
    select
        coalesce(a.machine, b.machine) as machine,
        coalesce(a.machine_model, b.machine_model) as machine_model,
        coalesce(a.component, b.component) as component,
        coalesce(a.essay, b.essay) as essay, coalesce(a.unit, b.unit) as unit,
        case when a.essay is null then 'added' when b.essay is null then 'removed' else 'moved' end as change,
        a.threshold_normal as normal_before, b.threshold_normal as normal_after,
        a.threshold_alert as alert_before, b.threshold_alert as alert_after,
        a.threshold_critic as critic_before, b.threshold_critic as critic_after,
        a.n as n_before, b.n as n_after
    from a
    full join b
        on a.grain = b.grain and a.machine = b.machine and a.component = b.component and a.essay = b.essay
        and a.machine_model is not distinct from b.machine_model and coalesce(a.unit = b.unit, true)
    where (
        a.threshold_normal, a.threshold_alert, a.threshold_critic, a.lower_normal, a.lower_alert, a.lower_critic
    ) is distinct from (
        b.threshold_normal, b.threshold_alert, b.threshold_critic, b.lower_normal, b.lower_alert, b.lower_critic
    )
    order by all
"""
CHANGED = """
    select
        a.unitId as unit_id, a.componentName as component, a.sampleNumber as sample_number,
        a.laboratory, a.sampleOccurrence as sample_occurrence,
        a.sampleDate as sample_date, a.report_status as status_before, b.report_status as status_after,
        a.classification_score as score_before, b.classification_score as score_after
    from reports_a as a
    inner join reports_b as b using (client, laboratory, sampleNumber, sampleOccurrence)
    where a.report_status <> b.report_status
    order by a.sampleDate desc, a.unitId, a.componentName, a.sampleNumber, a.sampleOccurrence
"""
OUTCOMES = ("confirmed", "false_alarm")  # feedback that says whether an alarm was right


@dataclass(frozen=True)
class LimitsDiff:
    """Limits that moved from version `a` to `b`, and samples whose status they would change."""

    client: str
    a: str
    b: str
    limits: list[dict[str, Any]]
    samples: list[dict[str, Any]]  # `feedback` has `confirmed` or `false_alarm` if somebody said so

    def said(self, kind: str) -> int:
        """Return the number of samples of which somebody said this."""
        return sum(kind in sample["feedback"] for sample in self.samples)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def diff_limits(settings: Settings, a: str, b: str) -> LimitsDiff:
    """Judge every sample of a client by both versions, with the project's own models.

    Raises:
        ConfigurationError: a version is unknown, or the two belong to different clients.
    """
    published = open_objects(settings)
    files = {version: fetch_version(published, LIMITS, version, JUDGING_LIMITS) for version in (a, b)}
    clients = {version: client_of(path) for version, path in files.items()}
    if clients[a] != clients[b]:
        raise ConfigurationError(f"{a} holds limits of {clients[a]}, {b} of {clients[b]}: compare one client's")
    with open_built(settings, "limits", "int_evaluated_samples"):
        pass  # a machine that fetched the limits from S3 may have no warehouse
    with Dbt(OIL, settings) as dbt:
        judges = dbt.compile(JUDGES)
    with duckdb.connect() as connection:
        moved = rows_of(connection, MOVED, {"a": str(files[a]), "b": str(files[b])})
        connection.execute("attach ':memory:' as warehouse; use warehouse")
        borrow_warehouse(connection, settings.warehouse, judges, clients[a])
        for name, version in (("a", a), ("b", b)):
            judge(connection, judges, files[version])
            connection.execute(f"create table memory.main.reports_{name} as from gold.classified_reports")
        connection.execute("use memory")
        changed = rows_of(connection, CHANGED)
    stand = standing(read_feedback(published, clients[a].lower()).entries)
    return LimitsDiff(clients[a].upper(), a, b, moved, with_feedback(changed, stand))


def with_feedback(samples: Sequence[dict[str, Any]], entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return rows of samples with `feedback`: the kinds of what stands of each, `confirmed` and `false_alarm` only."""
    kinds: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for entry in entries:
        if entry.kind in OUTCOMES:
            kinds[entry.sample].add(entry.kind)
    return [sample | {"feedback": sorted(kinds.get(key_of_sample(sample), ()))} for sample in samples]
