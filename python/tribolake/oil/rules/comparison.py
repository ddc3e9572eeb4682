"""Judge the samples of a lake by two sets of expert rules, with the project's own models, and compare the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.oil.limits.judging import borrow_warehouse
from tribolake.oil.product import OIL
from tribolake.oil.questions.verdicts import ASKING, IN_ALARM
from tribolake.oil.rules.leave_one_out import CHOSEN_ON, choices_of, chosen_units, judge_left_out
from tribolake.oil.rules.rule_sets import CHOICES, RULES, SEEDS, RuleSet, load_seed
from tribolake.run.dbt import Dbt
from tribolake.run.warehouse import open_built, rows_of
from tribolake.settings import Settings
from tribolake.sql import quoted

# Models from the seeds of rules and floors to the rules that match, as dbt selects them.
PATTERNS = "expert_rule_conditions"
JUDGES = f"{PATTERNS} classified_results+,+matched_rules"
CLIENTS = "select distinct lower(client) from limits.int_evaluated_samples order by 1"
NOT_UNDERSTOOD = f"select rule_id, condition from policy.{PATTERNS} where coalesce(test, '') = '' order by all limit 1"
REPORTS = f"""
    select
        judged.row_id, judged.client, samples.unitId as unit, judged.report_status in {IN_ALARM} as in_alarm,
        rules.rule_id, rules.urgency, verdicts.verdict
    from gold.int_report_status as judged
    inner join silver.samples as samples on judged.row_id = samples.row_id
    left join gold.matched_rules as rules on judged.row_id = rules.row_id and rules.place = 1
    left join seeds.lab_verdicts as verdicts
        on judged.laboratory = verdicts.laboratory and samples.labVerdict = verdicts.text
"""
COUNTS = f"""
    count(*) filter (where side = 'b') as reports_before,
    count(*) filter (where side = 'b' and verdict in {ASKING}) as action_before,
    count(*) filter (where side = 'b' and verdict = 'urgent') as urgent_before,
    count(*) filter (where side = 'a') as reports_after,
    count(*) filter (where side = 'a' and verdict in {ASKING}) as action_after,
    count(*) filter (where side = 'a' and verdict = 'urgent') as urgent_after
"""
SIDES = """
    sides as (
        select 'a' as side, *, list_contains($chosen_on, unit) as chosen_on from reports_a where in_alarm
        union all select 'b' as side, *, list_contains($chosen_on, unit) as chosen_on from reports_b where in_alarm
    )
"""
BY_URGENCY = f"with {SIDES} select client, chosen_on, urgency, {COUNTS} from sides group by all order by all"
BY_RULE = f"with {SIDES} select client, chosen_on, rule_id, urgency, {COUNTS} from sides group by all order by all"
ALARMS = f"""
    select
        a.client, list_contains($chosen_on, a.unit) as chosen_on,
        count(*) filter (where b.in_alarm) as alarms_before, count(*) filter (where a.in_alarm) as alarms_after,
        count(*) filter (where a.in_alarm and not b.in_alarm) as appear,
        count(*) filter (where a.in_alarm and not b.in_alarm and a.verdict in {ASKING}) as appear_action,
        count(*) filter (where b.in_alarm and not a.in_alarm) as vanish,
        count(*) filter (where b.in_alarm and not a.in_alarm and a.verdict in {ASKING}) as vanish_action
    from reports_a as a
    inner join reports_b as b on a.row_id = b.row_id
    group by all
    order by all
"""


@dataclass(frozen=True)
class RuleComparison:
    """What set `a` of expert rules does differently from set `b`.

    Each row of `urgencies` and `rules` counts reports in alarm that the rule decides, and those among them for which
    the laboratory asked for action, before (`b`) and after (`a`). `left_out` counts like `urgencies`: each unit is
    judged with the values that the other units would have chosen. It is empty where `a` has no choices.
    """

    a: str
    b: str
    units: list[str]  # whose verdicts chose values of rules
    alarms: list[dict[str, Any]]
    urgencies: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    left_out: list[dict[str, Any]]
    other_choices: list[dict[str, Any]]  # values that a left-out unit would not have had

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Judges:
    """Compiled models by name, and the column types of the seeds that a rule set replaces."""

    models: Mapping[str, str]
    schemas: Mapping[str, str]
    seed_types: Mapping[str, Mapping[str, Any]]

    def judge(self, connection: duckdb.DuckDBPyConnection, rules: RuleSet) -> None:
        """Judge the samples of a borrowed warehouse by a rule set.

        Raises:
            ConfigurationError: a file or a pattern of the rule set is not understood.
        """
        for seed in self.seed_types:
            if seed in rules.files:
                load_seed(connection, rules, seed, self.seed_types[seed])
        self.build(connection, list(self.models))
        for rule, condition in connection.execute(NOT_UNDERSTOOD).fetchall():
            raise ConfigurationError(f"{rules.name}: condition {condition!r} of rule {rule} is not understood")

    def match_again(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Match the rules that `seeds.expert_rules` has now, on the facts that are there."""
        self.build(connection, [PATTERNS, "matched_rules"])

    def build(self, connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
        for name in names:
            table = f"{quoted(self.schemas[name])}.{quoted(name)}"
            connection.execute(f"create or replace table {table} as {self.models[name]}")


def compare_rules(settings: Settings, a: RuleSet, b: RuleSet, clients: Sequence[str] | None) -> RuleComparison:
    """Judge every sample of a lake by both rule sets, with its current limits.

    Raises:
        ConfigurationError: no run has taken place yet, or a rule set is not understood.
    """
    with open_built(settings, "limits", "int_evaluated_samples") as warehouse:
        chosen = list(clients or [client for (client,) in warehouse.execute(CLIENTS).fetchall()])
    judges = _compile_judges(settings)
    choices = choices_of(a.rows(CHOICES), a.rows(RULES))
    units = chosen_units(choices)
    with duckdb.connect() as results:
        other_choices = []
        for client in chosen:
            with _borrowed(settings, judges, client) as connection:
                for side, rules in (("b", b), ("a", a)):
                    judges.judge(connection, rules)
                    _keep(results, connection, f"reports_{side}", REPORTS)
                left_out = judge_left_out(connection, choices, REPORTS, judges.match_again)
                other_choices += left_out.other_choices
                _keep(results, connection, "reports_left_out", left_out.reports)
        chosen_on = {CHOSEN_ON: units}
        found = {
            "alarms": rows_of(results, ALARMS, chosen_on),
            "urgencies": rows_of(results, BY_URGENCY, chosen_on),
            "rules": rows_of(results, BY_RULE, chosen_on),
        }
        results.execute("drop table reports_a; alter table reports_left_out rename to reports_a")
        return RuleComparison(
            a.name,
            b.name,
            units,
            **found,
            left_out=rows_of(results, BY_URGENCY, chosen_on) if choices else [],
            other_choices=other_choices,
        )


def _compile_judges(settings: Settings) -> Judges:
    with Dbt(OIL, settings) as dbt:
        models = dbt.compile(JUDGES)
        nodes = [node for node in dbt.manifest.nodes.values() if node.package_name == "tribolake"]
    return Judges(
        models,
        {node.name: node.schema for node in nodes if node.name in models},
        {
            node.name: node.config.column_types
            for node in nodes
            if node.resource_type == "seed" and node.name in SEEDS and node.name != CHOICES
        },
    )


@contextmanager
def _borrowed(settings: Settings, judges: Judges, client: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Show the warehouse's tables in memory, where seeds and models can be made again."""
    with duckdb.connect() as connection:
        connection.execute(f"attach ':memory:' as {quoted(settings.warehouse.stem)}")
        connection.execute(f"use {quoted(settings.warehouse.stem)}")
        borrow_warehouse(connection, settings.warehouse, judges.models, client)
        connection.execute("create table limits.int_limits as from lake.limits.int_limits")
        for name in (f"policy.{PATTERNS}", *(f"seeds.{quoted(seed)}" for seed in judges.seed_types)):
            connection.execute(f"drop view if exists {name}")
        yield connection


def _keep(results: duckdb.DuckDBPyConnection, connection: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    """Append the rows of a query to a table of results."""
    rows = connection.sql(query).arrow()  # noqa: F841 - DuckDB reads it by its name
    results.execute(f"create table if not exists {name} as select * from rows limit 0")
    results.execute(f"insert into {name} from rows")
