"""Read the seeds of the oil product without a warehouse."""

from __future__ import annotations

from functools import partial

from tribolake import seeds
from tribolake.readers.layout import LAYOUT_SEEDS, FileLayout, layouts_of

read_seed = partial(seeds.read_seed, "oil")


def policies() -> list[str]:
    return [row["policy"] for row in read_seed("policies")]


def declared_folders() -> dict[str, str]:
    """Read the client of each folder of bronze. A client has several where several laboratories work for it."""
    return {row["client"]: row["client_code"].lower() for row in read_seed("clients")}


def declared_clients() -> list[str]:
    return list(dict.fromkeys(declared_folders().values()))


def declared_layouts() -> dict[str, FileLayout]:
    """Read how the laboratory of each client lays out its files."""
    return layouts_of(*map(read_seed, LAYOUT_SEEDS))
