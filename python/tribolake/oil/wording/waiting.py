"""Patterns of a warehouse that have a reply, that wait for one, and when they are tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

import duckdb

from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.reasons import NOT_ASKED
from tribolake.oil.wording.result import Pending, Waiting
from tribolake.oil.wording.wording import Configuration, Wording, canonical_json
from tribolake.run.warehouse import transaction
from tribolake.sql import literal

FIRST_WAIT = "interval 15 minutes"
LONGEST_WAIT = "interval 24 hours"
# Literals, not bound parameters: those make duckdb import pandas, which takes too long for a run without news.
WITHOUT_REPLY = """
    select
        reported.*,
        waiting.next_try_at is null or waiting.next_try_at <= {now}::timestamptz as is_over,
        coalesce(waiting.reason in ({never_asked}), false) as was_never_asked
    from (
        select {pattern} as pattern, any_value({comment}) as comment, count(*) as reports
        from gold.report_recommendations
        where pattern is not null
        group by 1
    ) as reported
    left join control.replies as replies
        on reported.pattern = replies.pattern and replies.configuration = {configuration}
    left join control.unworded as waiting
        on reported.pattern = waiting.pattern and waiting.configuration = {configuration}
    where replies.pattern is null
"""
NEVER_ASKED = ", ".join(f"'{reason}'" for reason in sorted(NOT_ASKED))
# Clients of replies that are new, removed, or replaced since the last publication.
CHANGED = """
    with

    changed as (
        (from control.replies except from control.shown_replies)
        union all
        (from control.shown_replies except from control.replies)
    )

    select distinct lower(client)
    from gold.report_recommendations
    where pattern in (select pattern from changed) or commented_pattern in (select pattern from changed)
"""


def configuration_text(configuration: Configuration, *, sees_comments: bool) -> str:
    """Return what the replies of a warehouse depend on besides their patterns.

    The view `worded_recommendations` reads of it whether comments are part of the patterns.
    """
    return canonical_json(asdict(configuration) | {"sees_comments": sees_comments})


def pending(connection: duckdb.DuckDBPyConnection, configuration: str, now: datetime) -> list[Pending]:
    """Return the patterns of reports that have no reply of this configuration, those of most reports first.

    A pattern that was not asked for, for instance because of the budget, is due in every run.
    """
    query = _without_reply(configuration, now)
    rows = connection.execute(
        f"select pattern, comment, reports, is_over or was_never_asked from ({query}) order by reports desc, pattern"
    ).fetchall()
    return [Pending(Pattern(text, comment), reports, is_due) for text, comment, reports, is_due in rows]


def is_wording_due(connection: duckdb.DuckDBPyConnection, configuration: str, now: datetime) -> bool:
    """Tell whether a pattern without a reply was never tried, or is due again."""
    try:
        row = connection.execute(f"select bool_or(is_over) from ({_without_reply(configuration, now)})").fetchone()
    except (duckdb.BinderException, duckdb.CatalogException):  # no release, or an earlier one, built the models
        return False
    return bool(row and row[0])


def keep_replies(connection: duckdb.DuckDBPyConnection, configuration: str, wordings: Mapping[str, Wording]) -> None:
    """Make these wordings, by pattern, the active ones. Their patterns do not wait any more."""
    if not wordings:
        return
    with transaction(connection):
        connection.execute(
            "insert or replace into control.replies by name select unnest(?::varchar[]) as pattern,"
            " ? as configuration, unnest(?::varchar[]) as cache_key, unnest(?::varchar[]) as reply,"
            " unnest(?::varchar[])::timestamptz as generated_at",
            [
                list(wordings),
                configuration,
                [wording.cache_key for wording in wordings.values()],
                [wording.reply for wording in wordings.values()],
                [wording.generated_at for wording in wordings.values()],
            ],
        )
        connection.execute("delete from control.unworded where pattern in (select pattern from control.replies)")


def keep_waiting(
    connection: duckdb.DuckDBPyConnection, configuration: str, waiting: Mapping[str, Waiting], now: datetime
) -> None:
    """Keep why patterns wait, and when they are tried again: after 15 minutes, then twice as long, at most a day.

    A pattern that was not asked for, for instance because of the budget, waits 15 minutes each time.
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


def forget_other_configurations(connection: duckdb.DuckDBPyConnection, configuration: str) -> None:
    """Delete rows of another prompt, model, temperature, language or permission to see comments."""
    other = f"configuration <> {literal(configuration)}"
    with transaction(connection):
        connection.execute(f"delete from control.replies where {other}")
        connection.execute(f"delete from control.unworded where {other}")


def forget_prompt_version(connection: duckdb.DuckDBPyConnection, prompt_version: str) -> int:
    """Make the replies of a prompt version inactive. Returns how many patterns had one."""
    row = connection.execute(
        "delete from control.replies where configuration->>'prompt_version' = $1", [prompt_version]
    ).fetchone()
    return int(row[0]) if row else 0


def show_replies(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the clients whose texts changed since the last call."""
    clients = {client for (client,) in connection.execute(CHANGED).fetchall()}
    with transaction(connection):
        connection.execute("delete from control.shown_replies")
        connection.execute("insert into control.shown_replies from control.replies")
    return clients


def try_again_now(connection: duckdb.DuckDBPyConnection) -> None:
    """Make all waiting patterns due: the next run asks for them."""
    connection.execute("delete from control.unworded")


def _without_reply(configuration: str, now: datetime) -> str:
    sees_comments = '"sees_comments":true' in configuration
    return WITHOUT_REPLY.format(
        configuration=literal(configuration),
        now=literal(now.isoformat()),
        never_asked=NEVER_ASKED,
        pattern="commented_pattern" if sees_comments else "pattern",
        comment="comment" if sees_comments else "null::varchar",
    )
