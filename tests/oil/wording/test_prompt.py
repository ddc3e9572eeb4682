"""The prompt is made of our own rules, keeps its prefix, and changes only with its version."""

from __future__ import annotations

import hashlib
import json
from importlib import resources

import pytest

from tribolake.oil.wording.guards.violations import violations
from tribolake.oil.wording.pattern import LANGUAGES, Pattern, Rule
from tribolake.oil.wording.prompt import (
    LONGEST_COMPLAINT_BYTES,
    PROMPT_VERSION,
    messages,
    read_examples,
    system_prompt,
    user_prompt,
)
from tribolake.oil.wording.reply import read_reply

# A wording is kept for ever under the version of its prompt: whoever changes a text writes a new version here too.
RECORDED = {"2026-11": "4f4e47a40193329c87073534a7d5f92500ceae2a480d70d783f26fa872cb9586"}

WEAR = Rule("K07", "U1", False, "desgaste de camisas", "medir compresión")
DIRT = Rule("K20", "U2", True, "entrada de tierra", "cambiar el aceite")


def pattern(language="es", rules=(WEAR, DIRT), slots=("Hierro.limit", "Hierro.value"), only_additives=False):
    return Pattern("{}", language, "motor", rules, slots, only_additives)


def of_facts(facts, language):
    rules = tuple(
        Rule(rule["id"], rule["urgency"], rule["advises_change"], rule["cause"], rule["action"])
        for rule in facts["rules"]
    )
    return Pattern("{}", language, facts["component"], rules, tuple(facts["slots"]), facts["only_additives"])


def prompt_texts():
    folder = resources.files("tribolake.oil.wording") / "prompts"
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.is_file()}


def test_given_prompt_texts_then_they_are_those_of_the_recorded_version():
    said = [prompt_texts(), [messages(pattern(language), "x") for language in LANGUAGES]]
    digest = hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    assert RECORDED.get(PROMPT_VERSION) == digest, "a prompt text changed: give PROMPT_VERSION a new label, record both"


@pytest.mark.parametrize("language", LANGUAGES)
def test_given_two_patterns_and_a_retry_then_all_share_the_same_prefix(language):
    first, second = messages(pattern(language)), messages(pattern(language, rules=(DIRT,)))
    again = messages(pattern(language), "slots: {Oro.value} does not exist")
    assert first[0] == second[0] == again[0] == {"role": "system", "content": system_prompt(language)}
    assert again[:2] == first
    assert [message["role"] for message in again] == ["system", "user", "user"]
    assert "{Oro.value} does not exist" in again[2]["content"]


def test_given_a_pattern_then_the_user_prompt_is_canonical_json_of_its_facts():
    said = json.loads(user_prompt(pattern()))
    assert said == {
        "component": "motor",
        "may_advise_change": True,
        "only_additives": False,
        "rules": [
            {
                "id": rule.rule_id,
                "urgency": rule.urgency,
                "cause": rule.cause,
                "action": rule.action,
                "advises_change": rule.advises_change,
            }
            for rule in (WEAR, DIRT)
        ],
        "slots": ["Hierro.limit", "Hierro.value"],
        "urgency": "U1",
    }
    assert user_prompt(pattern()) == json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def test_given_only_additives_then_no_change_may_be_advised_whatever_a_rule_says():
    said = json.loads(user_prompt(pattern(rules=(DIRT,), slots=("Zinc.value",), only_additives=True)))
    assert said["may_advise_change"] is False


def test_given_a_long_or_odd_complaint_then_it_stays_short_and_on_one_line():
    (*_, last) = messages(pattern(), "ñ\n" * 5000)
    assert len(last["content"].encode()) < LONGEST_COMPLAINT_BYTES + 200
    assert last["content"].count("\n") == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_given_the_examples_then_each_is_what_would_be_asked_and_passes_every_guard(language):
    examples = read_examples(language)
    assert len(examples) >= 3
    for example in examples:
        asked = of_facts(example["facts"], language)
        assert json.loads(user_prompt(asked)) == example["facts"]
        assert violations(read_reply(json.dumps(example["reply"])), asked) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_given_a_language_then_its_prompt_states_every_law(language):
    said = system_prompt(language)
    for word in {
        "es": ("slots", "aditivos", "imposible", "plazos", "español", "urgencia", "muestra"),
        "en": ("slots", "Additives", "impossible", "deadlines", "English", "urgency", "sample"),
    }[language]:
        assert word in said
