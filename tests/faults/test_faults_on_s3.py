"""Faults of a store that last for a whole run. Readers have whole publications, and the next run heals.

`on_s3.yml` is the table. Faults that pass are in tests/lake/test_s3_faults.py, kills in tests/e2e/test_killed_on_s3.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tests.faults.laboratory import Laboratory, can_inject, laboratory
from tests.support.als_tables import as_parquet
from tests.support.drawn import drawn
from tests.support.lake_homes import PRODUCT, InBucket, gold_of, manifest_of
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.faults import FaultyServer, faulty_server
from tests.support.servers.plan import Choice, Fault, Request
from tests.support.servers.server import S3Server
from tribolake.oil.synth import write_sample_lake

CLIENTS = ("cda", "emin")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not can_inject(), reason="the laboratory is for Linux, with gcc")]


@dataclass(frozen=True)
class Case:
    """A row of the table."""

    operation: str
    fault: str
    state: str | dict[str, str]
    codes: tuple[int, ...]
    words: str
    where: str = "*"
    lasts: bool = False  # from then on every request fails, whatever its operation and key

    def __str__(self) -> str:
        return re.sub(r"[^A-Za-z_]+", "-", f"{self.operation}-{self.where}-{self.fault}")

    def state_of(self, client: str) -> str:
        return self.state if isinstance(self.state, str) else self.state[client]

    def choice(self) -> Choice:
        """Return a function that tells the requests to hit."""
        begun = False

        def hits(request: Request) -> bool:
            nonlocal begun
            is_meant = self.operation in ("any", request.operation) and fnmatchcase(request.key, self.where)
            begun = begun or (self.lasts and is_meant)
            return begun or is_meant

        return hits


CASES = [Case(**row) for row in yaml.safe_load(Path(__file__).with_name("on_s3.yml").read_text(encoding="utf-8"))]


@dataclass(frozen=True)
class Bench:
    """A warm process, a server behind a proxy, and two deliveries of each client, by key."""

    laboratory: Laboratory
    proxy: FaultyServer
    deliveries: tuple[dict[str, bytes], ...]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, moto: S3Server) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    write_sample_lake(folder / "sample", finning_units=2, als_units=2, months=3, dirty=False)
    bronze = folder / "sample" / PRODUCT / "bronze"
    workbooks = [path.read_bytes() for path in sorted((bronze / "cda").rglob("*.xlsx"))]
    (path,) = (bronze / "emin").rglob("*.parquet")
    table = pq.read_table(path)
    tables = [as_parquet(table.slice(0, len(table) // 2)), as_parquet(table.slice(len(table) // 2))]
    deliveries = tuple(
        {
            f"{PRODUCT}/bronze/cda/2026-02-0{day}/T.xlsx": workbook,
            f"{PRODUCT}/bronze/emin/2026-02-0{day}/als.parquet": rows,
        }
        for day, (workbook, rows) in enumerate(zip(workbooks, tables, strict=False), start=1)
    )
    with laboratory(folder / "laboratory", runs=True) as opened, faulty_server(moto) as proxy:
        yield Bench(opened, proxy, deliveries)


@pytest.mark.parametrize("case", drawn(CASES))
def test_fault_that_lasts_for_a_run(bench: Bench, case: Case, tmp_path: Path):
    server = bench.proxy.server
    home = InBucket(server, new_buckets(server).lake, tmp_path)
    words = ("run", "--lake", f"s3://{home.bucket}")
    environment = server.environment | {
        "TRIBOLAKE_STATE_DIR": str(tmp_path / "state"),
        "TRIBOLAKE_S3_ENDPOINT": server.endpoint,
        "TRIBOLAKE_AWS_REGION": server.region,
        "TRIBOLAKE_S3_TIMEOUT_SECONDS": "2",
        "TRIBOLAKE_S3_ATTEMPTS": "2",
    }

    def deliver(files: dict[str, bytes]) -> None:
        for key, content in files.items():
            home.put(key, content)

    deliver(bench.deliveries[0])
    assert bench.laboratory.run(*words, environment=environment).code == 0
    old = {client: manifest_of(home, client)["run_id"] for client in CLIENTS}
    deliver(bench.deliveries[1])
    bench.proxy.forget()
    bench.proxy.plan.inject(Fault[case.fault], when=case.choice(), times=None)
    try:
        ended = bench.laboratory.run(*words, environment=environment)
    finally:
        bench.proxy.plan.calm()
    assert bench.proxy.injured, "the fault was not injected"
    assert "Traceback" not in ended.output and "fault of tribolake" not in ended.output, ended.output
    assert ended.code in case.codes, ended
    assert re.search(case.words, ended.output), ended.output
    for client in CLIENTS:
        gold_of(home, client)  # whole
        is_old = manifest_of(home, client)["run_id"] == old[client]
        assert is_old == (case.state_of(client) == "old"), client
    next_one = bench.laboratory.run(*words, environment=environment)
    assert next_one.code in (0, 4), next_one
    assert all(manifest_of(home, client)["run_id"] != old[client] for client in CLIENTS)
    assert bench.laboratory.run("verify", *words[1:], environment=environment).code == 0
