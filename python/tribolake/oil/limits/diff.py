"""Compare two versions of limits: limits that moved, and samples whose status they would change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.entry import standing
from tribolake.oil.feedback.shelf import read_feedback
from tribolake.oil.limits.impact import Impact, impact_of
from tribolake.oil.limits.published_samples import published_samples
from tribolake.oil.limits.trial import judge_versions
from tribolake.oil.limits.versions import JUDGING_LIMITS, LIMITS
from tribolake.run.warehouse import rows_of
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


@dataclass(frozen=True)
class LimitsDiff:
    """Limits that moved from version `a` to `b`, and what that does to the published samples."""

    client: str
    a: str
    b: str
    limits: list[dict[str, Any]]
    impact: Impact

    def as_dict(self) -> dict[str, Any]:
        fields = self.impact.as_dict()
        samples = fields.pop("changed")
        return {
            "client": self.client, "a": self.a, "b": self.b, "limits": self.limits, "samples": samples, **fields,
        }  # fmt: skip


def diff_limits(settings: Settings, a: str, b: str) -> LimitsDiff:
    """Judge every published sample of a client by both versions, with the project's own models.

    Raises:
        ConfigurationError: a version is unknown, the two belong to different clients, or nothing is published.
    """
    published = open_objects(settings)
    files = {version: fetch_version(published, LIMITS, version, JUDGING_LIMITS) for version in (a, b)}
    clients = {version: client_of(path) for version, path in files.items()}
    if clients[a] != clients[b]:
        raise ConfigurationError(f"{a} holds limits of {clients[a]}, {b} of {clients[b]}: compare one client's")
    judged = judge_versions(settings, published_samples(published, clients[a]), files[a], files[b])
    with duckdb.connect() as connection:
        moved = rows_of(connection, MOVED, {"a": str(files[a]), "b": str(files[b])})
    entries = standing(read_feedback(published, clients[a]).entries)
    return LimitsDiff(clients[a].upper(), a, b, moved, impact_of(judged, entries))
