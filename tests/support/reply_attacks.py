"""Replies of a broken or hostile model, and a check of accepted replies against the seeds."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tribolake.oil.seeds import read_seed
from tribolake.oil.wording.pattern import Pattern
from tribolake.oil.wording.wording import canonical_json

RULES = {row["rule_id"]: row for row in read_seed("expert_rules")}
STEPS = {f"{row['rule_id']}.step{row['step']}": row for row in read_seed("rule_steps")}
TEXTS = {row["text_id"]: row["text"] for row in read_seed("texts_es")}
ENGLISH = [row["text"] for row in read_seed("texts_en")]
ESSAYS = sorted(name.removeprefix("essay.") for name in TEXTS if name.startswith("essay."))
OPENINGS, HEDGES = (sorted(name for name in TEXTS if name.startswith(kind)) for kind in ("opening.", "hedge."))
LOOKS = ("verify", "measure")


def steps_of(rule: str, *, is_required: bool) -> list[str]:
    return [
        name for name, row in STEPS.items() if row["rule_id"] == rule and (row["is_required"] == "true") == is_required
    ]


def lent_by(rule: str) -> list[str]:
    """Return the steps that `int_patterns` lends from a rule."""
    own = [name for name, row in STEPS.items() if row["rule_id"] == rule]
    if any(STEPS[name]["kind"] == "change" for name in own):
        return []
    length = next((i for i, name in enumerate(own) if STEPS[name]["kind"] not in LOOKS), len(own))
    return own[: min(length, 2)]


def some_pattern(dice: Random) -> Pattern:
    """Return a random pattern. Its rules may have several urgencies, which patterns of the warehouse do not have."""
    urgency = dice.choice(["U0", "U1", "U2", "U3"])
    first = dice.choice([rule for rule, row in RULES.items() if row["urgency"] == urgency])
    rules = [first, *dice.sample([rule for rule in RULES if rule != first], dice.randint(1, 3))]
    required = steps_of(rules[0], is_required=True)
    said = {
        "begins_with_stop": STEPS[required[0]]["kind"] == "stop",
        "comment": None,
        "component": "motor",
        "essays": [
            {"band": "Critico", "change": "rose", "essay": essay, "times": "near"}
            for essay in sorted(dice.sample(ESSAYS, dice.randint(0, 5)))
        ],
        "hedges": HEDGES,
        "hours": {"component": "unknown", "oil": "unknown"},
        "lent_steps": [lent for lent in map(lent_by, rules[1:]) if lent],
        "openings": sorted(dice.sample(OPENINGS, dice.randint(1, len(OPENINGS)))),
        "other_steps": steps_of(rules[0], is_required=False),
        "required_steps": required,
        "rules": rules,
        "urgency": urgency,
        "verdict": "unknown",
    }
    return Pattern(canonical_json(said))


def good_reply(pattern: Pattern, dice: Random) -> dict[str, Any]:
    """Return a random valid reply to a pattern."""
    choices = pattern.choices
    lent = dice.choice([(), *choices.lent_steps])
    taken = list(lent[: dice.randint(0, len(lent))])
    own = [*choices.required_steps, *choices.other_steps[: dice.randint(0, len(choices.other_steps))]]
    steps = own + taken if choices.begins_with_stop or dice.random() < 0.5 else taken + own
    essays = [symptom.essay for symptom in choices.essays]
    said = {
        "opening": dice.choice(choices.openings),
        "essays": dice.sample(essays, len(essays)),
        "causes": [choices.rules[0], *dice.sample(choices.rules[1:], dice.randint(0, 1))],
        "hedge": dice.choice(choices.hedges),
        "steps": steps,
    }
    return {name: value for name, value in said.items() if essays or name != "essays"}


LENDERS = [rule for rule in RULES if lent_by(rule)]


def attack(pattern: Pattern, dice: Random) -> str:
    """Return a reply with up to three faults, or a text that is not a reply."""
    said = good_reply(pattern, dice)
    if dice.random() < 0.2:  # more lent steps than allowed, in front
        said["steps"] = [*(step for lent in pattern.choices.lent_steps for step in lent), *said["steps"]]
    for _ in range(dice.randint(0, 3)):
        dice.choice(SPOILERS)(said, dice)
    return dice.choice(WRITERS)(json.dumps(said, ensure_ascii=dice.random() < 0.5), dice)


def _drop(said: dict[str, Any], dice: Random) -> None:
    if steps := _list_in(said, dice):
        steps.pop(dice.randrange(len(steps)))


def _double(said: dict[str, Any], dice: Random) -> None:
    if steps := _list_in(said, dice):
        steps.insert(dice.randrange(len(steps) + 1), dice.choice(steps))


def _reorder(said: dict[str, Any], dice: Random) -> None:
    if steps := _list_in(said, dice):
        dice.shuffle(steps)


def _foreign(said: dict[str, Any], dice: Random) -> None:
    """Insert an id of another rule or of another kind, or a text instead of an id."""
    if (steps := _list_in(said, dice)) is not None:
        name = dice.choice(
            [*STEPS, *RULES, *ESSAYS, *OPENINGS, *TEXTS.values(), *ENGLISH, "", "K01", "Cambie el motor."]
        )
        steps.insert(dice.randrange(len(steps) + 1), name)


def _lend(said: dict[str, Any], dice: Random) -> None:
    """Add steps that other rules may lend, before or after the rule's own steps."""
    steps = said.get("steps")
    if isinstance(steps, list):
        more = lent_by(dice.choice(LENDERS))
        said["steps"] = more + steps if dice.random() < 0.5 else steps + more


def _lookalike(said: dict[str, Any], dice: Random) -> None:
    if steps := _list_in(said, dice):
        place = dice.randrange(len(steps))
        other = dice.choice(LOOKALIKES)
        steps[place] = other(str(steps[place]))


def _other_field(said: dict[str, Any], dice: Random) -> None:
    name = dice.choice(["opening", "essays", "causes", "hedge", "steps", "action", "urgency"])
    said[name] = dice.choice(
        [None, 1, True, "K01.step1", [], {}, [[]], [None], {"steps": []}, "Cambie el aceite.", *OPENINGS, *HEDGES]
    )


def _missing_field(said: dict[str, Any], dice: Random) -> None:
    if said:
        said.pop(dice.choice(list(said)))


def _nested(said: dict[str, Any], dice: Random) -> None:
    for name in list(said):
        said[name] = [said[name]] if dice.random() < 0.5 else {"id": said[name]}


def _list_in(said: dict[str, Any], dice: Random) -> list[Any] | None:
    found = said.get(dice.choice(["steps", "steps", "causes", "essays"]))
    return found if isinstance(found, list) else None


SPOILERS: Sequence[Callable[[dict[str, Any], Random], None]] = (
    _drop, _double, _reorder, _foreign, _lend, _lend, _lookalike, _other_field, _missing_field, _nested,
)  # fmt: skip
LOOKALIKES: Sequence[Callable[[str], str]] = (
    lambda name: name.replace("K", "\u039a").replace("S", "\u0405").replace("o", "\u043e"),  # Greek, Cyrillic
    lambda name: name.replace("1", "\uff11").replace(".", "\uff0e"),  # full width
    lambda name: unicodedata.normalize("NFD", name) + "\u200b",
    lambda name: f" {name}",
    str.lower,
    str.upper,
    lambda name: f"{name}\u0000",
)
WRITERS: Sequence[Callable[[str, Random], str]] = (
    *[lambda text, _: text] * 20,
    lambda text, dice: text[: dice.randrange(len(text))],
    lambda text, _: f"```json\n{text}\n```",
    lambda text, _: text + text,
    lambda text, _: f"[{text}]",
    lambda text, _: json.dumps(text),
    lambda text, _: text.replace('{"', '{"steps": [], "', 1),
    lambda text, _: text + " " * 2**20,
    lambda text, _: text[:-1] + ', "x": "' + "x" * 2**20 + '"}',
    lambda _, dice: dice.choice(
        ["", "null", "NaN", "Infinity", "[" * 7_000, '{"a":' * 3_000, "Cambie el aceite.", "\x00"]
    ),
    lambda _, dice: "".join(dice.choices('{}[]",:Kstep0123 \\u', k=dice.randint(1, 200))),
)


def broken_promises(reply: dict[str, Any], pattern: Pattern) -> list[str]:
    """List the promises that an accepted reply breaks, by the seeds alone."""
    said = json.loads(pattern.text)
    deciding, steps = said["rules"][0], reply["steps"]
    required = steps_of(deciding, is_required=True)
    others = [step for step in steps if STEPS[step]["rule_id"] != deciding]
    essays = sorted(each["essay"] for each in said["essays"])
    broken = {
        "a required step is missing, doubled or out of order": [s for s in steps if s in required] != required,
        "a stop is not first": STEPS[required[0]]["kind"] == "stop" and steps[0] != required[0],
        "a step of another rule changes something": any(STEPS[step]["kind"] not in LOOKS for step in others),
        "too many steps of other rules": len(others) > 2,
        "a step is doubled": len(set(steps)) < len(steps),
        "a step of a rule that did not match": any(STEPS[step]["rule_id"] not in said["rules"] for step in others),
        "an essay is missing, doubled or invented": sorted(reply.get("essays", [])) != essays,
        "the deciding cause is not first": reply["causes"][0] != deciding or len(reply["causes"]) > 2,
        "a cause of a rule that did not match": not {*reply["causes"]} <= {*said["rules"]},
        "another phrase": reply["opening"] not in said["openings"] or reply["hedge"] not in HEDGES,
    }
    return [promise for promise, is_broken in broken.items() if is_broken]
