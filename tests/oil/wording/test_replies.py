"""Test that a reply has the ids of its pattern in the order of the deciding rule, or is refused."""

from __future__ import annotations

import csv
import json
import logging
from collections import Counter
from pathlib import Path
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
EXAMPLES = {"wear": WEAR, "stop": STOP, "copper": COPPER}
with Path(__file__).with_name("replies.csv").open(encoding="utf-8", newline="") as _file:
    ROWS = list(csv.DictReader(_file))


def judged(example: int, **other: object) -> Reply | Fault:
    """Judge the reply of an example, with some other fields."""
    pattern, reply = read_examples()[example]
    return judge(json.dumps(reply | other), pattern.choices)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_reply_of_an_example_is_accepted(example):
    reply = judged(example)
    assert isinstance(reply, Reply)
    assert reply.as_json() == canonical_json(read_examples()[example][1])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['example']} {row['field']} {row['ids']}")
def test_reply_with_another_field_is_judged_by_its_name(row):
    """The reply of an example, with other ids in one field."""
    ids, field = row["ids"].split(), row["field"]
    verdict = judged(EXAMPLES[row["example"]], **{field: ids[0] if field in ("opening", "hedge") else ids})
    if row["is_accepted"] == "true":
        assert isinstance(verdict, Reply)
    else:
        assert isinstance(verdict, Fault)
        assert (verdict.reason, verdict.fields) == ("rejected", (field,))
        assert field in verdict.complaint


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
        GOOD,
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```",
        f"<think>\nPrimero {{la causa}}: {GOOD}\n</think>\n\n{GOOD}",
        f"{'pensar ' * 4_000}</think>```json\n{GOOD}```",
        f"Claro. Aquí tiene {{la}} respuesta:\n{GOOD}\nSaludos.",
    ],
    ids=lambda content: content[:20],
)
def test_object_with_fence_thoughts_or_words_is_read(content):
    pattern, reply = read_examples()[WEAR]
    assert json.loads(judge(content, pattern.choices).as_json()) == reply


@pytest.mark.parametrize(
    "content",
    [
        "",
        "Lo siento, no puedo ayudar.",
        GOOD[:-9],
        f"```json\n{GOOD[:-9]}\n```",
        f"```json\n{GOOD}\n```\n```json\n{GOOD}\n```",
        f"<think>{GOOD}</think>",
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
