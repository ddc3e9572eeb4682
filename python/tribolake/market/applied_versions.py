"""The computation version of processed objects: the default of the seed, or one that was made current instead.

A version that was made current stays so until the seed names another default: see docs/adr/0033.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.market.contract import UNIVERSE

DEFAULT = "select computation_version from seeds.computations where is_default"
CURRENT = f"""
    select coalesce(
        (
            select last_applied.computation_version
            from (from control.applied_versions order by applied_at desc, run_id desc limit 1) as last_applied
            where
                last_applied.default_version = ({DEFAULT})
                and last_applied.computation_version in (select computation_version from seeds.computations)
        ),
        ({DEFAULT})
    ) as computation_version
"""


def current_version(warehouse: duckdb.DuckDBPyConnection) -> str:
    """Return the computation version of the objects that are stored now."""
    ((version,),) = warehouse.execute(CURRENT).fetchall()
    return str(version)


def make_current(warehouse: duckdb.DuckDBPyConnection, version: str, now: datetime, run_id: str) -> bool:
    """Make a computation version the current one. Returns False if it was so before.

    Raises:
        ConfigurationError: there is no such version.
    """
    known = [
        name
        for (name,) in warehouse.execute("from seeds.computations select computation_version order by 1").fetchall()
    ]
    if version not in known:
        raise ConfigurationError(f"{version!a} is not a computation version: choose {' or '.join(known)}")
    if version == current_version(warehouse):
        return False
    # The last row counts, also after a clock that was put back.
    warehouse.execute(
        f"insert into control.applied_versions select ?, ?, ({DEFAULT}),"
        " greatest(?, (select max(applied_at) + interval 1 second from control.applied_versions)), ?",
        [UNIVERSE, version, now, run_id],
    )
    return True
