"""Which machines of a fleet a page shows, by its address, and the filters that lead to others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from tribolake.texts import one_line, plain
from tribolake.web.addresses import FLEET, LONGEST, Addresses
from tribolake.web.views.feedback import FleetFeedback
from tribolake.web.views.parts import SLUGS
from tribolake.web.words import Words

SHOWN_MACHINES = 25
SHOWN_LINKS = 40  # of one filter: those of most machines
UNFOLDED_LINKS = 6
YES = "1"
FLAGS = ("worse", "unseen", "doubtful")
FACETS = ("client", "site", "status", "family", *FLAGS)
Machine = Mapping[str, Any]
Sample = Mapping[str, Any]


@dataclass(frozen=True)
class FleetChoice:
    """Which machines a page shows, as its address says. Empty texts mean all.

    `family` is a kind of machine, and `worse`, `unseen` and `doubtful` are YES or empty. `text` is searched for.
    """

    client: str = ""
    site: str = ""
    status: str = ""
    family: str = ""
    worse: str = ""
    unseen: str = ""
    doubtful: str = ""
    text: str = ""
    shown: int = SHOWN_MACHINES

    @cached_property
    def query(self) -> dict[str, str]:
        """What the address says of it, but for the number of machines."""
        return {**{name: getattr(self, name) for name in FACETS}, "q": self.text}

    @property
    def is_filtered(self) -> bool:
        return any(self.query.values())


@dataclass(frozen=True)
class ChoosableMachine:
    """A machine, the latest sample of each component, what filters know of it, and the filters that leave it out."""

    machine: Machine
    samples: Sequence[Sample]
    facets: Mapping[str, str]
    failed: tuple[str, ...]

    @property
    def is_recent(self) -> bool:
        return self.machine["is_recent"] is not False

    @property
    def is_chosen(self) -> bool:
        return not self.failed


@dataclass(frozen=True)
class FilterLink:
    """A choice of a filter, the number of machines behind it, and its address."""

    label: str
    count: str
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class Filter:
    """A filter. `folded` is what it says while its links are folded, and is empty if they are not."""

    name: str
    links: tuple[FilterLink, ...]
    folded: str = ""


def choosable(
    machines: Iterable[Machine], samples: Iterable[Sample], feedback: FleetFeedback | None, choice: FleetChoice
) -> list[ChoosableMachine]:
    """Return machines with what filters know of them, in the same order.

    Args:
        machines: of `read_fleet`.
        samples: the latest of each component, of `latest_samples`.
        feedback: the open alerts.
        choice: what the page shows.
    """
    by_unit: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        by_unit[sample["client"], sample["unit_id"]].append(sample)
    unseen = {(client, unit) for client, unit, _ in feedback.unseen} if feedback else set()
    found = []
    for machine in machines:
        own = by_unit[machine["client"], machine["unit_id"]]
        facets = _facets(machine, own, unseen)
        failed = [name for name in FACETS if choice.query[name] not in ("", facets[name])]
        if choice.text and not _has(choice.text, machine, own):
            failed.append("q")
        found.append(ChoosableMachine(machine, own, facets, tuple(failed)))
    return found


def filters_of(
    machines: Sequence[ChoosableMachine], choice: FleetChoice, words: Words, addresses: Addresses
) -> tuple[Filter, ...]:
    """Return the filters. The count of a choice is of the machines that the other filters leave."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    known: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    for one in machines:
        for name in FACETS:
            known[name][one.facets[name]] += 1
            counts[name][one.facets[name]] += one.failed in ((), (name,))

    def link(name: str, value: str, label: str, count: int) -> FilterLink:
        href = addresses.page(FLEET, **choice.query | {name: value})
        return FilterLink(label, words.number(count), href, getattr(choice, name) == value)

    def links(name: str, labels: Mapping[str, str]) -> Filter:
        every = {"": words("filter.all"), **labels}
        found = tuple(
            link(name, value, label, counts[name][value] if value else counts[name].total())
            for value, label in every.items()
        )
        chosen = every.get(getattr(choice, name), getattr(choice, name))
        return Filter(words(f"filter.{name}"), found, chosen if len(labels) > UNFOLDED_LINKS else "")

    def names(name: str) -> dict[str, str]:
        most = [value for value, _ in known[name].most_common() if 0 < len(value) <= LONGEST][:SHOWN_LINKS]
        label = {"client": str.upper, "family": words.kind}.get(name, str)
        return {value: label(value) for value in sorted(most, key=lambda value: plain(label(value)))}

    flags = [
        replace(link(name, "" if chosen else YES, words(f"filter.{name}"), counts[name][YES]), is_chosen=chosen)
        for name in FLAGS
        for chosen in [bool(getattr(choice, name))]
    ]
    several = (links(name, labels) for name in ("client", "site", "family") if len(labels := names(name)) > 1)
    statuses = links("status", {slug: words.status(name) for name, slug in SLUGS.items()})
    return (statuses, *several, Filter(words("filter.flags"), tuple(flags)))


def kept_fields(choice: FleetChoice, addresses: Addresses) -> tuple[tuple[str, str], ...]:
    """Return what the form of the search keeps of an address. A name that a field cannot hold is left out."""
    kept = {**choice.query, "q": "", "lang": addresses.language or ""}
    return tuple((name, value) for name, value in kept.items() if value and one_line(value) == value)


def _facets(machine: Machine, samples: Sequence[Sample], unseen: Iterable[tuple[str, str]]) -> dict[str, str]:
    client = machine["client"].lower()
    flags = {
        "worse": any(sample["got_worse"] for sample in samples),
        "unseen": (client, machine["unit_id"]) in unseen,
        "doubtful": any(sample["is_doubtful"] for sample in samples),
    }
    return {
        "client": client,
        "site": machine["site"] or "",
        # Earlier releases published only the status of the machine.
        "status": SLUGS.get(machine["worst_status"] or machine["overall_status"], "unknown"),
        "family": machine["machine_name"] or "",
        **{name: YES if is_so else "" for name, is_so in flags.items()},
    }


def _has(text: str, machine: Machine, samples: Sequence[Sample]) -> bool:
    names = (machine["unit_id"], *(sample["component"] for sample in samples))
    return any(_spelled(text) in _spelled(name) for name in names)


def _spelled(name: str) -> str:
    """Return a name in the form in which a search compares it: `T-09` and `t_09` are one unit."""
    return plain(name).replace("-", "_")
