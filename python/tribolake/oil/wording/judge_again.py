"""Wordings that a warehouse shows are judged again when the guards changed: what they refuse now is shown no longer."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import duckdb

from tribolake.oil.seeds import fingerprint_guards
from tribolake.oil.wording.waiting import drop_wordings, is_judged_by, note_judged_by
from tribolake.oil.wording.wording import Configuration, Wording
from tribolake.run.warehouse import transaction

log = logging.getLogger(__name__)
SHOWN = "select cache_key, pattern, observation, cause, action, generated_at from control.wordings"


def judge_again(connection: duckdb.DuckDBPyConnection, configuration: Configuration) -> int:
    """Drop the wordings that the guards of today refuse, unless these have judged them already.

    Args:
        connection: to a warehouse that has wordings of this configuration only.
        configuration: of the wordings.

    Returns:
        How many were dropped: their patterns show the rule's text until they have new ones.
    """
    version = fingerprint_guards()
    if is_judged_by(connection, version):
        return 0
    refused = list(_refused(connection, configuration))
    with transaction(connection):
        drop_wordings(connection, refused)
        note_judged_by(connection, version)
    return len(refused)


def _refused(connection: duckdb.DuckDBPyConnection, configuration: Configuration) -> Iterator[str]:
    """The patterns whose wordings are refused."""
    rows = connection.execute(SHOWN).fetchall()
    if not rows:
        return
    from tribolake.oil.wording.objections import objections  # noqa: PLC0415 - guards take a while to import

    for key, pattern, observation, cause, action, generated_at in rows:
        wording = Wording(key, configuration, pattern, observation, cause, action, generated_at.isoformat())
        if because := objections(wording):
            log.warning("the wording %s is shown no longer: %a", key, because[0])
            yield pattern
