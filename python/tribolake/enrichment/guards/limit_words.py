"""Whether values stand as values and limits as limits: `hierro {Hierro.limit} (límite {Hierro.value})` does not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tribolake.enrichment.guards.sentences import SLOT, blanked, clauses, folded, normal, without_slots

LIMIT_WORD = (
    r"(?:limites?|limits?|minim[oa]s?|maxim[oa]s?|minimum|maximum|umbral(?:es)?|thresholds?|permitid[oa]s?|allowed|"
    r"admisibles?|frente a|against|versus|sobre|above|below|over|under|bajo|debajo|encima|mayor(?:es)? (?:que|a)|"
    r"superior(?:es)? a|inferior(?:es)? a|than|super(?:an?|o|aron)|exced(?:en?|io)|exceeds?|suy[oa]s?|its own)"
)
LIMIT_WORD_BEFORE = re.compile(rf"\b{LIMIT_WORD}\b")
# `fuera de límite: zinc {Zinc.value}` names no limit.
LIMIT_OF = re.compile(
    rf"(?<!fuera de )(?<!out of )(?<!beyond )\b{LIMIT_WORD}"
    r"(?:\s(?:de|del|of|es|is|a|al|at|su|sus|its|el|la|los|un|una|the)){0,3}\s*[:(=]?\s*$"
)
SEEN_BEFORE = 40  # characters in which the word is looked for
BETWEEN_LIMITS = re.compile(r"\s*(?:,|y|e|o|and|or|respectivamente)?\s*")


def misplaced(text: str, names: Iterable[tuple[int, int]]) -> Iterator[str]:
    """The slots of a text that do not stand where a value, or a limit, is read.

    Args:
        text: sentences with slots, of the length of their normal form.
        names: where essays are named.
    """
    plain = blanked(folded(normal(without_slots(text))), names)
    starts = [start for start, _ in clauses(plain)]
    last_end, was_limit = 0, False
    for slot in SLOT.finditer(text):
        start = max(last_end, *(start for start in starts if start <= slot.start()))
        before = plain[max(start, slot.start() - SEEN_BEFORE) : slot.start()]
        is_limit = slot[1].endswith(".limit")
        if is_limit:
            goes_on = was_limit and start == last_end and BETWEEN_LIMITS.fullmatch(before)
            is_placed = bool(goes_on or LIMIT_WORD_BEFORE.search(before))
        else:
            is_placed = LIMIT_OF.search(before) is None
        if not is_placed:
            yield slot[0][:60]
        last_end, was_limit = slot.end(), is_limit and is_placed
