"""Another program writes over an object of a lake on S3: the next publications show new rows all the same."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path

import duckdb
import pytest
from tests.lake.test_shelf_on_s3 import GOLD, ClientShelf
from tests.support.drawn import drawn
from tests.support.lake_homes import PRODUCT
from tests.support.small_warehouse import CLIENT, DAY

from tribolake.errors import ContractBroken
from tribolake.lake.store import ObjectStore
from tribolake.lake.stored import SHA256
from tribolake.publish.contract import MANIFEST

DELTA = f"{PRODUCT}/silver/_delta/CDA_{DAY}.parquet"
LOG = "logs/changes.jsonl"
OBJECTS = {
    "delta": DELTA,
    "log": LOG,
    "samples": f"{PRODUCT}/silver/harmonized/CDA.parquet",
    "rejected": f"{PRODUCT}/silver/rejected/CDA.parquet",
    "kept manifest": f"{PRODUCT}/lineage/{CLIENT}/run-1.json",
    "snapshot": f"{GOLD}_history/{DAY}/{MANIFEST}",
    "file of a version": f"{GOLD}_versions/run-1/classified_reports.parquet",
    "manifest of a version": f"{GOLD}_versions/run-1/{MANIFEST}",
    "published file": f"{GOLD}classified_reports.parquet",
    "published manifest": f"{GOLD}{MANIFEST}",
}
DAMAGES = {"text": b"no Parquet\xff\n{\n", "nothing": b"", "nested": b"[" * 100_000 + b"\n"}


def damage(store: ObjectStore, key: str, content: bytes, *, keeps_metadata: bool) -> None:
    """Write over an object. Programs that edit objects may keep its metadata, with the SHA-256 of its writer."""
    stored = store.head(key)
    assert stored is not None
    noted = {SHA256: stored.sha256} if keeps_metadata else {}
    store.client.put_object(Bucket=store.bucket, Key=key, Body=content, Metadata=noted)


def check_goes_on(
    store: ObjectStore, folder: Path, places: Sequence[str], how: str, keeps_metadata: bool, machine: str
) -> None:
    """Damage objects after a publication, and publish twice."""
    shelf = ClientShelf(store, folder / "first")
    shelf.publish(1)
    for place in places:
        damage(store, OBJECTS[place], DAMAGES[how], keeps_metadata=keeps_metadata)
    if machine == "other":
        shelf = ClientShelf(store, folder / "other")
    # The same machine takes its own copy of an object that says it has not changed.
    if "delta" in places and not (machine == "same" and keeps_metadata):
        with pytest.raises(ContractBroken, match=r"The next run publishes.*Its object is kept as") as held:
            shelf.publish(2)
        kept = str(held.value).rpartition(" ")[2]
        assert (store.read(kept) or (b"", None))[0] == DAMAGES[how]
    else:
        shelf.publish(2)
    shelf.publish(3)
    assert shelf.published_run() == "run-3"
    (folder / "delta.parquet").write_bytes((store.read(DELTA) or (b"", None))[0])
    rows = duckdb.execute("select count(*) from read_parquet(?) where mark = 3", [str(folder / "delta.parquet")])
    assert rows.fetchone() == (2000,)
    assert b'"run-3"' in (store.read(LOG) or (b"", None))[0]


@pytest.mark.parametrize(("keeps_metadata", "machine"), [(False, "same"), (True, "other")])
def test_damaged_delta_holds_a_client_back_once(store: ObjectStore, tmp_path: Path, keeps_metadata: bool, machine: str):
    check_goes_on(store, tmp_path, ["delta"], "text", keeps_metadata, machine)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "how", "keeps_metadata", "machine"),
    drawn([*product(OBJECTS, DAMAGES, [False, True], ["same", "other"])], name=lambda case: "-".join(map(str, case))),
)
def test_damaged_object_holds_a_client_back_once_at_most(
    store: ObjectStore, tmp_path: Path, place: str, how: str, keeps_metadata: bool, machine: str
):
    check_goes_on(store, tmp_path, [place], how, keeps_metadata, machine)


@pytest.mark.slow
@pytest.mark.parametrize("places", drawn([[*pair] for pair in combinations(OBJECTS, 2)], name="-".join))
def test_two_damaged_objects_hold_a_client_back_once_at_most(store: ObjectStore, tmp_path: Path, places: list[str]):
    chance = random.Random(" ".join(places))  # noqa: S311 - a sample, not a secret
    how, machine = chance.choice([*DAMAGES]), chance.choice(["same", "other"])
    check_goes_on(store, tmp_path, places, how, chance.random() < 0.5, machine)
