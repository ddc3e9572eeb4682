"""What the current publication of a client changed, by the entries that `logs/changes.jsonl` has of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tribolake.errors import ContractBroken
from tribolake.lake.objects import Objects, ObjectUnreadable
from tribolake.oil.contract import MACHINES, REPORTS
from tribolake.publish.version import CHANGES_FILE
from tribolake.trace.manifests import Publication

MOST_BYTES = 1024 * 1024  # an entry has at most ten records of each entity


@dataclass(frozen=True)
class ChangedMachine:
    """A machine whose status a publication changed."""

    unit: str
    before: str
    after: str


@dataclass(frozen=True)
class PublishedChange:
    """What a publication changed of a client: reports, and machines whose status is another one.

    `machines` has at most ten, `machines_changed` is the number of all. `is_first` says that nothing was published
    before.
    """

    client: str
    at: str
    added: int
    changed: int
    removed: int
    is_first: bool
    machines_changed: int
    machines: tuple[ChangedMachine, ...]


def last_change(published: Objects, publication: Publication) -> PublishedChange | None:
    """Return what a current publication changed, from its own folder. Returns None if it does not say.

    Raises:
        ContractBroken: what it says cannot be read.
    """
    key = f"{publication.folder}/{CHANGES_FILE}"
    try:
        content = published.read(key, MOST_BYTES)
        if content is None:
            return None
        entities = {entry["entity"]: entry for entry in json.loads(content)}
        reports, machines = entities[REPORTS.name], entities[MACHINES.name]
        changed = [ChangedMachine(*_named(record)) for record in machines["sample"] if _has_new_status(record)]
        return PublishedChange(
            publication.client,
            publication.began_at.isoformat(),
            added=int(reports["added"]),
            changed=int(reports["changed"]),
            removed=int(reports["removed"]),
            is_first=not reports["old_count"],
            machines_changed=sum(map(int, machines["transitions"].values())),
            machines=tuple(changed),
        )
    except (ValueError, KeyError, TypeError, AttributeError, ObjectUnreadable) as error:
        raise ContractBroken(f"{published.address(key)} is not a list of changes: {error!r}") from error


def _has_new_status(record: Mapping[str, Any]) -> bool:
    return bool(record["change"] == "changed" and record["before"] != record["after"])


def _named(record: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(record["key"]["unit_id"]), str(record["before"]), str(record["after"])
