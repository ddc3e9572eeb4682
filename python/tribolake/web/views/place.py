"""Why a machine has its place in the order: its deadline, the sum that is its score, and the machine behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tribolake.oil.fleet import score_that_orders
from tribolake.web.addresses import Addresses
from tribolake.web.views.parts import deadline_of
from tribolake.web.words import Words

Machine = Mapping[str, Any]


@dataclass(frozen=True)
class Term:
    """What a component adds to the score: its points by its weight."""

    component: str
    text: str
    value: float


@dataclass(frozen=True)
class PlacePart:
    """The place of a machine, the terms of its score, and the machine behind it with what it has less of."""

    place: str
    score: str
    terms: tuple[Term, ...]
    behind: str
    behind_href: str | None
    why_behind: str


def place_part(
    machine: Machine,
    components: Sequence[Mapping[str, Any]],
    ordered: Sequence[Machine],
    words: Words,
    addresses: Addresses,
) -> PlacePart:
    """Return the part of a machine's page.

    Args:
        machine: of `show_machine`, with its `components`.
        components: with their points and their weight.
        ordered: the machines that the reader sees, in order.
        words: the language.
        addresses: those of pages.
    """
    recent = [one for one in ordered if one["is_recent"] is not False]
    places = {(one["client"], one["unit_id"]): place for place, one in enumerate(recent)}
    at = places.get((machine["client"], machine["unit_id"]))
    behind = recent[at + 1] if at is not None and at + 1 < len(recent) else None
    terms = tuple(
        Term(
            row["component"],
            words("place.term", points=words.number(row["points"]), weight=words.number(row["weight"])),
            row["points"] * row["weight"],
        )
        for row in components
        if row["points"]
    )
    return PlacePart(
        words("place.silent")
        if at is None
        else words("place.of", place=words.number(at + 1), all=words.number(len(recent))),
        words("place.score", n=words.number(score_that_orders(machine))),
        terms,
        behind["unit_id"] if behind else "",
        addresses.machine(behind["client"], behind["unit_id"]) if behind else None,
        _why_behind(machine, behind, words) if behind else "",
    )


def _why_behind(machine: Machine, behind: Machine, words: Words) -> str:
    """Return the first thing in which the machine behind has less: see `in_order`."""
    if behind["urgency"] != machine["urgency"]:
        deadline = deadline_of(behind["urgency"], None, None, words)
        return words("place.later", deadline=deadline.label) if deadline else words("place.no_deadline")
    if score_that_orders(behind) != score_that_orders(machine):
        return words("place.lower", n=words.number(score_that_orders(behind)))
    return words("place.equal")
