"""Whether a clause speaks of oil or of a component, by name or by a word that points back to one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tribolake.oil.wording.guards.change_words import OBJECT, one_of, word_set
from tribolake.oil.wording.guards.harmless_words import DONE
from tribolake.oil.wording.guards.maintenance_nouns import NOUNS

PRODUCT = word_set("producto productos product products")
# What is done `con carga` or to a `unidad` is no oil and no component.
SPOKEN_OF = (OBJECT | PRODUCT) - word_set(
    "carga parte partes conjunto unidad fill parts part assembly unit drive drives wheel charge"
)
PRONOUNS = word_set("it them ello ellos ellas")
WITH_ENCLITIC = one_of(r"\w{2,20}(?:[aeo]|[ae]n|[aei]r|ndo)(?:se)?l[oa]s?")
NAMED = DONE | NOUNS


def is_about_oil_or_component(words: Collection[str]) -> bool:
    """Whether a clause names oil or a component, points back to one, or names nothing at all: `then refill`."""
    said = {*words}
    return bool(said & SPOKEN_OF or said & PRONOUNS or not said & NAMED)


def points_back(words: Sequence[str]) -> bool:
    """Whether a verb, or the word after it, is or has a pronoun: `take it`, `llévelo`."""
    return bool(PRONOUNS & {*words[1:2]}) or any(
        WITH_ENCLITIC.fullmatch(word) and word not in NAMED | OBJECT for word in words[:1]
    )
