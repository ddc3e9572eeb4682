"""Write the status of a lake as metrics, in the text format of Prometheus and OpenMetrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from tribolake.oil.status import LakeStatus
from tribolake.run.attempt import FAILED

METRIC = "tribolake"


def metrics_of(status: LakeStatus) -> str:
    """Return a status as OpenMetrics text."""
    attempt = status.attempt or {}
    last = attempt if attempt.get("ended_at") else attempt.get("last") or {}
    watcher = status.watcher or {}
    health = status.health or {"code": FAILED}
    clients = {one["client"] for one in [*status.published, *status.rejected, *status.held_back]}
    rejected = dict.fromkeys(sorted(clients), 0)
    for one in status.rejected:
        rejected[one["client"]] += one["rejected"]
    held = {one["client"] for one in status.held_back}
    families: list[tuple[str, str, Iterable[tuple[dict[str, str], float | None]]]] = [
        ("health_code", "0 well, 4 a person should look, 1 failed or stale.", [({}, health["code"])]),
        (
            "published_timestamp_seconds",
            "When the gold that readers see was published.",
            [({"client": one["client"]}, _seconds(one["published_at"])) for one in status.published],
        ),
        ("reports", "Published reports.", [_labelled(one, "reports") for one in status.reports]),
        ("waiting_files", "Files that no run has taken.", [({}, len(status.waiting_files))]),
        (
            "oldest_waiting_timestamp_seconds",
            "Modification time of the oldest.",
            [({}, _seconds(status.waiting_since))],
        ),
        ("failed_files", "Files that cannot be read.", [({}, len(status.failed_files))]),
        ("rejected", "Things that are not used.", [({"client": name}, count) for name, count in rejected.items()]),
        (
            "held_back",
            "1 if a client is held back.",
            [({"client": name}, float(name in held)) for name in sorted(clients)],
        ),
        ("attempt_exit_code", "Exit code of the last run that ended.", [({}, last.get("exit_code"))]),
        ("attempt_ended_timestamp_seconds", "When it ended.", [({}, _seconds(last.get("ended_at")))]),
        ("attempt_duration_seconds", "Its duration.", [({}, last.get("seconds"))]),
        (
            "attempt_stage_seconds",
            "Duration of its stages.",
            [({"stage": name}, seconds) for name, seconds in last.get("stages", {}).items()],
        ),
        ("failing_since_timestamp_seconds", "When runs began to fail.", [({}, _seconds(last.get("failing_since")))]),
        ("watcher_alive", "1 if a watcher runs.", [({}, float(watcher["alive"]) if watcher else None)]),
        ("watcher_lag_seconds", "Age of the oldest complete file.", [({}, watcher.get("lag_seconds"))]),
    ]
    lines = []
    for name, meaning, samples in families:
        found = [(labels, value) for labels, value in samples if value is not None]
        if found:
            lines += [f"# HELP {METRIC}_{name} {meaning}", f"# TYPE {METRIC}_{name} gauge"]
            lines += [f"{METRIC}_{name}{_labels(labels)} {value:g}" if abs(value) < 1e6 else
                      f"{METRIC}_{name}{_labels(labels)} {value:.3f}" for labels, value in found]  # fmt: skip
    return "\n".join([*lines, "# EOF", ""])


def _labelled(row: Mapping[str, Any], name: str) -> tuple[dict[str, str], float]:
    return {key: str(value) for key, value in row.items() if key != name}, row[name]


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    escaped = (value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for value in labels.values())
    return "{" + ",".join(f'{name}="{value}"' for name, value in zip(labels, escaped, strict=True)) + "}"


def _seconds(moment: str | None) -> float | None:
    return datetime.fromisoformat(moment).timestamp() if moment else None
