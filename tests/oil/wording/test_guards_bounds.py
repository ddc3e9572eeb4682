"""No text keeps the guards busy: no pattern takes exponential time, and nothing reads a text that is too long."""

from __future__ import annotations

import csv
import json
import pkgutil
import re
import subprocess
import sys
from importlib import import_module

import pytest
from tests.support.guard_replies import GOOD, wear_pattern

from tribolake.oil.wording import guards
from tribolake.oil.wording.guards import claims
from tribolake.oil.wording.guards.violations import MOST_CHARACTERS, violations
from tribolake.oil.wording.reply import Reply

SECONDS = 60  # linear work takes two or three, exponential work more than any machine has
LENGTH = 2_000
SEARCHING = """
import json, re, sys
for pattern, texts in json.load(sys.stdin):
    compiled = re.compile(pattern)
    for text in texts:
        compiled.search(text)
"""
MODULES = [import_module(f"{guards.__name__}.{found.name}") for found in pkgutil.iter_modules(guards.__path__)]


def patterns():
    with claims.PHRASES.open(encoding="utf-8", newline="") as file:
        yield from (rf"(?<!\w)(?:{row['phrase']})(?!\w)" for row in csv.DictReader(file))
    for module in MODULES:
        yield from (value.pattern for value in vars(module).values() if isinstance(value, re.Pattern))


def repetitions(pattern):
    """Texts that begin as a match does and then repeat one alternative of the pattern without an end."""
    bits = list(dict.fromkeys(re.findall(r"[a-z0-9,.' ]+", pattern)))
    for bit in bits:
        for first in bits[:2]:
            for repeated in (bit, f"{bit.strip()} "):
                yield (f"{first.strip()} " + repeated * LENGTH)[:LENGTH] + "#"


def is_searched_in_time(cases, seconds):
    try:
        subprocess.run([sys.executable, "-c", SEARCHING], input=json.dumps(cases).encode(), timeout=seconds, check=True)
    except subprocess.TimeoutExpired:
        return False
    return True


def test_given_every_alternative_of_every_pattern_repeated_then_it_is_searched_in_time():
    assert is_searched_in_time([(pattern, list(repetitions(pattern))) for pattern in patterns()], SECONDS)


def test_given_a_pattern_that_reads_a_repetition_in_two_ways_then_the_test_above_would_fail():
    ambiguous = r"(?:in|by) (?:a |few |a few )+(?:week|day)s?"
    assert not is_searched_in_time([(ambiguous, list(repetitions(ambiguous)))], 1)


def test_given_a_text_that_is_too_long_then_only_its_length_is_judged():
    long = "Measure blow-by in " + "a few " * 200
    sentences = GOOD["en", False] | {"action": long[:1_190] + "places.", "urgency": "U1"}
    assert {found.guard for found in violations(Reply.model_validate(sentences), wear_pattern("en"))} == {"length"}


@pytest.mark.parametrize("field", ["observation", "cause", "action"])
def test_given_one_endless_word_then_it_is_too_long_as_well(field):
    said = Reply.model_construct(**(GOOD["en", False] | {field: "x" * (MOST_CHARACTERS + 1)}), urgency="U1")
    assert [found.guard for found in violations(said, wear_pattern("en"))] == ["length"]
