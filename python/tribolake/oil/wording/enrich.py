"""Give wordings to patterns that have none: from the cache, or else from the model.

Failures of the model or its endpoint are not raised: a report whose pattern has no wording shows the rule's text.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

from tribolake.errors import TribolakeError
from tribolake.libraries import library
from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.price import price_of
from tribolake.oil.wording.prompt import configuration_of
from tribolake.oil.wording.reasons import ModelUnusable
from tribolake.oil.wording.reply import objections
from tribolake.oil.wording.result import Enrichment, Pending, Waiting
from tribolake.oil.wording.segments import Wordings
from tribolake.oil.wording.wording import Wording, cache_key
from tribolake.product import Progress
from tribolake.settings import Settings

asyncio = library("asyncio")
log = logging.getLogger(__name__)
UNKNOWN_PRICE = (
    "the price of {model} at this endpoint is not known, so a budget cannot be kept: set TRIBOLAKE_AI_PRICES "
    "(USD per million input and output tokens, as in 0.4,1.6), or unset TRIBOLAKE_AI_BUDGET_USD"
)
NO_CACHE = "the wordings of the lake cannot be read ({error}): the model is not asked, as they would be paid for again"
BROKEN_OFF = "asking the model broke off ({error}): a later run tries again. The log has more at level DEBUG"


def enrich(
    settings: Settings,
    pending: Sequence[Pending],
    cache: Wordings,
    progress: Progress = lambda _: None,
) -> Enrichment:
    """Give patterns their wordings, the patterns of most reports first. Without a key, only the cache is read."""
    began = time.perf_counter()
    configuration = configuration_of(settings)
    result = Enrichment(settings.model.name, len(pending), sum(each.reports for each in pending))
    queue = sorted(pending, key=lambda each: (-each.reports, each.pattern.text))
    keys = {each.pattern.text: cache_key(each.pattern.text, configuration) for each in queue}
    found: Mapping[str, Wording] = {}
    try:
        found = cache.find(keys.values(), objections) if keys else {}
    except (TribolakeError, OSError) as error:
        result.stopped = NO_CACHE.format(error=error)
    result.wordings = {text: found[key] for text, key in keys.items() if key in found}
    result.cached = len(result.wordings)
    if settings.asks_a_model:
        missing = [each for each in queue if each.pattern.text not in result.wordings]
        due = [each.pattern for each in missing if each.is_due]
        result.postponed = len(missing) - len(due)
        _ask_for(settings, due, cache, result, progress)
        # In the order of the queue, not in that of the replies.
        result.wordings = {text: result.wordings[text] for text in keys if text in result.wordings}
        result.waiting = {text: result.waiting[text] for text in keys if text in result.waiting}
    result.seconds = time.perf_counter() - began
    return result


def _ask_for(
    settings: Settings, patterns: Sequence[Pattern], cache: Wordings, result: Enrichment, progress: Progress
) -> None:
    """Ask the model, as far as the budget and the endpoint permit."""
    price = price_of(settings) if patterns else None
    if patterns and settings.model.budget_usd is not None and price is None:
        result.stopped = result.stopped or UNKNOWN_PRICE.format(model=settings.model.name)
    if not patterns or result.stopped:
        result.waiting |= {pattern.text: Waiting("stopped") for pattern in patterns}
        return
    from tribolake.oil.wording.asking import ask_for_all  # noqa: PLC0415 - the client takes a second to import

    progress(f"ask {settings.model.name} for {len(patterns)} wordings")
    try:
        asyncio.run(ask_for_all(settings, patterns, cache, price, result, progress))
    except ModelUnusable as error:
        result.stopped = result.stopped or str(error)
        result.waiting = {pattern.text: Waiting("stopped") for pattern in patterns} | result.waiting
    except Exception as error:  # without wordings, reports have the rules' texts
        log.debug("asking the model broke off", exc_info=True)
        result.stopped = result.stopped or BROKEN_OFF.format(error=" and ".join(_names(error)))
        lost = [pattern.text for pattern in patterns if pattern.text not in result.wordings]
        result.waiting = {text: Waiting("stopped") for text in lost} | result.waiting


def _names(error: BaseException) -> list[str]:
    """Return the names of an error, or of each error of a group. Their messages may repeat what was sent."""
    if isinstance(error, BaseExceptionGroup):
        return list(dict.fromkeys(name for each in error.exceptions for name in _names(each)))
    return [type(error).__name__]
