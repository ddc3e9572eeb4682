"""Texts of files on a terminal."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tribolake.cli.printable import in_json, printable
from tribolake.settings import PROJECT_DIR
from tribolake.texts import UNSEEN, one_line

TEXTS = st.text(st.one_of(st.characters(), st.sampled_from("\x1b\x9b\u202e\n\r\x07[]\\")))
COMMANDS = PROJECT_DIR / "python" / "tribolake" / "cli"


@given(TEXTS)
def test_text_has_no_unseen_character_left(text: str) -> None:
    assert not UNSEEN.search(one_line(text))


@given(TEXTS | st.text("\\\\[]/a", max_size=6))
def test_markup_is_shown_as_it_is_written(text: str) -> None:
    assert Text.from_markup(printable(text)).plain == one_line(text)
    assert Text.from_markup(f"[red]{printable(text)}[/red].").plain == f"{one_line(text)}."


@given(st.dictionaries(TEXTS, TEXTS))
def test_json_means_the_same_without_unseen_characters(value: dict[str, str]) -> None:
    written = in_json(json.dumps(value, ensure_ascii=False))
    assert not UNSEEN.search(written)
    assert json.loads(written) == value


def test_readable_texts_stay_as_they_are() -> None:
    assert one_line("Fósforo µ 100 °C ñandú 柴油") == "Fósforo µ 100 °C ñandú 柴油"
    assert one_line("a\x1b[2J\nb\u202e") == r"a\x1b[2J\nb\u202e"


def test_commands_escape_markup_in_one_place_only() -> None:
    assert not [path.name for path in COMMANDS.glob("*.py") if re.search(r"rich\.markup import", path.read_text())]
