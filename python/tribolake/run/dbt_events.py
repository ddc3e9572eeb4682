"""Events of dbt that nobody listens to are not made: they take a twentieth of the time of a run."""

from __future__ import annotations

from typing import Any

from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager


class FewEvents(EventManager):
    """Makes no messages of debug events. A run writes no log of dbt, and listens to when a node begins."""

    def fire_event(
        self,
        e: BaseEvent,
        level: EventLevel | None = None,
        node: Any = None,
        force_warn_or_error_handling: bool = False,
    ) -> None:
        if force_warn_or_error_handling or (level or e.level_tag()) is not EventLevel.DEBUG:
            super().fire_event(e, level, node, force_warn_or_error_handling)


def make_few_events() -> None:
    """Let dbt make few events in this process."""
    ctx_set_event_manager(FewEvents())
