"""Publish one client's gold: a version is made and checked aside, then readers see it instead of the one before."""

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
    """Publish a client's silver and gold from the warehouse, with what changed and the day's snapshot.

    What an earlier run published but did not bring to its end is brought to its end first.

    Args:
        connection: to the warehouse.
        contract: what is published.
        shelf: where readers find it.
        client: name of the client, as its bronze folder is called.
        header: run, policy and time of this publication.
        declared: columns of each public table as its contract declares them.

    Returns:
        False where the files would be the same, byte for byte: nothing is touched then.

    Raises:
        ContractBroken: a file does not keep the contract; what is published stays as it is.
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
