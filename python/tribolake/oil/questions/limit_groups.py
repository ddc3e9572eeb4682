"""Find published limits of groups: those that judge today, those of one group, and the versions that it had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from tribolake.lake.confined_duckdb import confine
from tribolake.lake.objects import Objects
from tribolake.oil.limits.choice import LimitGroup
from tribolake.oil.limits.other_limits import OF_GROUP
from tribolake.oil.limits.versions import JUDGING_LIMITS, LIMITS
from tribolake.oil.questions.limits import THRESHOLDS, judging_grain
from tribolake.oil.seeds import read_seed
from tribolake.run.warehouse import rows_of
from tribolake.trace.find import versions_folder

READ_VERSIONS = 100  # the newest ones of all clients
KEPT_FILES = 16
# Versions of earlier releases say no units and no median.
FILES = """(
    from read_parquet($files, union_by_name = true, filename = true)
    union all by name
    select cast(null as varchar) as unit, cast(null as double) as p50 where false
)"""
OF_CLIENT = f"""
    select *
    from {FILES}
    where grain = $grain
    order by machine, machine_model, component, essay, unit
"""
VERSIONS = f"""
    select filename, {", ".join(THRESHOLDS)}, n, quality
    from {FILES}
    where {OF_GROUP}
"""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class LimitFilter:
    """Which limits are shown. Empty texts mean all. `machine` is a kind of machine or a model."""

    machine: str = ""
    component: str = ""
    essay: str = ""

    def includes(self, row: Row) -> bool:
        return (
            self.machine in ("", row["machine"], row["machine_model"])
            and self.component in ("", row["component"])
            and self.essay in ("", row["essay"])
        )


@dataclass(frozen=True)
class LimitVersion:
    """Limits of a group that a version changed, when it was published first, and what it changed."""

    version: str
    published_at: datetime
    limits: Row


def limits_in(file: Path | None, policy: str) -> Sequence[Row]:
    """Return the limits of a version that judge under a policy, by machine, model, component and essay."""
    return _limits_in(str(file), judging_grain(policy)) if file else ()


@lru_cache(maxsize=KEPT_FILES)
def _limits_in(file: str, grain: str) -> Sequence[Row]:
    return _ask(OF_CLIENT, [file], {"grain": grain})


def group_of(row: Row) -> LimitGroup:
    """Return the group that limits are of."""
    return LimitGroup(
        row["client"], row["grain"], row["machine"], row["machine_model"] or "", row["component"], row["essay"],
        row["unit"] or "",
    )  # fmt: skip


def versions_of(published: Objects, group: LimitGroup) -> list[LimitVersion]:
    """Return the versions that changed the limits of a group, the newest first.

    Of many versions the newest 100 are read. Objects of versions never change.
    """
    files = [
        file
        for file in published.files(versions_folder(published, LIMITS))
        if file.key.endswith(f"/{JUDGING_LIMITS}.parquet")
    ]
    newest = sorted(files, key=lambda file: file.modified_at)[-READ_VERSIONS:]
    if not newest:
        return []
    found = {str(published.fetch(file.key)): file for file in newest}
    limits = {row["filename"]: row for row in _ask(VERSIONS, list(found), asdict(group))}
    versions: list[LimitVersion] = []
    for path, file in found.items():
        row = limits.get(path)
        if row is None or (versions and _same(versions[-1].limits, row)):
            continue
        versions.append(LimitVersion(file.key.split("/")[-2], file.modified_at, row))
    return versions[::-1]


def floors_of(group: LimitGroup, policy: str) -> list[dict[str, str]]:
    """Return the floors of a group: rows of the seed `policy_floors`. Those of every family come last."""
    rows = [
        row
        for row in read_seed("policy_floors")
        if (row["policy"], row["essay"], row["unit"]) == (policy, group.essay, group.unit)
        and {group.component, "*"} & set(row["components"].split("|"))
    ]
    return sorted(rows, key=lambda row: "*" in row["components"].split("|"))


def fixed_bands_of(essay: str, policy: str) -> list[dict[str, str]]:
    """Return the fixed bands of an essay: rows of the seed `policy_fixed_bands`."""
    return [row for row in read_seed("policy_fixed_bands") if (row["policy"], row["essay"]) == (policy, essay)]


def _same(a: Row, b: Row) -> bool:
    return all(a[name] == b[name] for name in THRESHOLDS)


def _ask(sql: str, files: Sequence[str], asked: Mapping[str, object]) -> list[dict[str, Any]]:
    """Answer a question about Parquet files, from a database that reads them and nothing else."""
    with duckdb.connect(config={"memory_limit": "400MB", "threads": 1}) as connection:
        confine(connection, files)
        return rows_of(connection, sql, {"files": list(files), **asked})
