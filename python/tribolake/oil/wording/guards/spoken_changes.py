"""Changes that a text only speaks of: past ones, those that something is called after, those to be watched for."""

from __future__ import annotations

from tribolake.oil.wording.guards.change_words import (
    ASKED_WHETHER,
    AT_A_TIME,
    CALLED_AFTER,
    COMING,
    HARMLESS,
    NAMED_BY_ENGLISH_NOUN,
    NOUN,
    PASSIVE,
    PAST,
    PAST_AUXILIARY,
    UNRECORDED,
    one_of,
    word_set,
)

# What is watched may change, `vigile cambios de presión en el sistema`, and words between that tell no one to act.
WATCHED = one_of(
    r"vigil(?:e|en|ar)",
    r"observ(?:e|en|ar)",
    r"registr(?:e|en|ar)",
    r"monitor(?:ee|een|ear)?",
    r"anot(?:e|en|ar)",
    r"detect(?:e|en|ar)?",
    "watch",
    "monitor",
    "note",
    "record",
    "look",
    "check",
)
READ_UP = one_of(
    r"verifi(?:que|quen|car)", r"revis(?:e|en|ar)", r"consult(?:e|en|ar)", r"busque|buscar", "check", "review"
)
WATCHED_THROUGH = word_set(
    "el la los las un una a an any the for in of de en si hay haya hubo there are is whether if cualquier cualquiera "
    "posible posibles possible alguno algun todo cada historial registro registros bitacora reparaciones repairs "
    "intervenciones y o and or also tambien sobre"
)
RECORDS = word_set("historial registro registros bitacora history record records log reciente recientes recent")
PLURALS = word_set("cambios recambios reemplazos remplazos sustituciones changes replacements repairs reparaciones")
WATCHED_BEFORE = 7  # words in which the verb is looked for


def is_no_advice(written: str, words: tuple[str, ...], i: int) -> bool:
    """Whether a change is one of the past, or only what something is called after."""
    word = words[i]
    before = words[max(0, i - 3) : i]
    near = words[max(0, i - 5) : i + 6]
    is_noun = bool(NOUN.fullmatch(word))
    return (
        written in PAST
        or (bool(PASSIVE.fullmatch(word)) and bool(PAST_AUXILIARY & {*before}) and not {"to", "que"} & {*before})
        or (word.endswith("ed") and bool(HARMLESS & {*words[i + 1 : i + 2]}))  # `a swapped sample`
        or (word == "cambio" and before[-1:] == ("en",) and words[i + 1 : i + 2] != ("de",))
        or (is_noun and bool(UNRECORDED & {*near}))
        or (is_noun and before[-1:] == ("de",) and bool(CALLED_AFTER & {*before}))
        or (bool(NAMED_BY_ENGLISH_NOUN & {*words[i + 1 : i + 2]}) or (word == "drain" and before[-1:] == ("case",)))
        or (is_noun and bool(COMING & {*near}) and bool(AT_A_TIME & {*words[max(0, i - 5) : i]}))
        or (is_noun and _is_asked(words[max(0, i - 6) : i]))
    )


def _is_asked(before: tuple[str, ...]) -> bool:
    """`Confirme si hubo un cambio de aceite`: a question, unless somebody is told what to do if so."""
    return bool(ASKED_WHETHER & {*before}) and bool({"hubo", "existe", "there", "was", "an"} & {*before})


def is_only_watched(words: tuple[str, ...], i: int) -> bool:
    """`Vigile cualquier cambio de comportamiento`, `verifique en el historial los cambios de aceite`."""
    if not NOUN.fullmatch(words[i]):
        return False
    for k in range(i - 1, max(-1, i - 1 - WATCHED_BEFORE), -1):
        if WATCHED.fullmatch(words[k]):
            return True
        if READ_UP.fullmatch(words[k]):
            return words[i] in PLURALS or bool(RECORDS & {*words[k:i]})
        if words[k] not in WATCHED_THROUGH and not NOUN.fullmatch(words[k]):
            return False
    return False
