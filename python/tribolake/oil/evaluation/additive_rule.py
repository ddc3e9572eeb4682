"""Whether a text advises to change oil or a component, as the guards of wordings see it.

A published text does not say which of its sentences are advice. Those that begin with a verb that is told, as advice
does, are held to the verbs that change nothing; the others may state anything, but demand no change. An unknown verb
that begins a sentence without naming oil or component, `then refill`, is passed over: it may be a noun as well.
"""

from __future__ import annotations

import re

from tribolake.oil.wording.guards.change_advice import change_advised
from tribolake.oil.wording.guards.change_words import NEGATOR
from tribolake.oil.wording.guards.demanded_changes import change_demanded
from tribolake.oil.wording.guards.harmless_advice import unknown_advice
from tribolake.oil.wording.guards.harmless_words import DOES, FIRST, LOOKS, USES
from tribolake.oil.wording.guards.sentences import clauses, folded, normal

WORD = re.compile(r"[^\W\d_]+")


def advises_change(text: str) -> str | None:
    """The words that advise a change of oil or component, or None.

    Args:
        text: sentences in Spanish or English, advice and statements.
    """
    return change_advised(text) or change_demanded(text) or _unknown_advice(text)


def _unknown_advice(text: str) -> str | None:
    plain = normal(text)
    sentences = (plain[start:end] for start, end in clauses(plain))
    return next((unknown for each in sentences if _is_told(each) and (unknown := unknown_advice(each, ""))), None)


def _is_told(sentence: str) -> bool:
    words = [word for word in WORD.findall(folded(sentence)) if word not in FIRST]
    first = "".join(words[:1])
    is_left = first in NEGATOR | {"do"} and any(map(USES.fullmatch, words[1:4]))  # `no use más este aceite`
    return bool(is_left or LOOKS.fullmatch(first) or DOES.fullmatch(first))
