"""The warehouse of a lake on S3 travels by checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.awsrequest import AWSPreparedRequest
from tests.support.lake_homes import is_lost
from tests.support.servers.faults import FaultyServer
from tests.support.servers.plan import Fault
from tests.support.servers.processes import eventually

from tribolake.errors import RunFailed, StoreUnavailable
from tribolake.lake.checkpoint import Checkpoint
from tribolake.lake.shared import SharedCustody
from tribolake.lake.store import open_store
from tribolake.settings import Settings

CLAIMS = "oil-analysis/_state/leases/"
POINTER = "oil-analysis/_state/checkpoint.json"


def test_checkpoint_restores_the_last_warehouse_on_two_machines(moto, settings_of, tmp_path):
    store = open_store(settings_of(moto))

    def machine(name: str) -> Checkpoint:
        state = tmp_path / name
        state.mkdir(exist_ok=True)
        return Checkpoint(store, "oil-analysis", state, state / "warehouse.duckdb")

    first, second = machine("first"), machine("second")
    assert not first.restore()
    first.warehouse.write_bytes(b"run 1")
    (first.state / "notified.json").write_text("told")
    first.save("run-1")
    assert second.restore()
    assert not second.restore()
    assert (second.warehouse.read_bytes(), (second.state / "notified.json").read_text()) == (b"run 1", "told")
    for number in range(2, 6):
        second.warehouse.write_bytes(b"run %d" % number)
        second.save(f"run-{number}")
    first.warehouse.write_bytes(b"a run that was killed before it could hand over")
    assert first.restore()
    assert first.warehouse.read_bytes() == b"run 5"
    kept = [stored.key for stored in store.list("oil-analysis/_state/warehouse/")]
    assert [key.rpartition("/")[2].partition(".")[0] for key in kept] == ["run-4", "run-5"]


@dataclass
class Machine:
    """A machine that runs on a lake."""

    settings: Settings

    def __post_init__(self) -> None:
        self.settings.state.mkdir(exist_ok=True)
        self.store = open_store(self.settings)
        self.custody = SharedCustody(self.store, self.settings)

    def run(self, run_id: str) -> None:
        """Carry out a run with new files."""
        with self.custody.hold():
            self.custody.restore()
            self.write_warehouse(run_id)
            self.custody.save(run_id)

    def write_warehouse(self, run_id: str) -> None:
        """Write a run into the warehouse of this machine."""
        self.settings.warehouse.write_text(run_id)

    def saved_run(self) -> str:
        """Return the run whose warehouse is the lake's checkpoint."""
        pointer, _ = self.store.read(POINTER) or (b"{}", None)
        return json.loads(pointer)["run_id"]


@pytest.fixture
def machines(proxy: FaultyServer, settings_of: Callable[..., Settings], tmp_path: Path) -> tuple[Machine, Machine]:
    """Two machines of one lake. Claims of the first are valid for three seconds."""
    first = settings_of(proxy.server, state_dir=tmp_path / "a", lease_seconds=3)
    other = {"state_dir": tmp_path / "b", "lease_seconds": 60}
    return Machine(first), Machine(first.model_copy(update=other))


def test_checkpoint_stays_when_the_lease_is_lost_during_saving(proxy, machines):
    machine, _ = machines
    machine.run("run-1")

    def lose_the_lease(request: AWSPreparedRequest, **_: object) -> None:
        if "/_state/warehouse/" in request.url:
            assert eventually(lambda: is_lost(machine.custody), seconds=15)

    with machine.custody.hold():
        proxy.plan.inject(Fault.SLOW_DOWN, operation="PutObject", when=lambda one: CLAIMS in one.key, times=None)
        machine.store.client.meta.events.register("before-send.s3.PutObject", lose_the_lease)
        machine.write_warehouse("run-2")
        with pytest.raises(RunFailed):
            machine.custody.save("run-2")
    assert machine.saved_run() == "run-1"


def test_unsaved_warehouse_does_not_replace_a_newer_checkpoint(machines):
    """The run died before it saved its warehouse, and another machine ran after it."""
    first, second = machines
    first.run("run-0")
    first.write_warehouse("run-1")
    assert not first.custody.restore()  # a run without new files: it has to save the warehouse of the run before
    second.run("run-2")
    first.custody.save("run-1")
    assert first.saved_run() == "run-2"
    assert first.settings.warehouse.read_text() == "run-2"


def test_unsaved_warehouse_is_saved_by_the_next_run(machines):
    """The run died before it saved its warehouse, and no other machine ran after it."""
    first, _ = machines
    first.run("run-0")
    first.write_warehouse("run-1")
    first.custody.save("run-1")
    assert first.saved_run() == "run-1"


POINTERS = [b"", b"{", b"{}", b"[]", b"null", b'{"warehouse": "../../x"}', b"\xff"]


def test_damaged_pointer_is_refused_with_advice(machines):
    first, second = machines
    first.run("run-1")
    for content in POINTERS:
        first.store.put(POINTER, content)
        for machine in (first, second):
            with pytest.raises(StoreUnavailable, match=r"json is not a checkpoint: store an earlier version"):
                machine.custody.restore()


@pytest.mark.parametrize("says_so", [True, False], ids=["metadata of the first writer", "metadata of its own"])
def test_altered_warehouse_is_refused_with_advice(machines, says_so):
    first, second = machines
    first.run("run-1")
    (stored,) = first.store.list("oil-analysis/_state/warehouse/")
    metadata = first.store.head(stored.key).metadata
    altered = {"Bucket": first.store.bucket, "Key": stored.key, "Body": b"run-X"}
    first.store.client.put_object(**altered, Metadata=metadata if says_so else {})
    with pytest.raises(StoreUnavailable, match=r"is not what run run-1 stored: .* remove s3://.*/checkpoint\.json"):
        second.custody.restore()
    assert not second.settings.warehouse.exists()
