"""Names that people give, checked before they become part of a path: a client, a run, a version of limits."""

from __future__ import annotations

import re

from tribolake.errors import ConfigurationError
from tribolake.lake.bronze import CLIENT_NAME
from tribolake.publish.contract import GOLD, HARMONIZED

GOLD_TABLES = tuple(table.name for table in GOLD)
STEWART_LIMITS = "stewart_limits"
JUDGING_LIMITS = "judging_limits"
DELTA = "delta"
ARTEFACTS = (*GOLD_TABLES, JUDGING_LIMITS, HARMONIZED.name, DELTA)
RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
# A policy, then the fingerprint of the limits: see models/oil/limits/stewart_limits.sql.
LIMITS_VERSION = re.compile(r"^[a-z][a-z0-9_-]{0,63}-[0-9a-f]{12}$")


def checked_client(name: str) -> str:
    """A client as its folder is called.

    Raises:
        ConfigurationError: no folder can be called so.
    """
    client = name.lower()
    if not CLIENT_NAME.match(client):
        raise ConfigurationError(f"{name[:80]!r} cannot be the name of a client: use a-z, 0-9, - and _")
    return client


def checked_artefact(name: str) -> str:
    """Raises:
    ConfigurationError: nothing of that name is computed.
    """
    if name not in ARTEFACTS:
        raise ConfigurationError(f"{name[:80]!r} is not computed here: choose one of {', '.join(ARTEFACTS)}")
    return name


def checked_run(run_id: str) -> str:
    """Raises:
    ConfigurationError: no run can be called so.
    """
    if not RUN_ID.match(run_id) or ".." in run_id:
        raise ConfigurationError(f"{run_id[:120]!r} cannot be a run: `tribolake run --json` and manifests name runs")
    return run_id


def is_limits_version(version: str) -> bool:
    return LIMITS_VERSION.match(version) is not None


def checked_limits_version(version: str) -> str:
    """Raises:
    ConfigurationError: no version of limits can be called so.
    """
    if not is_limits_version(version):
        raise ConfigurationError(f"{version[:120]!r} cannot be a version of limits, such as default-2ffb3618fc06")
    return version
