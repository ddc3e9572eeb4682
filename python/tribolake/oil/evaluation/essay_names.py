"""Find the places where a text names an essay: by its published name, its symbol, or a common name.

Names are the essays of the seed `essays.csv` that have a column, and the rows of `essay_names.csv` in this folder.
There, a `name` always means the essay. A `word` is also a word of plain language: *refrigerante* may mean the
antifreeze, but a text with that word does not claim that it was measured.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from tribolake.oil.evaluation.clauses import folded, normal, read_list
from tribolake.oil.seeds import read_seed

# AMBIGUOUS symbols are also words or letters of other things. UNUSED codes of laboratories do not occur in sentences.
AMBIGUOUS = frozenset({"Si", "Al", "Ni", "K", "B", "P", "V"})
UNUSED = frozenset({"W", "F", "A", "ST", "CON", "FP", "BP", "GL", "UREA", "Fatigue", "Fibers", "Non Metallic"})
BEFORE_SYMBOL = re.compile(r"(?:[(/=]|\b(?:de|of|el|los|the))\s*$")
AFTER_SYMBOL = re.compile(r"\s*(?:[)/=:↑↓{]|[<>≥≤]?\s?\d|(?:elevad|alt|baj|high|low|is\b|exce|super))")
BETWEEN_SYMBOLS = re.compile(r"\s*(?:,|y|e|o|and|or|/|-|\+|\()\s*")
VERB_BEFORE_LEAD = re.compile(r"\b(?:to|can|may|might|could|will|would|does|which|that|taking?)\s+$")
VERB_AFTER_LEAD = re.compile(r"\s+(?:to|time|into)\b")


@dataclass(frozen=True)
class Mention:
    """A place in a normal text that names an essay. `viscosidad` alone may be either of two."""

    start: int
    end: int
    essays: frozenset[str]
    named: frozenset[str]  # essays that the words mean for certain


@lru_cache(maxsize=1024)  # grounding and language look at the same text
def mentions(text: str) -> tuple[Mention, ...]:
    """Return the places where a normal text names an essay, from left to right."""
    simple = folded(text)
    found = [
        Mention(match.start(), match.end(), *_meant(match.group()))
        for match in _names_pattern().finditer(simple)
        if not (match.group() == "lead" and _is_verb(simple, match.start(), match.end()))
    ]
    taken = [(mention.start, mention.end) for mention in found]
    symbols = [
        Mention(start, end, frozenset({essay}), frozenset({essay}))
        for start, end, essay in _symbols(text)
        if not any(start < last and first < end for first, last in taken)
    ]
    return tuple(sorted(found + symbols, key=lambda mention: mention.start))


@cache
def published_essays() -> dict[str, dict[str, str]]:
    """Return the rows of `essays.csv` that have a column in the published files, by essay."""
    return {row["essay"]: row for row in read_seed("essays") if row["has_column"] == "true"}


@cache
def essays_of_group(*groups: str) -> frozenset[str]:
    """Return the published essays of these groups, such as `Aditivo`."""
    return frozenset(name for name, row in published_essays().items() if row["essay_group"] in groups)


def _is_verb(simple: str, start: int, end: int) -> bool:
    return bool(VERB_BEFORE_LEAD.search(simple[max(0, start - 12) : start]) or VERB_AFTER_LEAD.match(simple, end))


def _symbols(text: str) -> list[tuple[int, int, str]]:
    """Return the symbols of essays. An ambiguous one needs a neighbour that only symbols have."""
    essays = _essay_of_symbol()
    found = list(_symbols_pattern().finditer(text))
    sure = [match.group() not in AMBIGUOUS or _stands_as_symbol(text, match) for match in found]
    for order in (range(1, len(found)), range(len(found) - 2, -1, -1)):
        step = 1 if order.step < 0 else -1
        for i in order:
            left, right = sorted((i, i + step))
            between = text[found[left].end() : found[right].start()]
            sure[i] = sure[i] or (sure[i + step] and len(between) < 8 and bool(BETWEEN_SYMBOLS.fullmatch(between)))
    return [(*match.span(), essays[match.group()]) for match, is_sure in zip(found, sure, strict=True) if is_sure]


def _stands_as_symbol(text: str, match: re.Match[str]) -> bool:
    if text[match.end() : match.end() + 1].isdigit():
        return False  # K07 is a rule
    before = text[max(0, match.start() - 8) : match.start()]
    return bool(BEFORE_SYMBOL.search(before) or AFTER_SYMBOL.match(text, match.end()))


@cache
def _essay_of_symbol() -> dict[str, str]:
    return {
        row["symbol"]: essay
        for essay, row in published_essays().items()
        if row["kind"] != "text" and row["symbol"] not in UNUSED and re.fullmatch(r"[A-Z][A-Za-z]*\d*", row["symbol"])
    }


@cache
def _symbols_pattern() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{_any_of(_essay_of_symbol())})(?![^\W\d]|µ|μ|-\w)")


@cache
def _names() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Return the essays that a folded name may mean, and those that it means for certain, by name."""
    essays: dict[str, set[str]] = defaultdict(set)
    named: dict[str, set[str]] = defaultdict(set)
    common = [(row["essay"], row["name"], row["kind"]) for row in read_list("essay_names")]
    plain = {(essay, folded(normal(name))) for essay, name, kind in common if kind == "word"}
    for essay, name, kind in [*((essay, essay, "name") for essay in published_essays()), *common]:
        key = _key(folded(normal(name)))
        essays[key].add(essay)
        if kind == "name" and (essay, folded(normal(name))) not in plain:
            named[key].add(essay)
    return {key: (frozenset(essays[key]), frozenset(named[key])) for key in essays}


@lru_cache(maxsize=4096)
def _meant(found: str) -> tuple[frozenset[str], frozenset[str]]:
    return _names()[_key(found)]


def _key(name: str) -> str:
    """Return the common form of all spellings of a name, such as `partículas ≥ 4 µm` and `Partículas 4µ`."""
    short = re.sub(r"(\d)\s*(?:μm?|um|micr\w*)$", r"\1u", name)
    short = re.sub(r"(\d+)\s*[°o]?\s*c$", r"\1c", short)
    return re.sub(r"[\s≥>=-]+|\b(?:de|a|at)\s+(?=[≥>\s]*\d)", "", short)


@cache
def _names_pattern() -> re.Pattern[str]:
    spelled = {folded(normal(name)) for name in published_essays()}
    spelled |= {folded(normal(row["name"])) for row in read_list("essay_names")}
    longest_first = sorted(spelled, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(_spelling, longest_first))})(?![^\W\d_])")


def _spelling(name: str) -> str:
    """Return a pattern for the spellings of a folded name."""
    if sized := re.fullmatch(r"(.*?)\s*(\d+)μ", name):
        return rf"{re.escape(sized[1])}\s?(?:de\s|a\s)?[≥>]?=?\s?{sized[2]}\s?(?:μm?|um|micr\w{{0,6}})"
    if heated := re.fullmatch(r"(.*?)\s*(\d+)\s*°c", name):
        return rf"{re.escape(heated[1])}\s{heated[2]}\s?[°o]?\s?c"
    return re.escape(name).replace(r"\ ", r"\s").replace(r"\-", r"[\s-]")


def _any_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
