"""The lease of a lake on S3."""

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from tests.support.lake_homes import is_lost
from tests.support.servers.plan import Fault
from tests.support.servers.processes import eventually
from tests.support.servers.server import client

from tribolake.errors import LakeIsBusy, RunFailed, StoreUnavailable
from tribolake.lake.lease import CLOCK_TICK, Lease
from tribolake.lake.store import ObjectStore, open_store
from tribolake.lake.stored import StoredObject

CLAIMS = "oil-analysis/_state/leases/"


def test_lease_with_many_runs_at_once_has_one_holder(s3_server, settings_of):
    store = open_store(settings_of(s3_server))
    holders, most, had_it = 0, 0, 0
    counting = threading.Lock()

    def try_to_run(_: int) -> None:
        nonlocal holders, most, had_it
        try:
            with Lease(store, CLAIMS, 30).hold():
                with counting:
                    holders, had_it = holders + 1, had_it + 1
                    most = max(most, holders)
                time.sleep(0.05)
                with counting:
                    holders -= 1
        except LakeIsBusy:
            return

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(try_to_run, range(24)))
    assert most == 1
    assert had_it >= 1
    assert list(store.list(CLAIMS)) == []


def only_claim(store: ObjectStore) -> StoredObject:
    (claim,) = store.list(CLAIMS)
    return claim


def test_lease_of_a_dead_run_is_reported_with_its_expiry(moto, settings_of):
    store = open_store(settings_of(moto))
    Lease(store, CLAIMS, 60)._claim()  # never renewed, never given up
    with pytest.raises(LakeIsBusy, match="expires within 60 s"), Lease(store, CLAIMS, 60).hold():
        pass


@pytest.mark.slow
def test_lease_of_a_dead_run_expires(moto, settings_of):
    store = open_store(settings_of(moto))
    Lease(store, CLAIMS, 5)._claim()
    dead = only_claim(store)

    def take() -> bool:
        try:
            with Lease(store, CLAIMS, 60).hold():
                assert only_claim(store).modified_at - dead.modified_at > timedelta(seconds=5)
        except LakeIsBusy:
            return False
        return True

    assert not take()
    assert eventually(take, seconds=60)


@pytest.mark.slow
def test_lease_of_a_live_run_is_renewed_beyond_its_first_claim(moto, settings_of):
    store = open_store(settings_of(moto))
    lease = Lease(store, CLAIMS, 5)
    with lease.hold():
        first = only_claim(store)
        assert eventually(
            lambda: only_claim(store).modified_at - first.modified_at > timedelta(seconds=5) + CLOCK_TICK, seconds=60
        )
        with pytest.raises(LakeIsBusy), Lease(store, CLAIMS, 60).hold():
            pass
        lease.assert_lease_held()


@pytest.mark.slow
@pytest.mark.parametrize("operation", [None, "PutObject"], ids=["every call", "writes"])
def test_lease_ends_when_the_store_refuses_renewals(proxy, store, operation):
    """Reads still show the old claim. It must not pass for a renewal whose answer was lost."""
    lease = Lease(store, CLAIMS, 5)
    with lease.hold():
        lease.assert_lease_held()
        proxy.plan.inject(Fault.SLOW_DOWN, operation=operation, times=None)
        assert eventually(lambda: is_lost(lease), seconds=15)
        with pytest.raises(RunFailed, match="ran out"):
            lease.assert_lease_held()
        proxy.plan.calm()


@pytest.mark.slow
def test_renewal_after_expiry_does_not_revive_the_lease(proxy, settings_of):
    lease = Lease(open_store(settings_of(proxy.server, s3_timeout_seconds=20)), CLAIMS, 3)
    with lease.hold():
        arrives = threading.Event()
        proxy.plan.inject(Fault.DELAY, operation="PutObject", until=arrives)
        time.sleep(3.2)  # longer than the lease: another run may hold the lake
        arrives.set()
        assert eventually(lambda: any(one.status == 200 for one in proxy.injured), seconds=15)
        assert not eventually(lambda: not is_lost(lease), seconds=1)


def test_second_claim_after_a_refusal_has_another_key(proxy, settings_of):
    """So a late removal of the first claim cannot remove the second one."""
    store = open_store(settings_of(proxy.server))
    others = f"{CLAIMS}other.60.json"
    client(proxy.server).put_object(Bucket=store.bucket, Key=others, Body=b"{}")

    def other_run_ends(**_: object) -> None:
        client(proxy.server).delete_object(Bucket=store.bucket, Key=others)

    store.client.meta.events.register("before-send.s3.DeleteObject", other_run_ends)
    with Lease(store, CLAIMS, 60).hold():
        removed = {one.request.key for one in proxy.passed if one.request.operation == "DeleteObject"}
        assert len(removed - {others}) == 1
        assert only_claim(store).key not in removed


def test_failed_listing_of_claims_removes_the_own_claim(proxy, store):
    proxy.plan.inject(Fault.SLOW_DOWN, operation="ListObjectsV2", times=None)
    with pytest.raises(StoreUnavailable), Lease(store, CLAIMS, 60).hold():
        pass
    proxy.plan.calm()
    assert list(store.list(CLAIMS)) == []


def test_lease_keeps_spare_time_for_a_request_to_arrive(proxy, settings_of):
    store = open_store(settings_of(proxy.server, s3_timeout_seconds=4))
    assert Lease(store, CLAIMS, 60).spare_seconds == 4
    assert Lease(store, CLAIMS, 3).spare_seconds == 1


def test_write_is_not_repeated_after_the_lease_is_lost(proxy, store):
    def assert_lease_held() -> None:
        if proxy.injured:
            raise RunFailed("lost")

    proxy.plan.inject(Fault.SLOW_DOWN, operation="PutObject")
    with pytest.raises(RunFailed):
        store.put("pointer", b"late", before_each=assert_lease_held)
    assert store.head("pointer") is None


def test_lease_of_a_killed_run_of_this_machine_is_free_at_once_on_s3(moto, settings_of):
    """Its credentials may have ended before it did, or it was killed."""
    store = open_store(settings_of(moto))
    killed = multiprocessing.get_context("fork").Process(target=lambda: Lease(store, CLAIMS, 60)._claim())
    killed.start()
    killed.join()
    assert only_claim(store)
    with Lease(store, CLAIMS, 60).hold():
        only_claim(store)
