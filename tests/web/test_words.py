"""Test that both languages say the same things, and that numbers and days are those of gold."""

from __future__ import annotations

import re
import string
import tomllib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.settings import PROJECT_DIR
from tribolake.web.rendering import ENVIRONMENT
from tribolake.web.typed import TwoMeanings, read_number
from tribolake.web.words import LANGUAGES, TEXTS, TextWithCommands, words_in

WEB = PROJECT_DIR / "python" / "tribolake" / "web"
USED = re.compile(r"""(?:words|visit\.words|self)\(\s*"([a-z_]+(?:\.[\w ]+)*)\"""")
NAMED = re.compile(r'"([a-z_]+\.[a-z_]+)"')
# Ids that are put together: bands and levels of limits, the two kinds of failures, filters, keys, quality, feedback.
JOINED = re.compile(
    r"^(axis|band|lake|error|filter|history|keys|quality|radar|reason|undefined|whatif"
    r"|feedback\.(kind|field)|limit\.(level|quality)|limits\.filter)\.|^chart\.per_"
)
NUMBERS = st.floats(-1e9, 1e9).map(lambda value: float(f"{value:.9g}"))
MARKS = {"es": (".", ","), "en": (",", ".")}


def texts_of(language: str) -> dict[str, str]:
    return tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))


def fields_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_texts_and_fields():
    spanish, english = map(texts_of, LANGUAGES)
    assert list(spanish) == list(english)
    assert [name for name in spanish if fields_of(spanish[name]) != fields_of(english[name])] == []


def test_each_text_is_used_and_each_used_text_is_there():
    sources = [path.read_text(encoding="utf-8") for path in WEB.rglob("*") if path.suffix in (".py", ".html")]
    used = {name for source in sources for name in USED.findall(source)}
    named = {name for source in sources for name in NAMED.findall(source)}
    known = set(texts_of("es"))
    of_one = {name for name in known if name.removesuffix(".one") in known - {name}}
    assert {name for name in used if name not in known} == set()
    assert {name for name in known - used - named - of_one if not JOINED.match(name)} == set()


# Texts whose number is never one: three machines or more, meters one after the other, and a currency.
NEVER_ONE = {"chart.sister", "chart.sisters", "axis.meters", "feedback.saved_usd", "feedback.saved_hours", "fleet.more"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_count_has_a_text_for_one(language: str):
    texts = texts_of(language)
    counting = {name for name, text in texts.items() if re.search(r"\{n\} \w+s\b", text)} - NEVER_ONE
    assert {name for name in counting if f"{name}.one" not in texts} == set()
    assert words_in(language)("report.points", n="1") == {"es": "1 punto", "en": "1 point"}[language]
    assert words_in(language)("report.points", n="21") == {"es": "21 puntos", "en": "21 points"}[language]


@pytest.mark.parametrize("text", ["1.300", "1,300", "12.500", "+12,500", "-999.999", " 1.300 "])
def test_number_of_two_meanings_is_refused(text: str):
    with pytest.raises(TwoMeanings):
        read_number(text)


@pytest.mark.parametrize(("text", "number"), [("1300", 1300), ("0,125", 0.125), ("1,3000", 1.3), ("15.02", 15.02)])
def test_number_of_one_meaning_is_read(text: str, number: float):
    assert read_number(text) == number


@pytest.mark.parametrize("language", LANGUAGES)
@given(number=st.one_of(NUMBERS, st.integers(-1_000_000, 1_000_000).map(lambda thousandths: thousandths / 1000)))
def test_number_is_typed_as_it_is_read(language: str, number: float):
    assert read_number(words_in(language).typed(number)) == number


def test_commands_in_texts_are_marked_as_code():
    template = ENVIRONMENT.from_string("{{ text }} {{ other }}")
    shown = template.render(text=words_in("en")("unread.text", client="<b>"), other="`written`")
    assert "<code>tribolake verify</code>" in shown and "&lt;b&gt;" in shown and "`written`" in shown
    shown = template.render(text=TextWithCommands("<i> `<b>`"), other="")
    assert shown.strip() == "&lt;i&gt; <code>&lt;b&gt;</code>"


@pytest.mark.parametrize("language", LANGUAGES)
@given(number=NUMBERS)
def test_number_is_never_rounded(language: str, number: float):
    group, mark = MARKS[language]
    said = words_in(language).number(number)
    assert float(said.replace(group, "").replace(mark, ".").replace("−", "-")) == number


@pytest.mark.parametrize("text", ["<0,05", ">100", "N", "21/19/15", "", "NaN", "Infinity"])
def test_text_that_is_no_number_stays(text: str):
    assert words_in("es").number(text) == text


def test_days_and_ages_are_said_in_the_language():
    spanish, english = map(words_in, LANGUAGES)
    assert spanish.day(date(2026, 1, 31)) == spanish.day("2026-01-31T12:00:00") == "31 ene 2026"
    assert english.day("2026-01-31") == "31 Jan 2026"
    assert (spanish.day(None), spanish.day("")) == ("", "")
    assert [spanish.age(days) for days in (0, 1, 2)] == ["hoy", "hace 1 día", "hace 2 días"]
    assert english.days(1234) == "1,234 days"


def test_words_of_the_field_come_from_the_seeds():
    assert words_in("en").essay("Hierro") == "Iron"
    assert words_in("es").status("Sin evaluar") == "Sin evaluar"
    assert words_in("es").unit("1") == ""
    assert words_in("en").essay("a new essay") == "a new essay"
