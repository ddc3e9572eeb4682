"""Another program damages or replaces a file or folder of a lake: the next publications show new rows all the same.

The table says which place the publication after that names before the one after it goes on. All others go on at once.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import combinations, product
from pathlib import Path

import duckdb
import pytest

from tests.support.drawn import drawn
from tests.support.small_warehouse import CLIENT, DAY, delta_of, gold_of, publish, published_mark, read_whole, warehouse
from tribolake.errors import ContractBroken
from tribolake.lake.claims import FolderClaims

HOME = "oil-analysis"
SECONDS = 30.0  # longest time of a publication: a pipe would wait for its other end


def _socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as bound:  # the name of a socket is short
        bound.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": lambda path: (path / "x").mkdir(parents=True),
    "link to itself": lambda path: path.symlink_to(path.name),
    "socket": _socket,
    "text": lambda path: path.write_bytes(b"no Parquet\xff\n{\n"),
    "nested": lambda path: path.write_text("[" * 100_000 + "\n"),
    "nothing in it": lambda path: path.touch(),
}
FILES = {
    "delta": f"{HOME}/silver/_delta/CDA_{DAY}.parquet",
    "log": "logs/changes.jsonl",
    "samples": f"{HOME}/silver/harmonized/CDA.parquet",
    "rejected": f"{HOME}/silver/rejected/CDA.parquet",
    "kept manifest": f"{HOME}/lineage/{CLIENT}/run-1.json",
    "snapshot": f"{HOME}/gold/{CLIENT}/_history/{DAY}",
    "current": f"{HOME}/gold/{CLIENT}/_current",
    "published file": f"{HOME}/gold/{CLIENT}/results.parquet",
    "published manifest": f"{HOME}/gold/{CLIENT}/_manifest.json",
    "version": f"{HOME}/gold/{CLIENT}/_versions/run-1",
    "folder of deltas": f"{HOME}/silver/_delta",
    "folder of the log": "logs",
    "folder of manifests": f"{HOME}/lineage/{CLIENT}",
    "history": f"{HOME}/gold/{CLIENT}/_history",
    "silver": f"{HOME}/silver",
}
HELD_ONCE = {"delta": "CDA_2026-01-31.parquet is damaged, and set aside as .*The next run publishes"}


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    """End a test that waits without end."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


def damage(path: Path, how: str) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    DAMAGES[how](path)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("published")
    with warehouse(1, rows=5) as connection:
        publish(connection, root, "run-1")
    return root


def check_goes_on(published: Path, root: Path, damages: dict[str, str]) -> None:
    """Damage places of a lake, and publish until nothing holds the client back."""
    shutil.copytree(published, root, symlinks=True)
    for place, how in damages.items():
        (root / FILES[place]).parent.mkdir(parents=True, exist_ok=True)
        damage(root / FILES[place], how)
    held = HELD_ONCE.keys() & damages.keys()
    with warehouse(2, rows=5) as connection:
        for place in held:
            with pytest.raises(ContractBroken, match=HELD_ONCE[place]):
                publish(connection, root, "run-2")
        publish(connection, root, "run-3")
    run = read_whole(gold_of(root), base=gold_of(root))["run_id"]
    assert run in (("run-2", "run-3") if held else ("run-3",))  # what was held back may have been shown already
    assert published_mark(root) == 2
    rows = duckdb.execute("select count(*) from read_parquet(?) where mark = 2", [str(delta_of(root))]).fetchone()
    assert rows == (5,)
    assert f'"{run}"' in (root / FILES["log"]).read_text(encoding="utf-8", errors="replace")


@pytest.mark.slow
@pytest.mark.parametrize(("place", "how"), drawn([*product(FILES, DAMAGES)], name="-".join))
def test_damaged_place_holds_a_client_back_once_at_most(published: Path, tmp_path: Path, place: str, how: str):
    check_goes_on(published, tmp_path / "lake", {place: how})


def test_damaged_silver_of_a_lost_version_holds_nobody_back(published: Path, tmp_path: Path):
    check_goes_on(published, tmp_path / "lake", {"version": "text", "samples": "nothing in it", "rejected": "text"})


def are_apart(first: str, second: str) -> bool:
    """Return whether neither place is inside of the other one."""
    paths = Path(FILES[first]), Path(FILES[second])
    return not (paths[0].is_relative_to(paths[1]) or paths[1].is_relative_to(paths[0]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"), drawn([pair for pair in combinations(FILES, 2) if are_apart(*pair)], name="-".join)
)
def test_two_damaged_places_hold_a_client_back_once_at_most(published: Path, tmp_path: Path, first: str, second: str):
    chance = random.Random(f"{first} {second}")  # noqa: S311 - a sample, not a secret
    hows = chance.choices([*DAMAGES], k=2)
    check_goes_on(published, tmp_path / "lake", dict(zip((first, second), hows, strict=True)))


@pytest.mark.parametrize(
    "line", [b"{\n", b"\xff\xfe\n", b"[1]\n", b"5\n", b'{"run_id": "run-2"}\n', b"[" * 100_000 + b"\n"]
)
def test_damaged_line_of_the_log_and_a_lost_warehouse_hold_nobody_back(published: Path, tmp_path: Path, line: bytes):
    root = tmp_path / "lake"
    shutil.copytree(published, root, symlinks=True)
    log = root / FILES["log"]
    log.write_bytes(line + b"\n" + log.read_bytes())
    with warehouse(2, rows=5) as connection:  # a new one: the table of changes is made of the log
        publish(connection, root, "run-2")
        runs = connection.execute("select distinct run_id from history.change_log order by 1").fetchall()
    assert runs == [("run-1",), ("run-2",)]


@pytest.mark.parametrize("how", [how for how in DAMAGES if how != "folder"])
@pytest.mark.parametrize("place", ["leases", "_state"])
def test_file_in_place_of_the_folder_of_leases_is_renamed(tmp_path: Path, place: str, how: str):
    folder = tmp_path / HOME / "_state" / "leases"
    folder.mkdir(parents=True)
    damage(folder if place == "leases" else folder.parent, how)
    claims = FolderClaims(folder)
    claims.put("a.json", b"{}")
    assert [claim.key for claim in claims.list("")] == ["a.json"]
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
