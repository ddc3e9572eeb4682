"""Whether values stand as values and limits as limits: `hierro {Hierro.limit} (límite {Hierro.value})` does not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tribolake.oil.wording.guards.sentences import SLOT, blanked, clauses, folded, normal, without_slots

LIMIT_WORD = (
    r"(?:limites?|limits?|minim[oa]s?|maxim[oa]s?|minimum|maximum|umbral(?:es)?|thresholds?|permitid[oa]s?|allowed|"
    r"admisibles?|frente a|against|versus|sobre|above|below|over|under|bajo|debajo|encima|mayor(?:es)? (?:que|a)|"
    r"superior(?:es)? a|inferior(?:es)? a|than|super(?:an?|o|aron)|exced(?:en?|io)|exceeds?|suy[oa]s?|its own)"
)
LIMIT_WORD_BEFORE = re.compile(rf"\b{LIMIT_WORD}\b")
WHOSE = ("", " su", " sus", " el", " los", " its", " their", " the")
# `fuera de su límite: zinc {Zinc.value}` names no limit; each width is a lookbehind of its own.
OUT_OF = "".join(rf"(?<!\b{where}{whose} )" for where in ("fuera de", "out of", "beyond") for whose in WHOSE)
LIMIT_OF = re.compile(
    rf"{OUT_OF}\b{LIMIT_WORD}"
    r"(?:\s(?:de|del|of|es|is|a|al|at|su|sus|its|el|la|los|un|una|the)){0,3}\s*[:(=]?\s*$"
)
# Nor does `alcanza su límite: zinc {Zinc.value}`, if a name, blanked here, stands between.
REACHED = re.compile(
    r"\b(?:alcanzan?|reach(?:es|ed)?|at|past)(?:\s(?:su|sus|el|los|its|their|the))?\s(?:limites?|limits?)[\s:(]{4,40}$"
)
SEEN_BEFORE = 40  # characters in which the word is looked for
SEEN_BEFORE_VALUE = 70  # a long name may stand between, and `out of its` before
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
        is_limit = slot[1].endswith(".limit")
        seen = SEEN_BEFORE if is_limit else SEEN_BEFORE_VALUE
        before = plain[max(start, slot.start() - seen) : slot.start()]
        if is_limit:
            goes_on = was_limit and start == last_end and BETWEEN_LIMITS.fullmatch(before)
            is_placed = bool(goes_on or LIMIT_WORD_BEFORE.search(before))
        else:
            is_placed = LIMIT_OF.search(before) is None or REACHED.search(before) is not None
        if not is_placed:
            yield slot[0][:60]
        last_end, was_limit = slot.end(), is_limit and is_placed
