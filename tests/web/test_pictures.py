"""Test that the README shows pictures that are there, say what they show, and load fast."""

from __future__ import annotations

import re

from tests.support.pictures import FOLDER, MOST_BYTES

from tribolake.settings import PROJECT_DIR

SHOWN = re.compile(r"!\[([^\]]+)\]\((docs/pictures/[\w.]+)\)")


def test_pictures_of_the_readme_are_there_small_and_described():
    shown = SHOWN.findall((PROJECT_DIR / "README.md").read_text(encoding="utf-8"))
    assert {PROJECT_DIR / path for _, path in shown} == set(FOLDER.iterdir())
    assert len(shown) == 2
    for described, path in shown:
        content = (PROJECT_DIR / path).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) <= MOST_BYTES
        assert len(described.split()) > 5
