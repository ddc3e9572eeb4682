"""Give the reports of a warehouse their recommendations."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from tribolake.oil.wording.enrich import enrich
from tribolake.oil.wording.prompt import configuration_of
from tribolake.oil.wording.result import Enrichment
from tribolake.oil.wording.segments import Wordings
from tribolake.oil.wording.waiting import (
    configuration_text,
    forget_other_configurations,
    keep_replies,
    keep_waiting,
    pending,
    show_replies,
)
from tribolake.product import Progress
from tribolake.settings import Settings


def word_reports(
    warehouse: duckdb.DuckDBPyConnection,
    settings: Settings,
    cache: Wordings,
    *,
    progress: Progress = lambda _: None,
) -> tuple[Enrichment, set[str]]:
    """Give patterns their replies. The views of a build show them.

    Without a key, only replies of the cache are shown.

    Returns:
        The result, and the clients whose texts changed since the last call.
    """
    now = datetime.now(UTC)
    said = configuration_text(configuration_of(settings), sees_comments=settings.model.sees_comments)
    forget_other_configurations(warehouse, said)
    enrichment = enrich(settings, pending(warehouse, said, now), cache, progress)
    keep_replies(warehouse, said, enrichment.wordings)
    keep_waiting(warehouse, said, enrichment.waiting, now)
    return enrichment, show_replies(warehouse)
