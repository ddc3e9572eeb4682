"""Rule sets as folders, and the choice of values without the verdicts on a unit."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from tribolake.errors import ConfigurationError
from tribolake.oil.product import OIL
from tribolake.oil.rules.comparison import compare_rules
from tribolake.oil.rules.leave_one_out import Choice, choices_of, choose
from tribolake.oil.rules.rule_sets import CURRENT, load_seed, read_rule_set
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import PROJECT_DIR, load_settings

SEEDS = PROJECT_DIR / "seeds" / "oil"
TYPES = {"rule_id": "varchar", "generality": "integer"}
CHOICE = Choice("K1", "pattern", ("Fe↑", "Fe⇑"), "Fe⇑", frozenset({"T_1", "T_2"}))
ROW = {"rule_id": "K1", "field": "pattern", "value": "Fe↑", "chosen_on": "T_1|T_2", "reason": ""}


def gains(**units: float) -> list[dict[str, object]]:
    return [{"unit": unit, "gain": gain} for unit, gain in units.items()]


def test_seeds_that_a_folder_lacks_are_the_projects(tmp_path: Path):
    shutil.copy(SEEDS / "expert_rules.csv", tmp_path)
    rules = read_rule_set(str(tmp_path))
    assert rules.files["expert_rules"].parent == tmp_path
    assert rules.files["texts_es"] == SEEDS / "texts_es.csv"


def test_folder_without_rules_is_refused(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"has no expert_rules\.csv"):
        read_rule_set(str(tmp_path))


def test_rule_without_a_text_is_refused(tmp_path: Path):
    shutil.copy(SEEDS / "expert_rules.csv", tmp_path)
    with (tmp_path / "expert_rules.csv").open("a", encoding="utf-8") as file:
        file.write("K99,Fe↑,motor,U1,1,new\n")
    with pytest.raises(ConfigurationError, match=r"a step of K99, K99\.name in texts_es\.csv"):
        read_rule_set(str(tmp_path))


def test_cell_of_another_type_names_the_file(tmp_path: Path):
    shutil.copy(SEEDS / "expert_rules.csv", tmp_path)
    with (tmp_path / "expert_rules.csv").open("a", encoding="utf-8") as file:
        file.write("K01,Fe↑,motor,U1,much,new\n")
    with duckdb.connect() as connection, pytest.raises(ConfigurationError, match=r"expert_rules\.csv.*much"):
        connection.execute("create schema seeds")
        load_seed(connection, read_rule_set(str(tmp_path)), "expert_rules", TYPES)


def test_choice_without_the_adopted_value_is_refused():
    with pytest.raises(ConfigurationError, match="K1 pattern"):
        choices_of([ROW], [{"rule_id": "K1", "pattern": "Fe⇑"}])


def test_unit_that_is_left_out_has_no_say_in_the_choice():
    tried = {
        ("K1", "pattern", "Fe↑"): gains(T_1=9, T_2=1),
        ("K1", "pattern", "Fe⇑"): gains(T_1=0, T_2=2),
    }
    assert choose(CHOICE, tried, left_out=None) == "Fe↑"
    assert choose(CHOICE, tried, left_out="T_1") == "Fe⇑"
    assert choose(CHOICE, tried, left_out="T_2") == "Fe↑"


def test_unit_that_did_not_choose_has_no_say_in_the_choice():
    tried = {("K1", "pattern", "Fe↑"): gains(T_1=0, T_3=9), ("K1", "pattern", "Fe⇑"): gains(T_1=1, T_3=0)}
    assert choose(CHOICE, tried, left_out=None) == "Fe⇑"


@pytest.mark.slow
def test_rule_set_is_judged_by_the_projects_models(tmp_path: Path):
    """Without its rule, water in oil is explained by another one. Without floors, more reports are in alarm."""
    write_sample_lake(tmp_path, finning_units=4, als_units=2, months=24)
    settings = load_settings(lake=tmp_path)
    run(OIL, settings)
    same = compare_rules(settings, read_rule_set(CURRENT), read_rule_set(CURRENT), None)
    assert all(row["reports_before"] == row["reports_after"] for row in same.rules)
    deciding = max(same.rules, key=lambda row: row["reports_after"])["rule_id"]

    other = tmp_path / "other"
    other.mkdir()
    lines = (SEEDS / "expert_rules.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(f"{deciding},")]
    (other / "expert_rules.csv").write_text("".join(kept), encoding="utf-8")
    (other / "rule_choices.csv").write_text("rule_id,field,value,chosen_on,reason\n", encoding="utf-8")
    (other / "policy_floors.csv").write_text(
        (SEEDS / "policy_floors.csv").read_text(encoding="utf-8").splitlines(keepends=True)[0], encoding="utf-8"
    )
    found = compare_rules(settings, read_rule_set(str(other)), read_rule_set(CURRENT), ["cda"])
    assert deciding not in {row["rule_id"] for row in found.rules if row["reports_after"]}
    (alarms,) = [row for row in found.alarms if not row["chosen_on"]]
    assert alarms["alarms_after"] - alarms["alarms_before"] == alarms["appear"] > 0
    assert alarms["vanish"] == 0
