"""Check seeds before they are merged: what they would do to the alarms that are published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.entry import standing
from tribolake.oil.feedback.shelf import read_feedback
from tribolake.oil.limits.choice import Choice
from tribolake.oil.limits.impact import Impact, impact_of
from tribolake.oil.limits.published_samples import published_samples
from tribolake.oil.limits.trial import judge_choice
from tribolake.run.warehouse import lower_names
from tribolake.settings import Settings
from tribolake.trace.manifests import published_clients
from tribolake.trace.names import checked_client

SEEDS_OF_A_CHECKOUT = Path("seeds") / "oil"


@dataclass(frozen=True)
class CheckedClient:
    """What seeds would do to the alarms of a client, under the policy that published them."""

    client: str
    policy: str
    impact: Impact

    def as_dict(self) -> dict[str, Any]:
        return {"client": self.client, "policy": self.policy, **self.impact.as_dict()}


def check_seeds(settings: Settings, seeds: Path | None, clients: Sequence[str] | None = None) -> list[CheckedClient]:
    """Judge the published samples by seeds, with all limits calculated again, as the run after a merge does.

    Args:
        settings: the lake.
        seeds: a checkout, or its folder of seeds. None means the seeds of this installation.
        clients: these only. None means all that are published.

    Raises:
        ConfigurationError: nothing is published, or a seed cannot be read.
    """
    folder = _folder_of(seeds) if seeds else None
    published = open_objects(settings)
    wanted = [checked_client(client) for client in lower_names(clients) or published_clients(published)]
    if not wanted:
        raise ConfigurationError(f"nothing is published in {settings.address}: start `tribolake run`")
    checked = []
    for client in wanted:
        samples = published_samples(published, client)
        judged = judge_choice(settings, samples, Choice(), folder)
        entries = standing(read_feedback(published, client).entries)
        checked.append(CheckedClient(client, samples.policy, impact_of(judged, entries)))
    return checked


def _folder_of(seeds: Path) -> Path:
    inside = seeds / SEEDS_OF_A_CHECKOUT
    folder = inside if inside.is_dir() else seeds
    if not (folder / "policies.csv").is_file():
        raise ConfigurationError(f"--seeds {seeds}: there are no seeds of oil in it, such as policies.csv")
    return folder
