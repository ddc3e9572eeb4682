"""What a header means: a field of the sample, an essay, or nothing that is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from tribolake.readers.names import normal_form

FIELD, ESSAY = "field", "essay"
Kinds = tuple[str, ...]
BOTH: Kinds = (FIELD, ESSAY)
# A header is as good as a known one where so much of it is equal: `Alumunium` is `Aluminium`.
SIMILARITY = 0.9
MIN_SIMILAR_LENGTH = 5
MIN_ABBREVIATION = 3
# The distance of a header that is only similar to a known one.
SIMILAR = 99
CELSIUS = re.compile(r"(?<=\d)\s*[°º]?\s*C\b")
# `SampleNo` is two words.
CAPITAL_INSIDE = re.compile(r"(?<=[a-z]{2})(?=[A-Z])")
Row = Mapping[str, str]


@dataclass(frozen=True, order=True)
class Meaning:
    """What a header means, and how far from a known header it is: 0 is the same."""

    distance: int
    kind: str
    name: str
    unit: str = ""


class KnownNames:
    """Headers that are known, from the seeds of all laboratories and the seed `known_headers`.

    `header_words` has words of one meaning: who knows `Sample Date` knows `F. de Muestreo` too.
    """

    def __init__(
        self,
        known_headers: Sequence[Row],
        header_words: Sequence[Row],
        lab_fields: Sequence[Row],
        lab_essays: Sequence[Row],
        essays: Sequence[Row],
        units: Sequence[str],
    ) -> None:
        self.essay_units = {row["essay"]: row["unit"] for row in essays}
        self._words = {row["word"]: row["stands_for"] for row in header_words}
        self._words |= {common: common for common in self._words.values()}
        # Of two spellings of one unit the first one counts.
        self._units = {compact(unit): unit for unit in reversed(units) if compact(unit)}
        self._meanings: dict[str, list[tuple[str, str]]] = {}
        for row in known_headers:
            self._learn(row["header"], row["kind"], row["means"])
        for row in essays:
            self._learn(row["essay"], ESSAY, row["essay"])
            self._learn(row["symbol"], ESSAY, row["essay"])
        for row in lab_fields:
            self._learn(row["header"], FIELD, row["field"])
        for row in lab_essays:
            self._learn(row["name"], ESSAY, row["essay"])

    def _learn(self, header: str, kind: str, name: str) -> None:
        for spelling in filter(None, self._spellings(header)):
            meanings = self._meanings.setdefault(spelling, [])
            if (kind, name) not in meanings:
                meanings.append((kind, name))

    def unit_of(self, text: str) -> str:
        """Return the known spelling of a unit; empty where the text is not one.

        Of a single letter the signs count: `4 µm(c)` is a size by ISO 11171, not a temperature.
        """
        unit = self._units.get(compact(text), "")
        return unit if len(compact(unit)) > 1 or normal_form(unit) == normal_form(text) else ""

    def meanings(self, header: str) -> list[Meaning]:
        """Return what a header may mean, the nearest first. A header may mean several things."""
        found: dict[tuple[str, str], Meaning] = {}
        spellings = (
            (spelling, unit, kinds)
            for name, unit, kinds in self._readings(header)
            for spelling in self._spellings(name)
        )
        for distance, (spelling, unit, kinds) in enumerate(spellings):
            for kind, means in self._meanings.get(spelling, []):
                if kind in kinds:
                    found.setdefault((kind, means), Meaning(distance, kind, means, unit))
        return list(found.values()) or self._similar(header)

    def _readings(self, header: str) -> Iterator[tuple[str, str, Kinds]]:
        """Yield the names that may be in a header, each with the unit next to it, and what it may be the name of.

        `Iron (Fe)` may be Iron or Fe, `Water-ppm` is water in ppm, `SAMPL_DT1` is the first of several dates. An essay
        is not the one of another word or number: `Fe (previous)` and `Fe 2` are not iron.
        """
        outer, inner = _parted(header)
        of_outer = self._kinds_without(outer, inner)
        # Another laboratory may have the same header: its unit is still the one in the brackets.
        yield header, self.unit_of(inner), BOTH
        if inner:
            yield outer, self.unit_of(inner), of_outer
            if not self.unit_of(inner):
                yield inner, "", BOTH
        words = re.split(r"[\s_\-–/,:]+", outer)
        for at in range(1, len(words)):
            if unit := self.unit_of(" ".join(words[at:])):
                yield " ".join(words[:at]), unit, of_outer
        yield re.sub(r"\d+$", "", outer), self.unit_of(inner), of_outer if outer[-1:].isalpha() else (FIELD,)

    def _kinds_without(self, outer: str, inner: str) -> Kinds:
        """Return what a header may be without what is in its brackets: a unit, a method, another name of the same."""
        if inner.isdecimal():
            return (FIELD,)
        if not inner or self.unit_of(inner) or not self._in_common_words(inner):
            return BOTH
        names = [
            {means for spelling in self._spellings(name) for means in self._meanings.get(spelling, [])}
            for name in (outer, inner)
        ]
        return BOTH if names[0] & names[1] else (FIELD,)

    def _spellings(self, name: str) -> tuple[str, str]:
        return compact(name), self._in_common_words(name)

    def _in_common_words(self, header: str) -> str:
        """Return the words of a header as the seed `header_words` has them, in alphabetical order."""
        spaced = CELSIUS.sub("C ", CAPITAL_INSIDE.sub(" ", header))
        words = map(self._common_word, re.split(r"[^\w%<>#°º.]+|_|(?<=\.)(?=\w)", spaced))
        return " ".join(sorted(filter(None, words)))

    def _common_word(self, written: str) -> str:
        """Return the common word. `Horóm.` is short for the one known word that begins so."""
        word = compact(written)
        if written.endswith(".") and len(word) >= MIN_ABBREVIATION and word not in self._words:
            meant = {common for known, common in self._words.items() if known.startswith(word)}
            return meant.pop() if len(meant) == 1 else word
        return self._words.get(word, word)

    def _similar(self, header: str) -> list[Meaning]:
        outer, inner = _parted(header)
        name, kinds = compact(outer), self._kinds_without(outer, inner)
        if len(name) < MIN_SIMILAR_LENGTH:
            return []
        digits = re.sub(r"\D", "", name)
        alike = [known for known in self._long_names if re.sub(r"\D", "", known) == digits]
        near = get_close_matches(name, alike, n=1, cutoff=SIMILARITY)
        return [
            Meaning(SIMILAR, kind, means, self.unit_of(inner))
            for known in near
            for kind, means in self._meanings[known]
            if kind in kinds
        ]

    @cached_property
    def _long_names(self) -> list[str]:
        return [name for name in self._meanings if len(name) >= MIN_SIMILAR_LENGTH and " " not in name]


def compact(name: str) -> str:
    """Return the letters and digits of a name in its normal form, with the signs that tell names apart."""
    return re.sub(r"[^\w%<>]|_", "", normal_form(re.sub("[°º]", "", name)))


def _parted(header: str) -> tuple[str, str]:
    """Split a header into the text outside its brackets and the text inside."""
    found = re.fullmatch(r"(.*?)[(\[]([^)\]]*)[)\]](.*)", header.strip(), re.DOTALL)
    return (f"{found[1]} {found[3]}".strip(), found[2].strip()) if found else (header.strip(), "")
