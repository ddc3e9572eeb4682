"""What a run of the oil product does besides building models: read files, word recommendations."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from contextlib import suppress

import duckdb

from tribolake.errors import StoreUnavailable
from tribolake.lake.bronze import BronzeFile
from tribolake.oil.reading import begin_to_read
from tribolake.oil.reasons import reasons
from tribolake.oil.seeds import declared_layouts
from tribolake.oil.wording.reports import word_reports
from tribolake.oil.wording.result import Enrichment
from tribolake.oil.wording.segments import open_wordings
from tribolake.product import Progress, Step, StepResult, Steps
from tribolake.settings import Settings


def begin(settings: Settings, run_id: str, found: Sequence[BronzeFile]) -> None:
    """Begin what needs no warehouse while dbt is imported: read new files, import pandas.

    pyarrow wants pandas when limits are computed, and queries leave a core free.
    """
    begin_to_read(settings, run_id, found, declared_layouts())
    threading.Thread(target=__import__, args=("pandas",), daemon=True).start()


def word(warehouse: duckdb.DuckDBPyConnection, settings: Settings, run_id: str, progress: Progress) -> StepResult:
    """Give reports their texts."""
    wordings = open_wordings(settings, run_id)
    enrichment, touched = word_reports(warehouse, settings, wordings, progress=progress)
    if enrichment.accepted:
        # Segments that cannot be folded now are read one by one.
        with suppress(StoreUnavailable, OSError):
            wordings.fold()
    return result_of(enrichment, touched)


def result_of(enrichment: Enrichment, touched: Collection[str] = ()) -> StepResult:
    """Return what the run reports of an enrichment that changed reports of these clients."""
    # A spent budget is what somebody asked for; an endpoint that refuses the key is not.
    needs_a_look = bool(enrichment.stopped and not enrichment.budget_spent)
    return StepResult(frozenset(touched), enrichment.as_dict(), needs_a_look)


STEPS = Steps(reasons=reasons, before_build=begin, after_build=(Step("word", "recommendations", word),))
