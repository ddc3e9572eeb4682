"""A reply is made of the ids of its pattern in the order of the rule that decides, or it is refused."""

from __future__ import annotations

import json
import logging
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.model_endpoints import COPPER, STOP, WEAR
from tests.support.reply_attacks import attack, broken_promises, good_reply, some_pattern

from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.prompt import read_examples
from tribolake.oil.wording.reply import MAX_CHARACTERS, Fault, Reply, judge, response_format
from tribolake.oil.wording.wording import canonical_json

log = logging.getLogger(__name__)
ATTACKS = 100_000


def judged(example: int, **other: object) -> Reply | Fault:
    """Judge the reply of an example, with other fields where they are given."""
    pattern, reply = read_examples()[example]
    return judge(json.dumps(reply | other), pattern.choices)


@pytest.mark.parametrize("example", [WEAR, STOP, COPPER])
def test_reply_of_an_example_is_accepted(example):
    reply = judged(example)
    assert isinstance(reply, Reply)
    assert reply.as_json() == canonical_json(read_examples()[example][1])


@pytest.mark.parametrize(
    ("example", "other"),
    [
        (WEAR, {"steps": ["K07.step1"]}),
        (WEAR, {"steps": ["K07.step1", "S05a.step1", "S05a.step2"]}),
        (WEAR, {"causes": ["K07"]}),
        (WEAR, {"essays": ["Plomo", "Cromo", "Hierro"]}),
        (COPPER, {"steps": ["S09.step1", "K19a.step1", "S11b.step1", "K19a.step2"]}),
    ],
)
def test_reply_with_another_choice_is_accepted(example, other):
    assert isinstance(judged(example, **other), Reply)


@pytest.mark.parametrize(
    ("example", "field", "other"),
    [
        (STOP, "steps", ["K03a.step2", "K03a.step3", "K03a.step4"]),
        (STOP, "steps", ["K03a.step2", "K03a.step1", "K03a.step3", "K03a.step4"]),
        (STOP, "steps", ["K03a.step1", "K03a.step2", "K03a.step4", "K03a.step3"]),
        (STOP, "steps", ["K03a.step1", "K03a.step2", "K03a.step3", "K03a.step4", "K10a.step2"]),
        (STOP, "steps", []),
        (WEAR, "steps", ["S05a.step2", "K07.step1"]),
        (WEAR, "steps", ["K07.step1", "K07.step1"]),
        (WEAR, "steps", ["K07.step1", "S05a.step1", "S05a.step1"]),
        (WEAR, "steps", ["K07.step1", "S05a.step3"]),
        (COPPER, "steps", ["K19a.step1", "K19a.step2", "S09.step1", "S11b.step1", "S11b.step2"]),
        (WEAR, "causes", ["S05a", "K07"]),
        (WEAR, "causes", []),
        (WEAR, "causes", ["K07", "K07"]),
        (WEAR, "causes", ["K07", "K01"]),
        (COPPER, "causes", ["K19a", "S09", "S11b"]),
        (WEAR, "essays", ["Hierro", "Cromo"]),
        (WEAR, "essays", ["Hierro", "Cromo", "Plomo", "Cobre"]),
        (WEAR, "essays", ["Hierro", "Hierro", "Cromo", "Plomo"]),
        (COPPER, "opening", "opening.critical"),  # no essay of it is critical
        (WEAR, "opening", "K07.cause"),
        (WEAR, "hedge", "opening.plain"),
    ],
)
def test_reply_with_a_wrong_field_is_rejected_by_its_name(example, field, other):
    fault = judged(example, **{field: other})
    assert isinstance(fault, Fault)
    assert (fault.reason, fault.fields) == ("rejected", (field,))
    assert field in fault.complaint


def test_stop_comes_before_steps_of_other_rules():
    pattern, reply = read_examples()[STOP]
    lending = Pattern(canonical_json(json.loads(pattern.text) | {"lent_steps": [["S01a.step2"]]}))
    after, before = ["K03a.step1", "S01a.step2", *reply["steps"][1:]], ["S01a.step2", *reply["steps"]]
    assert isinstance(judge(json.dumps(reply | {"steps": after}), lending.choices), Reply)
    assert isinstance(judge(json.dumps(reply | {"steps": before}), lending.choices), Fault)


def test_steps_that_may_be_left_out_follow_the_required_ones():
    pattern, reply = read_examples()[WEAR]
    choices = Pattern(canonical_json(json.loads(pattern.text) | {"other_steps": ["K14d.step2"]})).choices
    for steps, expected in ((["K07.step1", "K14d.step2"], Reply), (["K14d.step2", "K07.step1"], Fault)):
        assert isinstance(judge(json.dumps(reply | {"steps": steps}), choices), expected)


GOOD = json.dumps(read_examples()[WEAR][1], ensure_ascii=False)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "Lo siento, no puedo ayudar.",
        GOOD[:-9],
        f"```json\n{GOOD}\n```",
        GOOD + GOOD,
        f"[{GOOD}]",
        "null",
        "[" * 7_000,
        GOOD[:-1] + ', "comment": "Cambie el aceite."}',
        GOOD.replace('"K07"', '["K07"]'),
        GOOD.replace('"opening.rising"', "NaN"),
        GOOD + " " * MAX_CHARACTERS,
        "x" * 2**20,
    ],
    ids=lambda content: content[:20],
)
def test_content_that_is_not_a_reply_is_unreadable(content):
    fault = judge(content, read_examples()[WEAR][0].choices)
    assert isinstance(fault, Fault)
    assert (fault.reason, fault.fields) == ("unreadable", ())
    assert len(fault.complaint) < 600


def test_reply_that_was_cut_short_is_refused_unread():
    fault = judge(GOOD, read_examples()[WEAR][0].choices, is_whole=False)
    assert isinstance(fault, Fault)
    assert fault.reason == "truncated"


def test_schema_enumerates_the_choices_of_the_pattern():
    asked = response_format(read_examples()[WEAR][0].choices)["json_schema"]
    properties = asked["schema"]["properties"]
    assert (asked["strict"], asked["schema"]["additionalProperties"]) == (True, False)
    assert list(properties) == asked["schema"]["required"] == list(Reply.model_fields)
    assert properties["steps"]["items"]["enum"] == ["K07.step1", "S05a.step1", "S05a.step2"]
    assert properties["causes"]["items"]["enum"] == ["K07", "S05a"]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_reply_that_keeps_to_its_pattern_is_always_accepted(seed):
    dice = Random(seed)  # noqa: S311 - cases, not secrets
    pattern = some_pattern(dice)
    reply = judge(json.dumps(good_reply(pattern, dice)), pattern.choices)
    assert isinstance(reply, Reply), reply


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.integers(0, 2**32))
def test_any_text_is_refused(content, seed):
    assert isinstance(judge(content, some_pattern(Random(seed)).choices), Fault)  # noqa: S311


@pytest.mark.parametrize("attacks", [ATTACKS // 10, pytest.param(ATTACKS, marks=pytest.mark.slow)])
def test_attack_never_breaks_a_promise(attacks):
    dice = Random(attacks)  # noqa: S311
    counts = Counter[str]()
    for _ in range(attacks):
        pattern = some_pattern(dice)
        content = attack(pattern, dice)
        verdict = judge(content, pattern.choices)
        if isinstance(verdict, Fault):
            counts[verdict.reason] += 1
        else:
            counts["accepted"] += 1
            broken = broken_promises(json.loads(verdict.as_json()), pattern)
            assert not broken, (broken, content, pattern.text)
    log.info("of %d replies: %s", attacks, dict(counts))
    assert min(counts["accepted"], counts["rejected"], counts["unreadable"]) > attacks // 20
