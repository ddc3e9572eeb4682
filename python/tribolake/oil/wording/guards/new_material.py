"""Advice to fill in new oil or to fit a new component, which is to change it without saying so."""

from __future__ import annotations

from tribolake.oil.wording.guards.change_objects import objects_of
from tribolake.oil.wording.guards.change_words import OBJECT, one_of, word_set

INSTALL = one_of(
    r"pon(?:ga|gan|er)|colocar|coloque",
    r"instal(?:e|en|ar|l|ling|led)",
    r"mont(?:e|en|ar)|mount",
    r"car(?:gar|gue|guen)|recar(?:gar|gue|guen)",
    r"(?:re)?llen(?:e|en|ar)",
    r"us(?:e|en|ar|ing)",
    r"utili(?:ce|cen|zar)",
    r"solicit(?:e|en|ar)",
    r"pid(?:a|an)|pedir",
    r"compr(?:e|en|ar)",
    r"adquier(?:a|an)",
    r"agreg(?:ue|uen|ar)",
    r"ana?d(?:a|an|ir)",
    r"(?:re)?fill(?:ing|ed)?",
    "fit|fitting",
    "put",
    "switch",
    "load",
    "order",
    "buy",
    "top",
    "add",
    "need|needs|requiere|necesita",
    r"emple(?:e|en|ar)",
    r"prepar(?:e|en|ar|o)",
    "get",
)
NEW = word_set("nuevo nueva nuevos nuevas fresco fresca limpio limpia new fresh clean correcto correcta correct")
PRODUCT = word_set("producto product uno una one ones lubricacion")
AFTER = 9  # words in which what is new is looked for


def installs_new(words: tuple[str, ...], i: int) -> bool:
    """`Ponga aceite nuevo`, `cargue uno nuevo`; not `ponga una etiqueta nueva`."""
    after = words[i + 1 : i + 1 + AFTER]
    if not (INSTALL.fullmatch(words[i]) and NEW & {*after}):
        return False
    named = objects_of(after)
    return any(noun in OBJECT for noun in named) or (not named and bool(PRODUCT & {*after}))
