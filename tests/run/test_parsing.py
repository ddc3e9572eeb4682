"""dbt parses the project once for each state of it, and makes no events that a run does not need."""

from __future__ import annotations

import importlib
import json

import pytest
from dbt_common.events.event_manager_client import get_event_manager

from tribolake.market.product import MARKET
from tribolake.oil.product import OIL
from tribolake.run.dbt import Dbt
from tribolake.run.dbt_events import FewEvents
from tribolake.settings import Settings


@pytest.mark.usefixtures("parsed_project")
def test_other_product_does_not_make_dbt_parse_again(settings: Settings):
    market, oil = Dbt(MARKET, MARKET.of(settings)), Dbt(OIL, settings)
    for dbt in (market, oil):
        dbt.settings.state.mkdir(parents=True, exist_ok=True)
        dbt.parse()
    parsed = json.loads((oil.target / "perf_info.json").read_text(encoding="utf-8"))
    assert parsed["path_count"] > 400
    assert parsed["parsed_path_count"] == 0


def test_dbt_imported_before_makes_few_events_too(settings: Settings):
    """The watcher imports dbt ahead of its runs."""
    importlib.import_module("dbt.cli.main")
    settings.state.mkdir(parents=True)
    Dbt(OIL, settings).parse()
    assert isinstance(get_event_manager(), FewEvents)
