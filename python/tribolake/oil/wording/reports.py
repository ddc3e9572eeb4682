"""Word the reports of a warehouse: patterns that wait get their wording, and reports show what is known of theirs."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from tribolake.oil.wording.configuration import configuration_of
from tribolake.oil.wording.enrich import Cache, Progress, enrich
from tribolake.oil.wording.judge_again import judge_again
from tribolake.oil.wording.pattern import expert_rules
from tribolake.oil.wording.result import Enrichment
from tribolake.oil.wording.waiting import (
    configuration_text,
    forget_other_configurations,
    keep_waiting,
    keep_wordings,
    pending,
)
from tribolake.settings import Settings

# Reports of patterns whose wording came, went, or made room for another of the same key, since they were judged; all
# others show theirs already.
SHOW = """
    update gold.classified_reports as reports
    set
        ai_recommendation = worded.ai_recommendation,
        recommendation_source = worded.recommendation_source,
        ai_generated_at = worded.ai_generated_at,
        cache_key = worded.cache_key
    from gold.worded_recommendations as worded
    where
        reports.client = worded.client
        and reports.laboratory = worded.laboratory
        and reports.sampleNumber = worded.sampleNumber
        and (
            reports.cache_key is distinct from worded.cache_key
            or reports.ai_generated_at is distinct from worded.ai_generated_at
        )
    returning reports.client
"""


def word_reports(
    warehouse: duckdb.DuckDBPyConnection,
    settings: Settings,
    cache: Cache,
    *,
    progress: Progress = lambda _: None,
) -> tuple[Enrichment, set[str]]:
    """Give patterns their wordings and reports their texts.

    Args:
        warehouse: with the models of a build.
        settings: without a key, what the cache has is shown and no model is asked.
        cache: wordings of the lake.
        progress: told what is under way.

    Returns:
        What the enrichment came to, and the clients whose reports it changed.
    """
    rules, now = expert_rules(settings.language), datetime.now(UTC)
    configuration = configuration_of(settings)
    said = configuration_text(configuration, rules)
    forget_other_configurations(warehouse, said)
    judge_again(warehouse, configuration)
    waiting = pending(warehouse, configuration, rules, now)
    enrichment = enrich(settings, waiting, cache, progress)
    keep_wordings(warehouse, said, enrichment.wordings.values())
    keep_waiting(warehouse, said, enrichment.waiting, now)
    return enrichment, {client.lower() for (client,) in warehouse.execute(SHOW).fetchall()}
