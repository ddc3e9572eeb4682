"""Reprocess a run of the oil product, which depends on bronze, limits and wordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tribolake.oil.limits.rejudge import REPORTS, judge_as_then
from tribolake.oil.product import OIL
from tribolake.oil.wording.reprocess import lay_out_wordings
from tribolake.product import Progress
from tribolake.settings import Settings
from tribolake.trace import reprocess as trace
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


def _lay_out(settings: Settings, scratch: Settings, kept: Sequence[Mapping[str, Path]]) -> Settings:
    return lay_out_wordings(settings, scratch, [files[REPORTS] for files in kept if REPORTS in files])
