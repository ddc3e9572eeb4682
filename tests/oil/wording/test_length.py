"""Test that no text of ours is too long, whatever rule decides, and whatever doubt stands first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tribolake.oil.seeds import read_seed

WORDS, KEPT_FOR_A_DOUBT = 150, 20
WITH_VALUES = 2  # of the shortest list of breaches
MOST_CRITICAL = 9  # breaches of a report, as in the real files
LANGUAGES = ("es", "en")
VALUE, LIMIT = ">1234,56 ppm", "1234,56"


def texts_of(language: str) -> dict[str, str]:
    return {row["text_id"]: row["text"] for row in read_seed(f"texts_{language}")}


def words(text: str) -> int:
    return len(text.split())


def longest(texts: dict[str, str], prefix: str) -> str:
    return max((text for text_id, text in texts.items() if text_id.startswith(prefix)), key=words)


def shortest_opening(texts: dict[str, str]) -> str:
    """Return the longest opening with the values of two breaches, and the names of the other critical ones."""
    names = sorted((text for text_id, text in texts.items() if text_id.startswith("essay.")), key=words, reverse=True)
    slots = {"value": VALUE, "limit": LIMIT, "before": LIMIT, "band": longest(texts, "band.")}
    said = [longest(texts, "breach.").format(essay=name, **slots) for name in names[:WITH_VALUES]]
    listed = ", ".join([*said, texts["report.critical_too"].format(names=", ".join(names[WITH_VALUES:MOST_CRITICAL]))])
    listed = f"{listed} {texts['report.more'].format(count=9)}"
    return texts["opening.plain"].format(
        component=longest(texts, "component."), status=texts["status.Anormal"], breaches=listed
    )


def advices(texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Return each rule with its cause, the longest deadline and its steps, as a text has them."""
    steps: dict[str, list[str]] = {}
    for row in read_seed("rule_steps"):
        steps.setdefault(row["rule_id"], []).append(texts[f"{row['rule_id']}.step{row['step']}"])
    for rule_id, said in steps.items():
        yield rule_id, f"{texts[f'{rule_id}.cause']} {longest(texts, 'deadline.')} {'; '.join(said)}."


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_of_any_rule_is_short_enough_with_a_doubt(language: str) -> None:
    texts = texts_of(language)
    opening = shortest_opening(texts)
    essays = [texts[f"essay.{row['essay']}"] for row in read_seed("sump_differences")]
    doubt = texts["note.in_doubt"].format(essay=max(essays, key=words))
    assert words(doubt) <= KEPT_FOR_A_DOUBT, doubt
    lengths = {rule_id: words(f"{doubt} {opening} {advice}") for rule_id, advice in advices(texts)}
    assert len(lengths) > 100
    assert {rule_id: length for rule_id, length in lengths.items() if length > WORDS} == {}
