"""Test that each page speaks the language of its reader: no text of the seeds or of the pages in the other one."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from tests.market.small_warehouse import TEXTBOOK
from tests.support.page_reader import Pages, text_of

from tribolake.market import features, indicators
from tribolake.market.features import FEATURES
from tribolake.market.indicators import INDICATORS
from tribolake.oil.product import OIL
from tribolake.oil.questions.published import rows
from tribolake.run.pipeline import run
from tribolake.seeds import read_seed
from tribolake.settings import Settings, load_settings
from tribolake.web.views.market import why_undefined
from tribolake.web.words import LANGUAGES, TEXTS, words_in

# Columns of seeds that pages show. The Spanish ones have `_es` at their end.
REASONS = {
    ("oil", "policy_floors"): ("reason", "source"),
    ("oil", "policy_fixed_bands"): ("reason",),
    ("market", "quality_rules"): ("measure", "advice"),
}
SPOKEN = ("aria-label", "title", "placeholder", "alt")  # attributes that are read to people
SHORTEST = 12  # letters of a piece that cannot stand in both languages by chance
# The laboratory's own words, published advice, what commands say of a failure, and the link to the other language.
OWN_WORDS = "dl.cells, p.advice, ul.comments, [lang=en]:not(html), a.language, script, style"


@cache
def pieces(language: str) -> frozenset[str]:
    """What the seeds and the pages say in a language, without the places for values."""
    texts = [row["text"] for row in read_seed("oil", f"texts_{language}")]
    texts += tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8")).values()
    column = {"en": "", "es": "_es"}[language]
    for (product, seed), names in REASONS.items():
        texts += [row[f"{name}{column}"] for row in read_seed(product, seed) for name in names]
    found = (" ".join(piece.split()).strip(" .:;,`") for text in texts for piece in re.split(r"\{\w+\}|`", text))
    return frozenset(piece for piece in found if len(piece) >= SHORTEST and " " in piece)


def foreign(page: BeautifulSoup, language: str) -> set[str]:
    """The pieces of the other language that stand on a page."""
    for element in page.select(OWN_WORDS):
        element.decompose()
    spoken = [element[name] for element in page.find_all(True) for name in SPOKEN if element.get(name)]
    said = " ".join((text_of(page), *spoken))
    (other,) = (one for one in LANGUAGES if one != language)
    return {piece for piece in pieces(other) - pieces(language) if piece in said}


def addresses(settings: Settings, most: int) -> Iterator[str]:
    """Addresses of each kind of page: of reports whose rules differ, at most so many, and of limits by essay."""
    yield from ("/?show=1000", "/limits?show=200", "/quality", "/?client=nobody", "/nothing", "/?show=none")
    yield from ("/what-if?client=cda&how=policy&policy=none", "/m?client=cda&unit=none")
    pages = Pages(settings)
    reports = rows(
        settings,
        """
        select lower(client) as client, sampleNumber, unitId
        from classified_reports
        where length(sampleNumber) < 60 and length(unitId) < 60
        qualify row_number() over (partition by client, report_status, rule_ids[1] order by sampleNumber) = 1
        order by rule_ids[1] is null, sampleNumber
        """,
    )
    seen: set[str] = set()
    for row in reports[:most]:
        names = {"client": row["client"], "sample": row["sampleNumber"]}
        yield pages.address("/r", charts="all", **names)
        yield pages.address("/lineage", essay="Hierro", **names)
        if row["unitId"] not in seen:
            yield pages.address("/m", client=row["client"], unit=row["unitId"])
        seen.add(row["unitId"])
    reasoned = {row["essay"] for product, seed in REASONS if product == "oil" for row in read_seed(product, seed)}
    for row in rows(settings, "select distinct essay from stewart_limits order by essay"):
        if row["essay"] in reasoned:
            yield pages.read("/limits", essay=row["essay"]).select_one("table a")["href"]


def market_addresses(settings: Settings) -> Iterator[str]:
    """Addresses of the tickers, of each with each computation version, and of each of its values."""
    pages = Pages(settings)
    yield from ("/market", "/market?ticker=none", "/market?ticker=..")
    for ticker in pages.read("/market").select("tbody th a"):
        for version in ("1.0", "reference"):
            yield f"{ticker['href']}&version={version}"
        yield ticker["href"]
        page = BeautifulSoup(pages.ask(ticker["href"]).text, "html.parser")  # a ticker that is held back may have none
        yield from (value["href"] for value in page.select("td.number a")[::7])


def wrong_pages(settings: Settings, asked: Iterator[str]) -> dict[str, set[str]]:
    pages = Pages(settings)
    found = {}
    for address in dict.fromkeys(asked):
        for language in LANGUAGES:
            answer = pages.client.get(f"{address}{'&' if '?' in address else '?'}lang={language}")
            assert answer.status_code != 500, (address, pages.log)
            if wrong := foreign(BeautifulSoup(answer.text, "html.parser"), language):
                found[f"{language} {address}"] = wrong
    return found


def test_each_reason_of_a_limit_has_a_text_in_each_language():
    for (product, seed), names in REASONS.items():
        for row in read_seed(product, seed):
            for name in names:
                assert row[name] and row[f"{name}_es"] and row[name] != row[f"{name}_es"], row


def test_each_reason_of_an_undefined_value_has_a_text_in_each_language():
    given = {indicators.why_undefined(name, session, TEXTBOOK) for name in INDICATORS for session in (1, 300)}
    given |= {
        features.why_undefined(name, session, benchmark)
        for name in FEATURES
        for session in (1, 300)
        for benchmark in ("^GSPC", None)
    }
    assert len(given) > 10
    for reason in given:
        said = {language: why_undefined(reason, words_in(language)) for language in LANGUAGES}
        assert said["en"] == reason and said["es"] not in (reason, ""), reason
        assert re.findall(r"\d+|\^\w+", said["es"]) == re.findall(r"\d+|\^\w+", reason)


def test_no_market_page_has_a_text_of_the_other_language(market_pages: Pages):
    assert wrong_pages(market_pages.settings, market_addresses(market_pages.settings)) == {}


@pytest.mark.slow
def test_no_page_of_a_ticker_in_trouble_has_a_text_of_the_other_language(market_in_trouble: Settings):
    held = text_of(Pages(market_in_trouble).read("/market", lang="es"))
    assert "HELD está retenido: moved_like_split es" in held and "descargar otra vez el símbolo" in held
    assert wrong_pages(market_in_trouble, market_addresses(market_in_trouble)) == {}


@pytest.mark.slow
def test_no_page_has_a_text_of_the_other_language(page_lake: Settings):
    assert wrong_pages(page_lake, addresses(page_lake, most=15)) == {}


@pytest.mark.slow
@pytest.mark.thorough
def test_no_page_of_real_files_has_a_text_of_the_other_language(real_data: Path, tmp_path: Path, parsed_project: None):
    settings = load_settings(lake=tmp_path / "lake")
    shutil.copytree(real_data / "bronze", settings.lake / "oil-analysis" / "bronze")
    run(OIL, settings)
    assert wrong_pages(settings, addresses(settings, most=100)) == {}
