"""Which patterns of a warehouse have a wording, which wait for one, and when they are tried again."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

import duckdb

from tribolake.oil.wording.pattern import Rule, read_pattern
from tribolake.oil.wording.reasons import NOT_ASKED
from tribolake.oil.wording.result import Pending, Waiting
from tribolake.oil.wording.wording import Configuration, Wording, canonical_json
from tribolake.run.project import fingerprint_guards
from tribolake.run.warehouse import table_exists, transaction

log = logging.getLogger(__name__)
FIRST_WAIT = "interval 15 minutes"
LONGEST_WAIT = "interval 24 hours"
# Literals, not bound parameters: the first of those makes duckdb import pandas, which a run without news cannot afford.
WITHOUT_WORDING = """
    select reported.pattern, reported.reports, waiting.reason, waiting.next_try_at
    from (
        select pattern, count(*) as reports
        from gold.report_recommendations
        where pattern is not null
        group by pattern
    ) as reported
    left join control.wordings as worded
        on reported.pattern = worded.pattern and worded.configuration = {configuration}
    left join control.unworded as waiting
        on reported.pattern = waiting.pattern and waiting.configuration = {configuration}
    where worded.pattern is null
"""
IS_OVER = "(next_try_at is null or next_try_at <= {now}::timestamptz)"
NEVER_ASKED = ", ".join(f"'{reason}'" for reason in sorted(NOT_ASKED))
NEEDED = (("gold", "report_recommendations"), ("control", "wordings"), ("control", "unworded"))


class PendingPattern(NamedTuple):
    """A pattern without a wording; `is_due` says whether the model may be asked for it again."""

    text: str
    reports: int
    is_due: bool


def configuration_text(configuration: Configuration, rules: Mapping[str, Rule]) -> str:
    """What the wordings of a warehouse depend on beside their patterns, the texts of the rules included."""
    texts = canonical_json({rule_id: asdict(rule) for rule_id, rule in rules.items()})
    return canonical_json(asdict(configuration) | {"rules": hashlib.sha256(texts.encode()).hexdigest()[:16]})


def pending(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration, rules: Mapping[str, Rule], now: datetime
) -> list[Pending]:
    """What `enrich` is to give a wording to."""
    return [
        Pending(read_pattern(found.text, configuration.language, rules), found.reports, found.is_due)
        for found in pending_patterns(connection, configuration_text(configuration, rules), now)
    ]


def pending_patterns(connection: duckdb.DuckDBPyConnection, configuration: str, now: datetime) -> list[PendingPattern]:
    """Patterns of reports that have no wording of this configuration, those of most reports first.

    What nobody asked the model for, such as for want of budget, is due in every run that takes place.
    """
    query = WITHOUT_WORDING.format(configuration=_literal(configuration))
    is_over = IS_OVER.format(now=_literal(now.isoformat()))
    rows = connection.execute(
        f"select pattern, reports, {is_over} or coalesce(reason in ({NEVER_ASKED}), false)"
        f" from ({query}) order by reports desc, pattern"
    ).fetchall()
    return [PendingPattern(*row) for row in rows]


def is_wording_due(connection: duckdb.DuckDBPyConnection, configuration: str, now: datetime) -> bool:
    """Whether a pattern has no wording and was never tried, or is to be tried again.

    Also where the guards changed since they judged the wordings: they may refuse some now.
    """
    if not all(table_exists(connection, schema, table) for schema, table in NEEDED):
        return False
    if _has_wordings(connection) and not is_judged_by(connection, fingerprint_guards()):
        return True
    query = WITHOUT_WORDING.format(configuration=_literal(configuration))
    is_over = IS_OVER.format(now=_literal(now.isoformat()))
    row = connection.execute(f"select exists(select 1 from ({query}) where {is_over})").fetchone()
    return bool(row and row[0])


def keep_wordings(connection: duckdb.DuckDBPyConnection, configuration: str, wordings: Collection[Wording]) -> None:
    """Make wordings the active ones of their patterns, which wait no longer.

    One that the warehouse cannot hold, whoever kept it in the lake, is passed over: its reports have the rule's text.
    """
    try:
        _keep_wordings(connection, configuration, wordings)
    except duckdb.DataError as error:
        if len(wordings) == 1:
            (one,) = wordings
            log.warning("the wording %s is passed over: %a", one.cache_key, str(error).splitlines()[0])
            return
        for one in wordings:
            keep_wordings(connection, configuration, [one])


def _keep_wordings(connection: duckdb.DuckDBPyConnection, configuration: str, wordings: Collection[Wording]) -> None:
    if not wordings:
        return
    patterns = [wording.pattern for wording in wordings]
    with transaction(connection):
        connection.execute(
            "insert or replace into control.wordings by name select unnest(?::varchar[]) as pattern,"
            " ? as configuration, unnest(?::varchar[]) as language, unnest(?::varchar[]) as cache_key,"
            " unnest(?::varchar[]) as observation, unnest(?::varchar[]) as cause, unnest(?::varchar[]) as action,"
            " unnest(?::varchar[])::timestamptz as generated_at",
            [
                patterns,
                configuration,
                [wording.configuration.language for wording in wordings],
                [wording.cache_key for wording in wordings],
                [wording.observation for wording in wordings],
                [wording.cause for wording in wordings],
                [wording.action for wording in wordings],
                [wording.generated_at for wording in wordings],
            ],
        )
        connection.execute("delete from control.unworded where pattern in (select unnest(?::varchar[]))", [patterns])


def keep_waiting(
    connection: duckdb.DuckDBPyConnection, configuration: str, waiting: Mapping[str, Waiting], now: datetime
) -> None:
    """Remember why patterns wait, and when they are tried again: after 15 minutes, then twice as long, a day at most.

    What was not asked for, because of the budget, say, waits 15 minutes each time.
    """
    if not waiting:
        return
    connection.execute(
        f"""
        insert or replace into control.unworded by name
        with

        now_waiting as (
            select
                unnest($patterns::varchar[]) as pattern,
                unnest($reasons::varchar[]) as reason,
                unnest($details::varchar[]) as detail
        ),

        counted as (
            select
                now_waiting.*,
                now_waiting.reason not in ({NEVER_ASKED}) as is_asked,
                coalesce(earlier.attempts, 0) + is_asked::integer as attempts
            from now_waiting
            left join control.unworded as earlier
                on now_waiting.pattern = earlier.pattern and earlier.configuration = $configuration
        )

        select
            pattern, $configuration as configuration, reason, detail, attempts,
            $now::timestamptz as last_tried_at,
            last_tried_at + least(
                {FIRST_WAIT} * (2 ** if(is_asked, least(attempts - 1, 10), 0))::integer, {LONGEST_WAIT}
            ) as next_try_at
        from counted
        """,
        {
            "configuration": configuration,
            "now": now.isoformat(),
            "patterns": list(waiting),
            "reasons": [waits.reason for waits in waiting.values()],
            "details": [waits.detail for waits in waiting.values()],
        },
    )


def drop_wordings(connection: duckdb.DuckDBPyConnection, patterns: Collection[str]) -> None:
    """Make wordings inactive: their patterns are pending."""
    if patterns:
        connection.execute(
            "delete from control.wordings where pattern in (select unnest(?::varchar[]))", [list(patterns)]
        )


def is_judged_by(connection: duckdb.DuckDBPyConnection, guards: str) -> bool:
    """Whether these guards, by their version, were the last to judge the wordings."""
    if not table_exists(connection, "control", "judged_by"):
        return False  # a release made it that did not judge them again
    return (
        connection.execute(f"select 1 from control.judged_by where guards = {_literal(guards)}").fetchone() is not None
    )


def note_judged_by(connection: duckdb.DuckDBPyConnection, guards: str) -> None:
    """Remember that these guards, by their version, have judged the wordings."""
    connection.execute("delete from control.judged_by")
    connection.execute(f"insert into control.judged_by values ({_literal(guards)})")


def forget_other_configurations(connection: duckdb.DuckDBPyConnection, configuration: str) -> int:
    """Drop what belongs to another prompt, model, temperature, language or other texts of rules.

    Returns:
        How many wordings were dropped: their patterns show the rule's text until they have new ones.
    """
    other = f"configuration <> {_literal(configuration)}"
    with transaction(connection):
        row = connection.execute(f"select count(*) from control.wordings where {other}").fetchone()
        connection.execute(f"delete from control.wordings where {other}")
        connection.execute(f"delete from control.unworded where {other}")
    return int(row[0]) if row else 0


def forget_prompt_version(connection: duckdb.DuckDBPyConnection, prompt_version: str) -> int:
    """Make the wordings of a prompt version inactive; returns how many patterns showed one."""
    row = connection.execute(
        "delete from control.wordings where configuration->>'prompt_version' = $1", [prompt_version]
    ).fetchone()
    return int(row[0]) if row else 0


def try_again_now(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget that patterns wait: the next run asks for all of them."""
    connection.execute("delete from control.unworded")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _has_wordings(connection: duckdb.DuckDBPyConnection) -> bool:
    return connection.execute("select 1 from control.wordings limit 1").fetchone() is not None
