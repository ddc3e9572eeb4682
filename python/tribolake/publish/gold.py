"""Publish the gold of a client: write and check a new version, then show it to readers instead of the old one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from tribolake.lake.files import make_folder, remove_folder
from tribolake.product import Contract
from tribolake.publish.places import Places
from tribolake.publish.shelf import Shelf
from tribolake.publish.version import ManifestHeader, is_published, seal, write_files


def publish_client(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    shelf: Shelf,
    client: str,
    header: ManifestHeader,
    declared: Mapping[str, Sequence[str]],
) -> bool:
    """Publish the silver and gold of a client from the warehouse, with the log of changes and the snapshot of the day.

    The settling steps of the version before are completed first.

    Args:
        connection: to the warehouse.
        contract: the public tables of the product.
        shelf: the folder or bucket of the readers.
        client: name of the client, as its bronze folder is called.
        header: run, policy and time of this publication.
        declared: columns of each public table, from the contracts of the models.

    Returns:
        False if the files would be the same, byte for byte. Then nothing is written.

    Raises:
        ContractBroken: a file breaks the contract. The published version stays.
    """
    places = Places(contract, shelf.root, shelf.home, client)
    current = shelf.current(places)
    if current:
        shelf.settle(connection, places, current)
    if current and current.run_id == header.run_id:
        return False
    folder = places.versions / header.run_id
    remove_folder(folder)
    make_folder(folder, places.root)
    try:
        files = write_files(connection, places, folder, declared)
        if is_published(places, current, folder, files, header):
            remove_folder(folder)
            return False
        version = seal(connection, places, current, folder, files, header)
    except BaseException:
        remove_folder(folder)
        raise
    shelf.switch(places, version)
    shelf.settle(connection, places, version)
    shelf.forget(places, [version] + ([current] if current else []))
    return True
