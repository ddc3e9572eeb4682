"""`tribolake doctor` says whether Aurora can be used, and how to mend it."""

from __future__ import annotations

import json
from collections.abc import Callable
from subprocess import CompletedProcess

import psycopg
import pytest
from tests.support.aurora_fixtures import with_aurora
from tests.support.servers.postgres import PASSWORD, PostgresServer

from tribolake.market.aurora.schema import upgrade
from tribolake.settings import Settings

Tribolake = Callable[..., "CompletedProcess[str]"]
NEWER = "update tribolake_market.alembic_version set version_num = '99'"


CLOSED_PORT = f"postgresql://postgres:{PASSWORD}@127.0.0.1:1/aurora"


@pytest.mark.parametrize(
    ("database", "found", "advice"),
    [
        ("none", "not used: it has no address", ""),
        ("unreachable", "failed", "refused"),
        ("empty", "failed", "tribolake market aurora upgrade"),
        ("newer", "failed", "a later release"),
        ("ready", "has schema version 1", ""),
    ],
)
def test_doctor_checks_aurora(
    settings: Settings, tribolake: Tribolake, postgres: PostgresServer, database: str, found: str, advice: str
):
    address = {"none": "", "unreachable": CLOSED_PORT}.get(database)
    if address is None:
        address = postgres.empty_database()
    if database in ("newer", "ready"):
        upgrade(with_aurora(settings, address))
    if database == "newer":
        with psycopg.connect(address) as connection:
            connection.execute(NEWER)
    done = tribolake("doctor", "--lake", str(settings.lake), "--json", TRIBOLAKE_AURORA_URL=address)
    (check,) = (one for one in json.loads(done.stdout)["checks"] if one["name"] == "aurora")
    assert found in check["found"] and advice in check["advice"] and bool(advice) == bool(check["advice"])
    assert PASSWORD not in done.stdout + done.stderr
