"""The fleet: machines in the order in which to look at them, and those without a recent sample."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tribolake.oil.fleet import in_order
from tribolake.web.addresses import FLEET, TAKE_FLEET, Addresses
from tribolake.web.views.actions import action_of, finding_of
from tribolake.web.views.parts import (
    IN_ALARM,
    SLUGS,
    Breach,
    Deadline,
    File,
    Sampled,
    Status,
    Strip,
    counted,
    deadline_of,
    deciding_breaches,
    files_of,
    sampled_on,
    status_of,
    strip_of,
    worse_component,
)
from tribolake.web.words import Words

SHOWN_MACHINES = 25
SHOWN_BREACHES = 3
Machine = Mapping[str, Any]
Sample = Mapping[str, Any]


@dataclass(frozen=True)
class FleetChoice:
    """Which machines a page shows, as its address says. Empty texts mean all."""

    client: str = ""
    status: str = ""
    shown: int = SHOWN_MACHINES


@dataclass(frozen=True)
class FilterLink:
    """A choice of a filter, the number of machines behind it, and its address."""

    label: str
    count: str
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class Filter:
    name: str
    links: tuple[FilterLink, ...]


@dataclass(frozen=True)
class MachineRow:
    """A machine of the order. Without a component in alarm, `component` and `finding` are empty."""

    place: str
    client: str
    unit: str
    href: str | None
    kind: str
    site: str
    status: Status
    worst: Status | None  # if a component is worse than the machine
    component: str
    report: str | None
    finding: str
    breaches: tuple[Breach, ...]
    more_breaches: str
    deadline: Deadline | None
    action: str
    components: Strip
    sampled: Sampled | None


@dataclass(frozen=True)
class SilentRow:
    """A machine without a recent sample."""

    client: str
    unit: str
    href: str | None
    kind: str
    status: Status
    sampled: Sampled | None
    behind: str


@dataclass(frozen=True)
class FleetPage:
    """`counts` says how large the fleet is. `more` is the address that shows more machines, if there are more."""

    counts: str
    filters: tuple[Filter, ...]
    rows: tuple[MachineRow, ...]
    shown: str
    more: str | None
    more_label: str
    silent: tuple[SilentRow, ...]
    clear: str
    is_filtered: bool
    downloads: tuple[File, ...]


def chosen_machines(machines: Sequence[Machine], choice: FleetChoice) -> list[Machine]:
    """Return the machines that a choice includes, in their order. Those without a recent sample come last."""
    return [machine for machine in in_order(machines) if _includes(choice, machine)]


def fleet_page(
    machines: Sequence[Machine],
    samples: Sequence[Sample],
    choice: FleetChoice,
    words: Words,
    addresses: Addresses,
    today: date,
) -> FleetPage:
    """Return the page of a fleet.

    Args:
        machines: of `read_fleet`.
        samples: the latest of each component, of `latest_samples`.
        choice: which machines are shown.
        words: the language.
        addresses: the addresses of other pages.
        today: the ages of samples count to this day.
    """
    ordered = in_order(machines)
    # A filter does not change the place of a machine in its fleet.
    places = enumerate((machine for machine in ordered if machine["is_recent"] is not False), start=1)
    chosen = [(place, machine) for place, machine in places if _includes(choice, machine)]
    recent = [machine for _, machine in chosen]
    silent = [machine for machine in ordered if machine["is_recent"] is False and _includes(choice, machine)]
    by_unit: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        by_unit[sample["client"], sample["unit_id"]].append(sample)
    rows = [
        _row(place, machine, by_unit[machine["client"], machine["unit_id"]], words, addresses, today)
        for place, machine in chosen[: choice.shown]
    ]
    left = len(recent) - len(rows)
    query = {"client": choice.client, "status": choice.status}
    return FleetPage(
        words(
            "fleet.counts",
            machines=words.number(len(recent)),
            silent=words.number(len(silent)),
            alarms=words.number(sum(machine["worst_status"] in IN_ALARM for machine in recent)),
            overdue=words.number(sum(bool(machine["days_overdue"]) for machine in recent)),
        ),
        _filters(ordered, choice, words, addresses),
        tuple(rows),
        words("fleet.shown", shown=words.number(len(rows)), all=words.number(len(recent))),
        addresses.page(FLEET, **query, show=choice.shown + SHOWN_MACHINES) if left else None,
        words("fleet.more", n=words.number(min(left, SHOWN_MACHINES))),
        tuple(_silent_row(machine, words, addresses, today) for machine in silent),
        addresses.page(FLEET),
        bool(choice.client or choice.status),
        files_of(*((form.upper(), addresses.page(TAKE_FLEET, form=form, **query)) for form in ("csv", "xlsx"))),
    )


def _includes(choice: FleetChoice, machine: Machine) -> bool:
    return choice.client in ("", machine["client"].lower()) and choice.status in ("", _worst(machine))


def _worst(machine: Machine) -> str:
    """Return the class of the worst status of a machine or of its components. Earlier releases published only one."""
    return SLUGS.get(machine["worst_status"] or machine["overall_status"], "unknown")


def _filters(
    machines: Sequence[Machine], choice: FleetChoice, words: Words, addresses: Addresses
) -> tuple[Filter, ...]:
    """Return the filters. The count of a choice is of the machines that the other filter leaves."""
    of_client = Counter(
        machine["client"].lower() for machine in machines if _includes(FleetChoice("", choice.status), machine)
    )
    of_status = Counter(_worst(machine) for machine in machines if _includes(FleetChoice(choice.client), machine))
    clients = {name: name.upper() for name in sorted({machine["client"].lower() for machine in machines})}
    statuses = {slug: words.status(name) for name, slug in SLUGS.items()}

    def links(field: str, labels: Mapping[str, str], counts: Counter[str]) -> tuple[FilterLink, ...]:
        chosen = {"client": choice.client, "status": choice.status}
        every = {"": words("filter.all"), **labels}
        return tuple(
            FilterLink(
                label,
                words.number(counts[value] if value else counts.total()),
                addresses.page(FLEET, **chosen | {field: value}),
                chosen[field] == value,
            )
            for value, label in every.items()
        )

    found = [Filter(words("filter.status"), links("status", statuses, of_status))]
    if len(clients) > 1:
        found.insert(0, Filter(words("filter.client"), links("client", clients, of_client)))
    return tuple(found)


def _row(
    place: int, machine: Machine, samples: Sequence[Sample], words: Words, addresses: Addresses, today: date
) -> MachineRow:
    first = _first_sample(machine, samples)
    breaches = deciding_breaches(first, words) if first else []
    more = len(breaches) - SHOWN_BREACHES
    statuses = sorted((sample["status"] for sample in samples), key=list(SLUGS).index)
    action = action_of(first["ai_recommendation"], first["rule_ids"], words) if first else ""
    return MachineRow(
        str(place),
        machine["client"],
        machine["unit_id"],
        addresses.machine(machine["client"], machine["unit_id"]),
        kind_of(machine),
        machine["site"] or "",
        status_of(machine["overall_status"], words),
        worse_component(machine, words),
        first["component"] if first else "",
        addresses.report(first) if first else None,
        finding_of(first["rule_ids"], words) if first else "",
        tuple(breaches[:SHOWN_BREACHES]),
        words("fleet.more_breaches", n=more) if more > 0 else "",
        deadline_of(machine["urgency"], machine["deadline_on"], machine["days_overdue"], words),
        action,
        strip_of(statuses, words("fleet.components", counts=counted(statuses, words))),
        sampled_on(machine["latest_sample_date"], today, words),
    )


def _first_sample(machine: Machine, samples: Sequence[Sample]) -> Sample | None:
    """Return the latest sample of the component to look at first. Returns None without a component in alarm."""
    return next((sample for sample in samples if sample["component"] == machine["first_component"]), None)


def _silent_row(machine: Machine, words: Words, addresses: Addresses, today: date) -> SilentRow:
    return SilentRow(
        machine["client"],
        machine["unit_id"],
        addresses.machine(machine["client"], machine["unit_id"]),
        kind_of(machine),
        status_of(machine["worst_status"] or machine["overall_status"], words),
        sampled_on(machine["latest_sample_date"], today, words),
        words.days(machine["days_behind_client"] or 0),
    )


def kind_of(machine: Mapping[str, Any]) -> str:
    """Return the kind and the model of a machine, as far as they are known."""
    model = machine["machine_model"] or ""
    return " ".join(part for part in (machine["machine_name"], model.upper()) if part)
