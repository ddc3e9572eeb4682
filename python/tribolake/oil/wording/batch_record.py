"""What was asked of a batch, as a file in the state folder: written before the batch is made, so that none is lost."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tribolake.oil.wording.configuration import configuration_of
from tribolake.oil.wording.pattern import Pattern, Rule, expert_rules
from tribolake.oil.wording.wording import Configuration, canonical_json
from tribolake.publish.files import sync_folder, write_durably
from tribolake.settings import Settings

FOLDER = "batches"


@dataclass(frozen=True)
class BatchRecord:
    """A batch that was asked for, or is about to be; `batch_id` is the endpoint's name for it, once that is known."""

    name: str
    made_at: str  # ISO 8601, UTC
    configuration: Configuration
    patterns: dict[str, Pattern]  # by cache key
    batch_id: str | None = None
    endpoint: str = ""  # its address; earlier releases did not write it down

    @property
    def age_seconds(self) -> float:
        return (datetime.now(UTC) - datetime.fromisoformat(self.made_at)).total_seconds()

    @property
    def shown_name(self) -> str:
        """What people find it by: the endpoint's name, or ours where nobody knows yet whether the endpoint has it."""
        return self.batch_id or self.name

    def with_id(self, batch_id: str) -> BatchRecord:
        return replace(self, batch_id=batch_id)


def open_records(settings: Settings) -> list[BatchRecord]:
    """Batches that were not collected to their end, oldest first."""
    return [_read(path) for path in sorted(_folder(settings).glob("*.json"))]


def awaited_keys(settings: Settings) -> frozenset[str]:
    """Cache keys that batches were asked for: nobody else asks for them meanwhile."""
    return frozenset(key for record in open_records(settings) for key in record.patterns)


def batches_by_pattern(settings: Settings) -> dict[str, str]:
    """Which batch was asked for a pattern as the rules and settings of today have it, by the pattern's text."""
    configuration, rules = configuration_of(settings), expert_rules(settings.language)
    return {
        pattern.text: record.shown_name
        for record in open_records(settings)
        for pattern in record.patterns.values()
        if record.configuration == configuration and all(rules.get(rule.rule_id) == rule for rule in pattern.rules)
    }


def save(settings: Settings, record: BatchRecord) -> None:
    """Write a record durably; a reader finds the old one or the new one."""
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{record.name}"
    write_durably(aside, canonical_json(asdict(record)))
    aside.replace(file_of(settings, record))
    sync_folder(folder)
    sync_folder(folder.parent)


def close(settings: Settings, record: BatchRecord) -> None:
    """A batch is collected, was never made, or is given up: nobody waits for it any more."""
    file_of(settings, record).unlink(missing_ok=True)
    sync_folder(_folder(settings))


def file_of(settings: Settings, record: BatchRecord) -> Path:
    """Where a record is kept."""
    return _folder(settings) / f"{record.name}.json"


def _folder(settings: Settings) -> Path:
    return settings.state / FOLDER


def _read(path: Path) -> BatchRecord:
    said: dict[str, Any] = json.loads(path.read_bytes())
    patterns = {key: _pattern(pattern) for key, pattern in said["patterns"].items()}
    return BatchRecord(**said | {"configuration": Configuration(**said["configuration"]), "patterns": patterns})


def _pattern(said: dict[str, Any]) -> Pattern:
    rules = tuple(Rule(**rule) for rule in said["rules"])
    return Pattern(**said | {"rules": rules, "slots": tuple(said["slots"])})
