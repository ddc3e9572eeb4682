"""dbt makes no events that a run does not need."""

from __future__ import annotations

import importlib

from dbt_common.events.event_manager_client import get_event_manager

from tribolake.oil.product import OIL
from tribolake.run.dbt import Dbt
from tribolake.run.dbt_events import FewEvents
from tribolake.settings import Settings


def test_dbt_imported_before_makes_few_events_too(settings: Settings):
    """The watcher imports dbt ahead of its runs."""
    importlib.import_module("dbt.cli.main")
    settings.state.mkdir(parents=True)
    Dbt(OIL, settings).parse()
    assert isinstance(get_event_manager(), FewEvents)
