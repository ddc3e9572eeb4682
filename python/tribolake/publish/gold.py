"""Publish the gold of a client: write and check a new version, then show it to readers instead of the old one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from tribolake.lake.files import make_folder, remove
from tribolake.product import Contract
from tribolake.publish.places import Places
from tribolake.publish.shelf import Shelf
from tribolake.publish.verification import Difference
from tribolake.publish.version import ManifestHeader, is_published, seal, write_files


@dataclass(frozen=True)
class Outcome:
    """What a publication did. `changed` is False if readers see the same files as before, byte for byte.

    `run_id` is the run whose publication readers see now.
    """

    run_id: str
    changed: bool
    differences: tuple[Difference, ...] = ()  # published files that another program had altered


def publish_client(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    shelf: Shelf,
    client: str,
    header: ManifestHeader,
    declared: Mapping[str, Sequence[str]],
) -> Outcome:
    """Publish the silver and gold of a client from the warehouse, with the log of changes and the snapshot of the day.

    The settling steps of the version before are completed first. The published files are hashed. If another program
    has altered them, a new version replaces them.

    Args:
        connection: to the warehouse.
        contract: the public tables of the product.
        shelf: the folder or bucket of the readers.
        client: name of the client, as its bronze folder is called.
        header: run, policy and time of this publication.
        declared: columns of each public table, from the contracts of the models.

    Raises:
        ContractBroken: a file breaks the contract. The published version stays.
    """
    places = Places(contract, shelf.root, shelf.home, client)
    current = shelf.current(places)
    differences = shelf.differences(places, current)
    altered = {places.root / one.key for one in differences}
    if current is None:  # no manifest says what they were, so what is there is not compared
        altered |= {places.silver(table) for table in contract.silver}
        altered |= {places.gold / table.file_name for table in contract.tables}
    names = {one.name for one in differences}
    told = tuple({(one.name, one.kept): one for one in reversed(differences)}.values())  # names may share bytes
    if current:
        shelf.settle(connection, places, current, names)
    if current and current.run_id == header.run_id:
        return Outcome(current.run_id, changed=False, differences=told)
    folder = places.versions / header.run_id
    remove(folder)
    make_folder(folder, places.root)
    try:
        written = write_files(connection, places, folder, declared, altered)
        if current and not altered and is_published(places, current, written, header.policy):
            remove(folder)
            return Outcome(current.run_id, changed=False)
        version = seal(connection, places, current, folder, written, header, altered)
    except BaseException:
        remove(folder)
        raise
    shelf.switch(places, version)
    shelf.settle(connection, places, version)
    if current and altered:
        shelf.heal(places, current, folder, current.same_names(written) & names)
    shelf.forget(places, [version] + ([current] if current else []))
    return Outcome(header.run_id, changed=True, differences=told)
