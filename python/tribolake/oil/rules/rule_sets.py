"""Sets of expert rules: folders with the seeds of rules, which judge instead of the project's."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.settings import PROJECT_DIR
from tribolake.sql import quoted

CURRENT = "current"
RULES = "expert_rules"
CHOICES = "rule_choices"
# Seeds that a folder may replace. One that is not there is the project's.
SEEDS = (RULES, "rule_steps", "texts_es", "texts_en", "policy_floors", CHOICES)
LANGUAGES = ("texts_es", "texts_en")


@dataclass(frozen=True)
class RuleSet:
    """A set of expert rules by the files of its seeds."""

    name: str
    files: Mapping[str, Path]

    def rows(self, seed: str) -> list[dict[str, str]]:
        """Read the rows of a seed as text. A seed that neither folder nor project has is empty."""
        if seed not in self.files:
            return []
        with self.files[seed].open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))


def read_rule_set(where: str) -> RuleSet:
    """Read a rule set.

    Args:
        where: a folder with seeds of rules, or `current` for those of the project.

    Raises:
        ConfigurationError: there is no such folder, it has no rules, or a rule has no text or step.
    """
    own = PROJECT_DIR / "seeds" / "oil"
    folder = own if where == CURRENT else Path(where)
    if not (folder / f"{RULES}.csv").is_file():
        raise ConfigurationError(f"{where} has no {RULES}.csv: name a folder of rules, or `{CURRENT}`")
    places = {seed: [folder / f"{seed}.csv", own / f"{seed}.csv"] for seed in SEEDS}
    files = {seed: next((path for path in paths if path.is_file()), None) for seed, paths in places.items()}
    rules = RuleSet(where, {seed: path for seed, path in files.items() if path})
    missing = _missing_texts(rules)
    if missing:
        raise ConfigurationError(f"{where} lacks {', '.join(missing[:5])}: {len(missing)} in all")
    return rules


def _missing_texts(rules: RuleSet) -> list[str]:
    """List texts and steps that rules need and do not have."""
    steps: dict[str, list[str]] = {}
    for row in rules.rows("rule_steps"):
        steps.setdefault(row["rule_id"], []).append(f"{row['rule_id']}.step{row['step']}")
    names = [row["rule_id"] for row in rules.rows(RULES)]
    needed = [text for name in names for text in (f"{name}.name", f"{name}.cause", *steps.get(name, ()))]
    missing = [f"a step of {name}" for name in names if name not in steps]
    for language in LANGUAGES:
        known = {row["text_id"] for row in rules.rows(language)}
        missing += [f"{text} in {language}.csv" for text in needed if text not in known]
    return missing


def load_seed(connection: duckdb.DuckDBPyConnection, rules: RuleSet, seed: str, types: Mapping[str, Any]) -> None:
    """Make a seed's table of a borrowed warehouse again, from a rule set.

    Args:
        connection: to the borrowed warehouse.
        rules: has the file.
        seed: name of the table.
        types: type of each column, as the seed's properties declare it.

    Raises:
        ConfigurationError: the file lacks a column, or a cell is not of its type.
    """
    table = f"seeds.{quoted(seed)}"
    columns = ", ".join(f"cast({quoted(name)} as {kind}) as {quoted(name)}" for name, kind in types.items())
    try:
        connection.execute(
            f"create or replace table {table} as select {columns} from read_csv($1, header=true, all_varchar=true)",
            [str(rules.files[seed])],
        )
    except duckdb.Error as error:
        raise ConfigurationError(f"{rules.files[seed]}: {str(error).splitlines()[0]}") from error
