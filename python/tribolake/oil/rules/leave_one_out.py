"""Judge each unit with the values of rules that the verdicts on the other units would have chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.oil.questions.verdicts import ASKING
from tribolake.oil.seeds import read_seed
from tribolake.run.warehouse import rows_of
from tribolake.sql import quoted

CHOSEN_ON = "chosen_on"
FIELDS = ("pattern", "components", "urgency")
# A report is worth as much as its urgency is above the mildest one: each step up gains 1 where the laboratory asked for
# action, and costs the least share of action that the step needs.
GAINS = f"""
    with
    steps as (
        select reached.urgency, count(*) as steps, sum(passed.min_action_share) as cost
        from shares as reached
        inner join shares as passed on reached.urgency <= passed.urgency and passed.min_action_share > 0
        group by reached.urgency
    )
    select
        unit, sum(if(verdict in {ASKING}, steps.steps, 0) - steps.cost) as gain
    from ({{reports}}) as judged
    inner join steps on judged.urgency = steps.urgency
    where judged.in_alarm and judged.verdict is not null
    group by unit
"""
SHARES = "create or replace table main.shares as from (values {}) as shares (urgency, min_action_share)"
Unit = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """Values of one column of a rule that verdicts chose between: the one to try first stands first."""

    rule_id: str
    field: str  # column of expert_rules
    values: tuple[str, ...]
    adopted: str
    units: frozenset[str]  # whose verdicts chose


@dataclass(frozen=True)
class LeftOut:
    reports: str  # query for the reports, each judged without the verdicts on its own unit
    other_choices: list[dict[str, Any]]


def choices_of(rows: Sequence[Mapping[str, str]], rules: Sequence[Mapping[str, str]]) -> list[Choice]:
    """Group rows of the seed rule_choices.

    Raises:
        ConfigurationError: a choice is about no rule or column, or lacks the value that the rule has.
    """
    adopted = {row["rule_id"]: row for row in rules}
    grouped: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for row in rows:
        grouped.setdefault((row["rule_id"], row["field"]), []).append(row)
    found = []
    for (rule, field), each in grouped.items():
        values = tuple(row["value"] for row in each)
        if field not in FIELDS or rule not in adopted or adopted[rule][field] not in values:
            raise ConfigurationError(f"rule_choices.csv: {rule} {field} is not a value that the rule has")
        units = frozenset(unit for row in each for unit in row[CHOSEN_ON].split("|"))
        found.append(Choice(rule, field, values, adopted[rule][field], units))
    return found


def chosen_units(choices: Sequence[Choice]) -> list[str]:
    return sorted(frozenset[str]().union(*(choice.units for choice in choices)))


def judge_left_out(
    connection: duckdb.DuckDBPyConnection,
    choices: Sequence[Choice],
    reports: str,
    match_again: Callable[[duckdb.DuckDBPyConnection], None],
) -> LeftOut:
    """Judge each unit that chose with the values that the others would have chosen. Other units keep the rules.

    Args:
        connection: to a borrowed warehouse that was judged by the rules with the choices.
        choices: of the rules.
        reports: query for a row per report: rule, urgency, unit, verdict.
        match_again: matches the rules of `seeds.expert_rules`.
    """
    connection.execute(f"create or replace table main.left_out as {reports}")
    units = [unit for unit in chosen_units(choices) if _has_verdicts(connection, unit)]
    if not units:
        return LeftOut("from main.left_out", [])
    connection.execute("create or replace table main.adopted_rules as from seeds.expert_rules")
    shares = [(row["urgency"], float(row["min_action_share"])) for row in read_seed("rule_urgency_shares")]
    connection.execute(SHARES.format(", ".join(map(str, shares))))
    adopted = _gains(connection, reports)
    tried: dict[tuple[str, str, str], list[Unit]] = {}
    for choice in choices:
        for value in choice.values:
            if value == choice.adopted:
                tried[choice.rule_id, choice.field, value] = adopted
                continue
            _use(connection, [(choice.rule_id, choice.field, value)])
            match_again(connection)
            tried[choice.rule_id, choice.field, value] = _gains(connection, reports)
    other_choices = []
    for unit in (None, *units):
        used = [(choice, choose(choice, tried, unit)) for choice in choices if unit is None or unit in choice.units]
        others = [(choice.rule_id, choice.field, value) for choice, value in used if value != choice.adopted]
        if others and unit:
            _use(connection, others)
            match_again(connection)
            connection.execute("delete from main.left_out where unit = $1", [unit])
            connection.execute(f"insert into main.left_out select * from ({reports}) where unit = $1", [unit])
        other_choices += [{"unit": unit, "rule_id": rule, "field": field, "value": v} for rule, field, v in others]
    return LeftOut("from main.left_out", other_choices)


def choose(choice: Choice, tried: Mapping[tuple[str, str, str], list[Unit]], left_out: str | None) -> str:
    """Return the value with the greatest gain on the units that chose, without the one that is left out.

    Of equal values the first one counts.
    """
    gains = {
        value: sum(
            unit["gain"]
            for unit in tried[choice.rule_id, choice.field, value]
            if unit["unit"] != left_out and unit["unit"] in choice.units
        )
        for value in choice.values
    }
    return max(choice.values, key=lambda value: round(gains[value], 6))


def _use(connection: duckdb.DuckDBPyConnection, values: Sequence[tuple[str, str, str]]) -> None:
    """Replace values of the rules that were adopted."""
    connection.execute("create or replace table seeds.expert_rules as from main.adopted_rules")
    for rule, field, value in values:
        connection.execute(
            f"update seeds.expert_rules set {quoted(field)} = $1 where rule_id = $2",
            [value, rule],
        )


def _gains(connection: duckdb.DuckDBPyConnection, reports: str) -> list[dict[str, Any]]:
    return rows_of(connection, GAINS.format(reports=reports))


def _has_verdicts(connection: duckdb.DuckDBPyConnection, unit: str) -> bool:
    asked = "select count(*) > 0 from main.left_out where unit = $1 and verdict is not null"
    return bool(connection.execute(asked, [unit]).fetchall()[0][0])
