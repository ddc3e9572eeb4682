"""Measure with labelled sentences how often the readers of free text are wrong."""

from __future__ import annotations

import csv
import logging
from collections import defaultdict
from pathlib import Path

import pytest

from tribolake.oil.evaluation import WRONG_ADVICE
from tribolake.oil.evaluation.change_advice import advises_change
from tribolake.oil.evaluation.claims import calms, is_error, promises
from tribolake.oil.evaluation.language import is_another_language

log = logging.getLogger(__name__)
READERS = {
    "change": advises_change,
    "calm": calms,
    "promise": promises,
    "error": is_error,
    "not es": lambda text: is_another_language.__wrapped__(text, "es") or None,
    "not en": lambda text: is_another_language.__wrapped__(text, "en") or None,
}
# Sentences of each reader. Those of origin `afterwards` were written after its lists of words.
with Path(__file__).with_name("sentences.csv").open(encoding="utf-8", newline="") as _file:
    ROWS = list(csv.DictReader(_file))


def wrong(reader: str, origin: str | None = None) -> tuple[list[str], int]:
    """Return the sentences that a reader gets wrong, and the number of its sentences."""
    rows = [row for row in ROWS if row["reader"] == reader and origin in (None, row["origin"])]
    read = {row["text"]: READERS[reader](row["text"]) is not None for row in rows}
    return [row["text"] for row in rows if read[row["text"]] != (row["expected"] == "true")], len(rows)


def test_stated_error_rate_of_advice_is_the_measured_one():
    found, sentences = wrong("change")
    log.info("of %d sentences %d are read wrongly: %s", sentences, len(found), found)
    assert (len(found), sentences) == WRONG_ADVICE
    unseen, new = wrong("change", "afterwards")
    assert len(unseen) / new < 0.15


@pytest.mark.parametrize("reader", ["calm", "promise", "error", "not es", "not en"])
def test_reader_reads_its_labelled_sentences(reader):
    assert wrong(reader)[0] == wrong(reader)[0] == wrong(reader)[0] == []


def test_labelled_sentences_are_of_both_kinds_and_languages():
    kinds = defaultdict(set)
    for row in ROWS:
        kinds[row["reader"], row["expected"]].add(row["language"])
    assert all(kinds["change", expected] == {"es", "en"} for expected in ("true", "false"))
    assert len({(row["reader"], row["text"]) for row in ROWS}) == len(ROWS)
