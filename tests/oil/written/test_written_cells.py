"""Test which cells of a row are the result of an essay: in columns, and in pairs of names and values."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.oil.written.cells import Cell, Found, find_result
from tribolake.oil.written.staged import StagedFiles


def row_of(texts: Mapping[str, str], kinds: Mapping[str, str] | None = None) -> list[Cell]:
    return [Cell(name, text, (kinds or {}).get(name, "t")) for name, text in texts.items()]


def pairs_of(*pairs: tuple[str, str]) -> list[Cell]:
    return row_of(
        {
            f"testResults_{place}_{part}": text
            for place, (name, value) in enumerate(pairs)
            for part, text in (("test_translation_name", name), ("resultValue", value))
        }
    )


def columns_of(found: Found | None) -> set[str]:
    return set(found.values) if found else set()


def test_column_of_an_essay_is_found_by_its_header():
    row = row_of({"Fe": "88", "Cu": "3", "Interpretacion": "Fe"})
    assert find_result("finning", "OIL", row, "Hierro") == Found(frozenset({"Fe"}), frozenset(), "Hierro")
    assert find_result("finning", "OIL", row, "Plomo") is None


def test_result_that_is_written_twice_is_marked_twice():
    assert columns_of(find_result("finning", "OIL", row_of({"Fe": "88", "Fe#2": "88"}), "Hierro")) == {"Fe", "Fe#2"}


@pytest.mark.parametrize("kind", ["e", "f"])
def test_error_gives_way_to_another_result(kind: str):
    row = row_of({"Fe": "#N/A", "Fe#2": "88"}, {"Fe": kind})
    assert columns_of(find_result("finning", "OIL", row, "Hierro")) == {"Fe#2"}
    assert columns_of(find_result("finning", "OIL", row[:1], "Hierro")) == {"Fe"}


@pytest.mark.parametrize("text", ["-", " N/A ", "\xa0--"])
def test_text_that_says_not_measured_is_no_result(text: str):
    assert find_result("finning", "OIL", row_of({"Fe": text}), "Hierro") is None


def test_pair_is_its_name_and_its_value():
    row = pairs_of(("Cobre", "3"), ("Hierro", "4"))
    found = find_result("als", "*", row, "Hierro")
    assert found == Found(
        frozenset({"testResults_1_resultValue"}), frozenset({"testResults_1_test_translation_name"}), "Hierro"
    )


@given(st.permutations(["Hierro", "Cobre", "Plomo", "Silicio", "Sodio"]), st.sampled_from(["Hierro", "Sodio"]))
def test_pair_is_found_wherever_it_stands(order: list[str], essay: str):
    row = pairs_of(*((name, f"value of {name}") for name in order))
    found = find_result("als", "*", row, essay)
    assert [cell.text for cell in row if cell.column in columns_of(found)] == [f"value of {essay}"]


def test_iso_code_that_is_not_a_cell_leads_to_what_it_is_computed_from():
    row = row_of({"4µ": "1500"})
    found = find_result("finning", "OIL", row, "ISO 4µ")
    if found is None:  # the seed has another name of the count
        pytest.fail("the count at 4 µm is not known")
    assert found.source == "Partículas 4µ"


@given(st.lists(st.sampled_from("abcdef"), max_size=30))
def test_only_the_last_used_files_are_kept(names: list[str]):
    staged = StagedFiles(most=2)
    used: list[str] = []
    for name in names:
        with staged.hold(name) as kept:
            assert (kept is not None) == (name in used[-2:])
            assert kept is None or kept.read_text(encoding="utf-8") == name
        if name not in used[-2:]:
            made = staged.folder / "made"
            made.write_text(name, encoding="utf-8")
            staged.keep(name, made)
        used = [one for one in used if one != name] + [name]
        assert len(list(staged.folder.iterdir())) <= 2
