"""Check names from users before they become part of a path: clients, artefacts, runs and versions."""

from __future__ import annotations

import re

from tribolake.errors import ConfigurationError
from tribolake.lake.bronze import CLIENT_NAME
from tribolake.product import Contract, VersionedFolder

RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")


def checked_client(name: str) -> str:
    """Return the name of a client's folder. Raises ConfigurationError if it is invalid."""
    client = name.lower()
    if not CLIENT_NAME.match(client):
        raise ConfigurationError(f"{name[:80]!r} cannot be the name of a client: use a-z, 0-9, - and _")
    return client


def checked_artefact(contract: Contract, name: str) -> str:
    """Return the name of an artefact. Raises ConfigurationError if the product has no such artefact."""
    if name not in contract.artefacts:
        raise ConfigurationError(f"{name[:80]!r} is not an artefact: choose one of {', '.join(contract.artefacts)}")
    return name


def checked_run(run_id: str) -> str:
    """Return a run id. Raises ConfigurationError if it is invalid."""
    if not RUN_ID.match(run_id) or ".." in run_id:
        raise ConfigurationError(f"{run_id[:120]!r} cannot be a run: `tribolake run --json` and manifests name runs")
    return run_id


def is_version(versioned: VersionedFolder, version: str) -> bool:
    return versioned.pattern.match(version) is not None


def checked_version(versioned: VersionedFolder, version: str) -> str:
    """Return a version of a versioned folder. Raises ConfigurationError if it is invalid."""
    if not is_version(versioned, version):
        raise ConfigurationError(
            f"{version[:120]!r} cannot be a version of {versioned.name}, such as {versioned.example}"
        )
    return version
