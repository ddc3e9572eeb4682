"""Reprocess a run of the oil product, which depends on bronze, limits and wordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tribolake.errors import ConfigurationError
from tribolake.lake.files import remove
from tribolake.lake.replicas import open_objects
from tribolake.oil.limits.rejudge import REPORTS, judge_as_then
from tribolake.oil.product import OIL
from tribolake.oil.wording.reprocess import lay_out_wordings
from tribolake.product import Progress
from tribolake.run.notify import tell
from tribolake.settings import Settings
from tribolake.trace import reprocess as trace
from tribolake.trace.file_comparison import IDENTICAL
from tribolake.trace.manifests import current_publication, published_clients
from tribolake.trace.reprocess import Inputs, ReprocessResult


def reprocess(
    settings: Settings,
    run_id: str,
    *,
    clients: Sequence[str] | None = None,
    into: Path | None = None,
    progress: Progress = lambda _: None,
) -> ReprocessResult:
    """Compute the gold of a run again (see `trace/reprocess.py`)."""
    inputs = Inputs("limits", _lay_out, judge_as_then)
    return trace.reprocess(OIL, settings, run_id, inputs, clients=clients, into=into, progress=progress)


def reprocess_current(
    settings: Settings, *, clients: Sequence[str] | None = None, progress: Progress = lambda _: None
) -> list[ReprocessResult]:
    """Compute the gold that readers see again, and send a message about each client whose files differ.

    Clients that one run published are computed together. What is identical is removed afterwards.

    Raises:
        ConfigurationError: nothing is published.
    """
    published = open_objects(settings)
    wanted = OIL.named_clients(clients) or published_clients(published)
    runs: dict[str, list[str]] = {}
    for client in wanted:
        if (current := current_publication(published, client)) is not None:
            runs.setdefault(current.run_id, []).append(client)
    if not runs:
        raise ConfigurationError(f"nothing is published in {settings.address}: start `tribolake run` first")
    results = [reprocess(settings, run_id, clients=names, progress=progress) for run_id, names in sorted(runs.items())]
    for result in results:
        if result.is_identical:
            remove(Path(result.lake))
    tell(settings, dict(_differences(results)), is_all=False)
    return results


def _differences(results: Sequence[ReprocessResult]) -> Iterator[tuple[str, str]]:
    for result in results:
        for client in (client for client in result.clients if not client.is_identical):
            names = ", ".join(file.name for file in client.files if file.outcome not in IDENTICAL)
            yield (
                f"reprocessed {client.client} {result.run_id}",
                f"{client.client}: {names} of run {result.run_id} differ when computed again. "
                f"`tribolake reprocess --as-of {result.run_id}` shows how. {'; '.join(client.notes)}",
            )


def _lay_out(settings: Settings, scratch: Settings, kept: Sequence[Mapping[str, Path]]) -> Settings:
    return lay_out_wordings(settings, scratch, [files[REPORTS] for files in kept if REPORTS in files])
