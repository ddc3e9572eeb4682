"""Spellings of one name have one normal form, and other names have another one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.readers.names import normal_form

NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Visc@100C ", "visc @ 100c"),
        ("Fecha de\n Toma de Muestra", "FECHA DE TOMA DE MUESTRA"),
        ("NÍQUEL", "Niquel"),
        ("Viscosidad 100 ºC", "Viscosidad 100 °C"),
        ("Ｆｅ（ppm）", "Fe (ppm)"),
        ("Fe–RDE", "Fe-RDE"),
        ("4µ", "4\N{GREEK SMALL LETTER MU}"),
        ("\N{ZERO WIDTH NO-BREAK SPACE}Lab\N{SOFT HYPHEN}_No", "Lab_No"),
        ("ﬂuid", "FLUID"),
        ("\N{CYRILLIC CAPITAL LETTER EM}uestra", "Muestra"),
        ("F\N{CYRILLIC SMALL LETTER IE}", "Fe"),
        ("\N{CYRILLIC CAPITAL LETTER VE}", "B"),
    ],
)
def test_spellings_of_one_name_have_one_form(one: str, other: str):
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Fe", "Fe (ppm)"), ("Cr", "Cr*"), ("V40", "V40%"), ("Lab_No", "LabNo"),
        ("Ca", "\N{CYRILLIC CAPITAL LETTER ES}\N{CYRILLIC SMALL LETTER DE}"),
    ],
)  # fmt: skip
def test_marks_and_units_in_a_name_make_another_name(one: str, other: str):
    assert normal_form(one) != normal_form(other)


@given(NAMES, st.sampled_from([str.upper, str.lower, lambda name: f" {name}\N{NO-BREAK SPACE}\N{ZERO WIDTH SPACE}"]))
def test_form_survives_case_and_white_space(name: str, change):
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert normal_form(normal_form(name)) == normal_form(name) == normal_form(unicodedata.normalize(form, name))
    if change not in (str.upper, str.lower) or name.isascii():
        assert normal_form(change(name)) == normal_form(name)
