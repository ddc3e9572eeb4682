"""Two machines on one lake in a folder: one at a time writes, and readers always have a whole publication."""

from __future__ import annotations

import hashlib
import itertools
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from tests.support.lake_homes import is_lost
from tests.support.servers.processes import eventually
from tests.support.small_warehouse import (
    CLIENT,
    day_of,
    gold_of,
    mark_all,
    publish,
    published_mark,
    read_whole,
    shelf_in,
    warehouse,
)

from tribolake.errors import LakeIsBusy, RunFailed, TribolakeError
from tribolake.lake.claims import FolderClaims
from tribolake.lake.custody import LeasedCustody
from tribolake.lake.lease import Lease
from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.publish.gold import publish_client
from tribolake.publish.in_folder import FolderShelf
from tribolake.publish.version import ManifestHeader

SECONDS = 2.0  # of the lease of these machines
STOPS = 200
BUSY = 3


def lease_in(folder: Path, seconds: float = 60) -> Lease:
    return Lease(FolderClaims(folder), "", seconds)


def test_second_run_is_refused_with_the_holder(tmp_path: Path):
    with (
        lease_in(tmp_path).hold(),
        pytest.raises(LakeIsBusy, match=f"process {os.getpid()} of {socket.gethostname()}"),
        lease_in(tmp_path).hold(),
    ):
        pass
    with lease_in(tmp_path).hold():
        pass
    assert not list(tmp_path.iterdir())


def test_lease_of_a_killed_run_of_this_machine_is_free_at_once(tmp_path: Path):
    script = (
        "import os, sys; from pathlib import Path\n"
        "from tests.lake.test_two_machines import lease_in\n"
        "held = lease_in(Path(sys.argv[1])).hold(); held.__enter__(); os._exit(9)"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], check=False, timeout=60, cwd=Path(__file__).parents[2]
    )
    assert len(list(tmp_path.iterdir())) == 1
    with lease_in(tmp_path).hold():
        pass


@pytest.mark.parametrize("known", [{"space": "another machine"}, {}])
def test_lease_of_another_machine_stays_until_it_expires(tmp_path: Path, known: dict[str, str]):
    claim = tmp_path / "00.3.json"
    claim.write_text(json.dumps({"host": "mine-2", "pid": 2**22 + 1, "started": "1"} | known))
    with pytest.raises(LakeIsBusy, match="expires within 3 s"), lease_in(tmp_path).hold():
        pass
    os.utime(claim, (time.time() - 6, time.time() - 6))
    with lease_in(tmp_path).hold():
        assert not claim.exists()


def test_run_whose_claim_a_person_removed_gives_up(tmp_path: Path):
    """Another run may begin then, so the first one may not write any more, nor renew its claim."""
    lease = lease_in(tmp_path, SECONDS)
    with lease.hold():
        (claim,) = tmp_path.glob("*.json")
        claim.unlink()
        assert eventually(lambda: is_lost(lease), seconds=SECONDS)
        with lease_in(tmp_path).hold():
            time.sleep(SECONDS / 2)
            assert len(list(tmp_path.glob("*.json"))) == 1
        assert is_lost(lease)


def test_names_that_are_no_claims_hold_nothing(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.60.json")
    (tmp_path / "folder.60.json").mkdir()
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    with lease_in(tmp_path).hold():
        pass


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100_000])
def test_claim_dated_ahead_is_named_for_removal(tmp_path: Path, content: bytes):
    """It never expires by itself: the clock of the disk was ahead when it was written."""
    claim = tmp_path / "0123.60.json"
    claim.write_bytes(content)
    os.utime(claim, (4e9, 4e9))
    with (
        pytest.raises(LakeIsBusy, match=r"remove 0123\.60\.json there, because its time is ahead"),
        lease_in(tmp_path).hold(),
    ):
        pass
    claim.unlink()
    with lease_in(tmp_path).hold():
        pass


def test_many_runs_at_once_have_at_most_one_holder(tmp_path: Path):
    holders, most, guard, turn = 0, 0, threading.Lock(), threading.Barrier(8)

    def work() -> None:
        nonlocal holders, most
        turn.wait()
        for _ in range(10):
            with suppress(LakeIsBusy), lease_in(tmp_path).hold():
                with guard:
                    holders += 1
                    most = max(most, holders)
                time.sleep(0.002)
                with guard:
                    holders -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


@pytest.mark.slow
def test_command_on_a_lake_held_by_a_machine_ends_with_3(tmp_path: Path, tribolake):
    write_sample_lake(tmp_path / "lake", finning_units=1, als_units=1, months=3)
    claims = tmp_path / "lake" / "oil-analysis" / "_state" / "leases"
    with lease_in(claims).hold():
        ended = tribolake("run", "--lake", str(tmp_path / "lake"), TRIBOLAKE_STATE_DIR=str(tmp_path / "machine 2"))
    assert (ended.returncode, f"process {os.getpid()}" in ended.stderr) == (BUSY, True), ended.stderr
    assert tribolake("run", "--lake", str(tmp_path / "lake")).returncode in (0, 4)


def test_version_that_a_stopped_machine_shows_late_is_replaced(tmp_path: Path):
    """A machine is stopped between the question about the lease and the link, and the other one publishes meanwhile."""
    ours, theirs = warehouse(2, rows=50), warehouse(1, rows=50)
    shelf = shelf_in(tmp_path)
    assert publish(theirs, tmp_path, "run-1")
    link = gold_of(tmp_path) / "_current"

    def ask() -> None:
        if read_whole(gold_of(tmp_path))["run_id"] == "run-3":
            raise RunFailed("another machine holds the lake")
        if (gold_of(tmp_path) / "_versions" / "run-2").exists():  # the link is replaced next
            assert publish(ours, tmp_path, "run-3")
            link.with_name("shown").symlink_to("_versions/run-2")
            link.with_name("shown").replace(link)
            raise RunFailed("another machine holds the lake")

    stopped = FolderShelf(shelf.root, shelf.home, ask)
    mark_all(theirs, 7)
    with pytest.raises(RunFailed):
        publish_client(theirs, OIL.contract, stopped, CLIENT, ManifestHeader("run-2", "default", day_of(2)), {})
    assert published_mark(tmp_path) == 7, "the older version is shown"
    assert not shelf.shows({CLIENT: None}), "it passes for current"
    assert publish(ours, tmp_path, "run-4")
    assert (published_mark(tmp_path), shelf.shows({CLIENT: None})) == (2, True)


def publish_for_ever(root: Path, name: str, told: Connection) -> None:
    """Publish one data set after the other, as a machine of its own that holds the lake for each."""
    connection = warehouse(1, rows=50)
    custody = LeasedCustody(lambda: Lease(FolderClaims(root / "leases"), "", SECONDS))
    shelf = FolderShelf(root, root / "oil-analysis", custody.assert_lease_held)
    for turn in itertools.count(1):
        mark_all(connection, random.randint(1, 10**9))  # noqa: S311 - data, not a secret
        header = ManifestHeader(f"run-{time.time_ns()}-{name}", "default", day_of(turn))
        try:
            with custody.hold():
                publish_client(connection, OIL.contract, shelf, CLIENT, header, {})
            told.send(None)
        except TribolakeError as error:  # the lake is busy, or the lease ran out
            told.send(type(error).__name__)
        except BaseException as error:
            told.send(repr(error))
            raise


def check_whole(gold: Path) -> None:
    """Read as a consumer does: the manifest, then each file in its folder."""
    while True:
        manifest = json.loads((gold / "_manifest.json").read_text(encoding="utf-8"))
        found = {}
        for file in manifest["files"]:
            with suppress(FileNotFoundError):  # two publications may be over since the manifest was read
                content = (gold / manifest["folder"] / file["name"]).read_bytes()
                found[file["name"]] = hashlib.sha256(content).hexdigest()
        if found == {file["name"]: file["sha256"] for file in manifest["files"]}:
            return
        again = json.loads((gold / "_manifest.json").read_text(encoding="utf-8"))
        assert again != manifest, f"{manifest['folder']} is not what its manifest says: {found}"


@contextmanager
def machine(root: Path, name: str) -> Iterator[tuple[int, Connection]]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=publish_for_ever, args=(root, name, theirs), daemon=True)
    process.start()
    assert process.pid is not None
    try:
        yield process.pid, ours
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.join()


def read_all(told: Connection) -> list[str | None]:
    found = []
    while told.poll():
        found.append(told.recv())
    return found


@pytest.mark.slow
def test_machine_stopped_anywhere_leaves_a_whole_publication(tmp_path: Path):
    chance = random.Random(13)  # noqa: S311 - moments, not secrets
    gold = tmp_path / "oil-analysis" / "gold" / CLIENT
    results: dict[str, list[str | None]] = {"a": [], "b": []}
    with machine(tmp_path, "a") as (first, told_by_first), machine(tmp_path, "b") as (second, told_by_second):
        until = time.monotonic() + 60
        while not (gold / "_manifest.json").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        for _ in range(STOPS):
            stopped = chance.choice((first, second))
            os.kill(stopped, signal.SIGSTOP)
            # Sometimes for longer than the lease lasts, so that the other machine takes over.
            until = time.monotonic() + (SECONDS * 2.5 if chance.random() < 0.1 else chance.uniform(0, 0.1))
            while time.monotonic() < until:
                check_whole(gold)
                time.sleep(0.02)
            os.kill(stopped, signal.SIGCONT)
            for _ in range(3):
                check_whole(gold)
                time.sleep(chance.uniform(0, 0.05))
            results["a"] += read_all(told_by_first)
            results["b"] += read_all(told_by_second)
    published = {name: sum(one is None for one in of_machine) for name, of_machine in results.items()}
    refused = {one for of_machine in results.values() for one in of_machine if one}
    assert min(published.values()) > 0, results
    assert refused <= {"LakeIsBusy", "RunFailed"}, refused
    assert "RunFailed" in refused, "no machine was stopped for longer than its lease while it published"
    check_whole(gold)
