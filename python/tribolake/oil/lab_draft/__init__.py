"""Propose the seed rows of a laboratory from one of its files, read the file with them, and write them."""

from __future__ import annotations

from pathlib import Path

from tribolake.errors import BronzeFileUnreadable, ConfigurationError
from tribolake.lake.bronze import CLIENT_NAME
from tribolake.oil.lab_draft.grid import read_grids
from tribolake.oil.lab_draft.names import KnownNames
from tribolake.oil.lab_draft.propose import LabDraft, propose
from tribolake.oil.lab_draft.seed_rows import append_rows
from tribolake.oil.lab_draft.tables import MIN_KNOWN_HEADERS
from tribolake.oil.seeds import read_seed
from tribolake.settings import IS_CHECKOUT, PROJECT_DIR, Settings

SEEDS = PROJECT_DIR / "seeds" / "oil"


def draft_lab(
    file: Path, settings: Settings, *, client: str, client_code: str, laboratory: str, time_zone: str
) -> LabDraft:
    """Propose the seed rows of a laboratory that is not declared yet.

    Args:
        file: a file as the laboratory delivers it.
        settings: limits of the reading process.
        client: folder of the client in bronze, new too: a folder has one laboratory.
        client_code: code of the client as published; another folder may have the same.
        laboratory: name of the laboratory.
        time_zone: in which the client's days are counted.

    Raises:
        ConfigurationError: the client or the laboratory is declared, or a name cannot be used.
        BronzeFileUnreadable: the file cannot be read, or has no header row.
    """
    for name in (client, laboratory):
        if not CLIENT_NAME.fullmatch(name):
            raise ConfigurationError(f"{name!r} is no name: use lower-case letters, digits and _")
    for seed, column, name in (("clients", "client", client), ("laboratories", "laboratory", laboratory)):
        if any(row[column] == name for row in read_seed(seed)):
            raise ConfigurationError(
                f"{name} is in seeds/oil/{seed}.csv already. Give a new --client, for instance {client}_2, and the "
                "--client-code of the fleet; or add headers by hand, as docs/laboratories.md says"
            )
    draft = propose(
        read_grids(file, settings),
        known_names(),
        client=client,
        client_code=client_code,
        laboratory=laboratory,
        time_zone=time_zone,
    )
    if "lab_sheets" not in draft.rows:
        raise BronzeFileUnreadable(
            f"{file.name}: no row has {MIN_KNOWN_HEADERS} headers that are known. Add its headers to "
            "seeds/oil/known_headers.csv, or write the rows by hand as docs/laboratories.md says"
        )
    return draft


def write_draft(draft: LabDraft) -> None:
    """Append the rows of a draft to the seeds of this checkout.

    Raises:
        ConfigurationError: this is an installed package.
    """
    if not IS_CHECKOUT:
        raise ConfigurationError("seeds of an installed package are not changed: use a checkout of the project")
    append_rows(SEEDS, draft.rows)


def known_names() -> KnownNames:
    """Read the headers that are known."""
    essays = read_seed("essays")
    units = [row["unit"] for row in essays] + [row["text"] for row in read_seed("unit_texts")]
    return KnownNames(
        read_seed("known_headers"),
        read_seed("header_words"),
        read_seed("lab_fields"),
        read_seed("lab_essays"),
        essays,
        units,
    )
