"""Words that were copied from the instructions of the prompt instead of answering it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources

from tribolake.oil.seeds import read_seed
from tribolake.oil.wording.guards.sentences import clauses, folded, normal, without_slots, words
from tribolake.oil.wording.pattern import LANGUAGES

RUN = 5  # words that two texts do not share by chance
# What people say anyway. The examples and the rules' own texts count as said too.
NATURAL = (
    "está por debajo de su límite",
    "una muestra no prueba nada",
    "one sample is no proof",
    "cambiar, drenar, reemplazar o lavar aceite o componentes",
    "change, drain, replace or flush oil or components",
)

Run = tuple[str, ...]


def copied_from_prompt(text: str) -> str | None:
    """The first run of words that stands in the instructions too, of any language, or None."""
    return next((" ".join(run) for run in _runs(text) if run in _of_instructions()), None)


@cache
def _of_instructions() -> frozenset[Run]:
    folder = resources.files("tribolake.oil.wording") / "prompts"
    told = [(folder / f"{language}.md").read_text(encoding="utf-8") for language in LANGUAGES]
    usual = [(folder / f"examples_{language}.json").read_text(encoding="utf-8") for language in LANGUAGES]
    usual += [row["text"] for language in LANGUAGES for row in read_seed(f"texts_{language}")]
    return _all_runs(told) - _all_runs([*usual, *NATURAL])


def _all_runs(texts: list[str]) -> frozenset[Run]:
    return frozenset(run for text in texts for run in _runs(text))


def _runs(text: str) -> Iterator[Run]:
    plain = folded(normal(without_slots(text)))
    for start, end in clauses(plain):
        said = words(plain[start:end])
        yield from (tuple(said[i : i + RUN]) for i in range(len(said) - RUN + 1))
