"""Draw units and their compartments from the machine mix of each client."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tribolake.oil.synth.tables import rows

SHARED_LEVEL_SPREAD = 0.15


@dataclass(frozen=True)
class Unit:
    """One machine. `meter` is its hours at the first month sampled, `hours_per_day` its utilisation."""

    tag: str
    machine: str
    maker: str
    model: str
    serial: str
    meter: float
    hours_per_day: float
    level: float


@dataclass(frozen=True)
class Compartment:
    """One oil (or coolant) compartment of a unit. `names` are the spellings the laboratory uses for it."""

    unit: int
    names: tuple[str, ...]
    family: str
    interval_hours: float
    samples_per_drain: int
    oil: str
    laboratory_id: int
    life_hours: float


@dataclass(frozen=True)
class Fleet:
    """The machines of one client and all their compartments."""

    client: str
    units: tuple[Unit, ...]
    compartments: tuple[Compartment, ...]


def _machine_mix(client: str, size: int) -> list[dict[str, str]]:
    """Choose `size` machines by share. The machine furthest behind its share comes next."""
    mix = [r for r in rows("machines") if r["client"] == client]
    share = np.array([float(r["share"]) for r in mix])
    given = np.zeros(len(mix))
    chosen = []
    for rank in range(1, size + 1):
        machine = int(np.argmax(share * rank - given))
        given[machine] += 1
        chosen.append(mix[machine])
    return chosen


def build_fleet(client: str, size: int, rng: np.random.Generator) -> Fleet:
    """Build a fleet of `size` units. ALS fleets have one lower-case tag, as in real files."""
    layouts = [r for r in rows("compartments") if r["client"] == client]
    units: list[Unit] = []
    compartments: list[Compartment] = []
    lower_case_unit = min(1, size - 1) if client == "emin" else -1
    for index, machine in enumerate(_machine_mix(client, size)):
        number = f"{index + 1:02d}" if client == "cda" else f"{index + 601}"
        tag = f"{machine['tag_prefix']}-{number}"
        units.append(
            Unit(
                tag=tag.lower() if index == lower_case_unit else tag,
                machine=machine["machine"],
                maker=machine["maker"],
                model=machine["model"],
                serial=f"SYN{client[0].upper()}{index + 1:05d}",
                meter=float(rng.integers(3_000, 60_000)),
                hours_per_day=float(machine["hours_per_month"]) / 30.4 * float(rng.uniform(0.85, 1.1)),
                level=float(rng.lognormal(0, SHARED_LEVEL_SPREAD)),
            )
        )
        for layout in [layout for layout in layouts if layout["machine"] == machine["machine"]]:
            names = layout["names"].split("|")
            main = int(rng.integers(len(names)))
            compartments.append(
                Compartment(
                    unit=index,
                    names=(names[main], *names[:main], *names[main + 1 :]),
                    family=layout["family"],
                    interval_hours=float(layout["interval_hours"]),
                    samples_per_drain=int(layout["samples_per_drain"]),
                    oil=str(rng.choice(layout["oils"].split("|"))),
                    laboratory_id=3_000_000 + len(compartments),
                    life_hours=float(rng.integers(12_000, 40_000)),
                )
            )
    return Fleet(client, tuple(units), tuple(compartments))
