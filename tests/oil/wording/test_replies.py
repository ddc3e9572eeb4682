"""A reply is read as strictly as a file from a stranger."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tribolake.errors import TribolakeError
from tribolake.oil.wording.reply import (
    MAX_CHARACTERS,
    MAX_SENTENCE,
    Reply,
    ReplyUnreadable,
    read_reply,
    response_format,
)

GOOD = {
    "observation": "Hierro {Hierro.value} (límite {Hierro.limit}).",
    "cause": "Probable desgaste.",
    "action": "Revise el filtro.",
    "urgency": "U1",
}


def without(name):
    return {field: value for field, value in GOOD.items() if field != name}


def test_given_a_good_reply_then_its_fields_are_read():
    reply = read_reply(json.dumps(GOOD))
    assert reply == Reply(**GOOD)
    assert list(reply.sentences.values()) == [GOOD["observation"], GOOD["cause"], GOOD["action"]]


def test_given_spaces_around_a_sentence_then_they_are_taken_away():
    assert read_reply(json.dumps(GOOD | {"cause": " \n Probable desgaste. "})).cause == "Probable desgaste."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        ("   \n", "empty"),
        ("Lo siento, no puedo ayudar.", "no JSON"),
        (json.dumps(GOOD)[:-9], "cut off"),
        ("```json\n" + json.dumps(GOOD) + "\n```", "no JSON"),
        (json.dumps(GOOD) + json.dumps(GOOD), "no JSON"),
        (json.dumps([GOOD]), "the reply"),
        ("null", "the reply"),
        ('"text"', "the reply"),
        (json.dumps(without("cause")), "cause"),
        (json.dumps(without("urgency")), "urgency"),
        (json.dumps(GOOD | {"confidence": 0.9}), "confidence"),
        (json.dumps(GOOD | {"action": None}), "action"),
        (json.dumps(GOOD | {"action": 5}), "action"),
        (json.dumps(GOOD | {"action": ["Revise."]}), "action"),
        (json.dumps(GOOD | {"action": ""}), "action"),
        (json.dumps(GOOD | {"action": "   "}), "action"),
        (json.dumps(GOOD | {"urgency": "U4"}), "urgency"),
        (json.dumps(GOOD | {"urgency": "u1"}), "urgency"),
        (json.dumps(GOOD | {"urgency": 1}), "urgency"),
        (json.dumps(GOOD)[:-1] + ', "urgency": "U3"}', "twice"),
        (json.dumps(GOOD).replace('"U1"', "NaN"), "NaN"),
        (json.dumps(GOOD | {"cause": "a" * (MAX_SENTENCE + 1)}), "cause"),
        (json.dumps(GOOD | {"cause": "a" * MAX_CHARACTERS}), "characters"),
        ("[" * 7000, "no JSON"),
    ],
)
def test_given_anything_else_then_it_is_refused_with_the_reason(content, reason):
    with pytest.raises(ReplyUnreadable, match=reason) as refused:
        read_reply(content)
    assert isinstance(refused.value, TribolakeError)
    assert len(str(refused.value)) < 600


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=200)
    | st.dictionaries(st.sampled_from([*GOOD, "x"]), st.none() | st.text(max_size=20)).map(json.dumps)
)
def test_given_any_text_then_it_is_a_reply_or_refused_and_nothing_else_happens(content):
    try:
        reply = read_reply(content)
    except ReplyUnreadable:
        return
    assert all(reply.sentences.values())


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(0, len(json.dumps(GOOD, ensure_ascii=False)) - 1))
def test_given_a_reply_cut_anywhere_then_it_is_refused(cut):
    with pytest.raises(ReplyUnreadable):
        read_reply(json.dumps(GOOD, ensure_ascii=False)[:cut])


def test_given_the_schema_then_it_is_strict_and_has_the_fields_of_a_reply():
    asked = response_format()
    schema = asked["json_schema"]["schema"]
    assert (asked["type"], asked["json_schema"]["strict"]) == ("json_schema", True)
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == schema["required"] == list(Reply.model_fields)
    assert schema["properties"]["urgency"]["enum"] == ["U0", "U1", "U2", "U3"]


def test_given_a_reply_then_it_cannot_be_changed():
    with pytest.raises(ValidationError):
        Reply(**GOOD).action = "Otra cosa."
