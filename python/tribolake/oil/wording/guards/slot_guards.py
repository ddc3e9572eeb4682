"""Which slots and essays a reply may have, and what it may say of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tribolake.oil.wording.guards.claims import says_fine
from tribolake.oil.wording.guards.draft import Draft
from tribolake.oil.wording.guards.essay_names import mentions, published_essays, spoken_of
from tribolake.oil.wording.guards.limit_words import misplaced
from tribolake.oil.wording.guards.pairing import paired
from tribolake.oil.wording.guards.sentences import SLOT, folded, normal, without_slots


def only_allowed_slots(draft: Draft) -> Iterator[str]:
    allowed = frozenset(draft.pattern.slots)
    unknown = {found[1] for found in SLOT.finditer(draft.text)} - allowed
    for name in sorted(unknown):
        yield f"slot {{{name[:60]}}} does not exist: use only {', '.join(draft.pattern.slots) or 'no slots'}"
    if {"{", "}"} & set(without_slots(draft.text)):
        yield "a brace stands alone: write slots as {name}, in single braces"


def every_essay_in_observation(draft: Draft) -> Iterator[str]:
    used = {found[1] for found in SLOT.finditer(draft.reply.observation)}
    for slot in draft.pattern.slots:
        if slot.endswith(".value") and slot not in used:
            yield f"the observation does not mention {{{slot}}}"


def slots_beside_their_essay(draft: Draft) -> Iterator[str]:
    slots = list(SLOT.finditer(draft.text))
    if not draft.has_places:
        return  # `characters` and the rest say so
    own = [found[1].rpartition(".")[0] for found in slots]
    groups = paired(folded(draft.plain), draft.mentions, [found.span() for found in slots])
    seen = {i for group in groups for i in group.references}
    for i, essay in enumerate(own):
        if i not in seen and essay in published_essays():
            yield f"{slots[i][0]} has no name before it: write the essay's name, then its slot"
    for group in groups:
        fits = any(
            all(own[i] in essays for i, essays in zip(group.references, reading, strict=True))
            for reading in group.readings
        )
        if not fits:
            shown = ", ".join(slots[i][0] for i in group.references)
            yield f"{shown} stands after the name of another essay: write each name directly before its own slots"
    for slot in misplaced(draft.text, [(found.start, found.end) for found in draft.mentions]):
        yield f"{slot}: write the value after the name, and 'límite' or 'limit' directly before each limit"


def only_essays_of_the_facts(draft: Draft) -> Iterator[str]:
    known = {*draft.pattern.essays} | spoken_of(draft.rules_text)
    for found in draft.mentions:
        if found.named and not (found.essays & known):
            name = draft.plain[found.start : found.end]
            yield f"'{name}' is in no fact: name only essays of the slots and of the rules"


def called_fine(draft: Draft) -> str | None:
    """Words that call a breached essay harmless; the rules may say it of another one: `con aluminio normal`."""
    if fine := says_fine(draft.found, draft.rules_text):
        return fine
    fine = says_fine(draft.found)
    plain = folded(normal(without_slots(draft.found)))
    for match in re.finditer(rf"(\w+ )?(?<!\w){re.escape(fine)}(?!\w)", plain) if fine else ():
        distances = {max(name.start - match.end(), match.start() - name.end): name for name in mentions(plain)}
        is_of_breached = distances and distances[min(distances)].essays & {*draft.pattern.essays}
        if is_of_breached and not draft.is_in_rules(match.group()):
            return fine
    return None
