"""A Ceph RADOS gateway: a real S3 server that applies bucket policies and lifecycle rules.

It has one monitor, one object store in memory and one gateway, all on loopback, in a temporary folder, and without
authentication between them. Measured on Ceph 16.2: ready in two seconds, 0.12 GB of memory when empty.
"""

from __future__ import annotations

import itertools
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers.apt import install_packages
from tests.support.servers.processes import ServerDidNotStart, start, stop, wait_until
from tests.support.servers.server import USERS, S3Server, server_at

PROGRAMS = ("ceph-mon", "monmaptool", "ceph", "ceph-osd", "radosgw", "radosgw-admin")
PACKAGES = ("ceph-mon", "ceph-osd", "radosgw", "ceph-common")

STORAGE_CLASSES = ("STANDARD_IA", "GLACIER", "DEEP_ARCHIVE")
"""Storage classes for lifecycle rules. Ceph keeps objects readable in all of them, GLACIER included."""

SECONDS_TO_WAIT = 60


def install() -> None:
    """Install Ceph: see `apt.install`."""
    install_packages(PROGRAMS, PACKAGES)


@contextmanager
def rgw_server(lifecycle_day: int = 2) -> Iterator[S3Server]:
    """Run a gateway with users and storage classes. A lifecycle "day" takes this many seconds."""
    install()
    with ExitStack() as stack:
        yield _started(stack, lifecycle_day)


def _started(stack: ExitStack, lifecycle_day: int) -> S3Server:
    for attempt in itertools.count(1):
        with ExitStack() as this_attempt:
            folder = Path(this_attempt.enter_context(tempfile.TemporaryDirectory(prefix="rgw-")))
            try:
                server = _Cluster(folder, this_attempt).start(lifecycle_day)
            except ServerDidNotStart:
                # Another process can take a free port before the server does.
                if attempt == 3:
                    raise
                continue
            stack.push(this_attempt.pop_all())
            return server
    raise AssertionError("unreachable")


@dataclass
class _Cluster:
    folder: Path
    stack: ExitStack

    @property
    def configuration(self) -> Path:
        return self.folder / "ceph.conf"

    def start(self, lifecycle_day: int) -> S3Server:
        monitor, gateway = _free_ports(2)
        cluster_id = str(uuid.uuid4())
        for name in ("mon", "osd", "rgw"):
            (self.folder / name).mkdir()
        (self.folder / "keyring").touch()
        text = CONFIGURATION.format(
            folder=self.folder, cluster=cluster_id, monitor=monitor, gateway=gateway, lifecycle_day=lifecycle_day
        )
        self.configuration.write_text(text, encoding="utf-8")
        self._start_monitor(cluster_id, monitor)
        self._start_store()
        self._make_users_and_storage_classes()
        self._start_gateway(gateway)
        return server_at(f"http://127.0.0.1:{gateway}", name="rgw")

    def _start_monitor(self, cluster_id: str, port: int) -> None:
        map_file = str(self.folder / "monmap")
        self._call("monmaptool", "--create", "--fsid", cluster_id, "--addv", "a", f"[v2:127.0.0.1:{port}]", map_file)
        self._call("ceph-mon", "-i", "a", "--mkfs", "--monmap", map_file)
        self._serve("ceph-mon", "-i", "a")

    def _start_store(self) -> None:
        store = str(uuid.uuid4())
        number = self._call("ceph", "--connect-timeout", "20", "osd", "new", store).strip()
        self._call("ceph-osd", "-i", number, "--mkfs", "--osd-uuid", store)
        process, log = self._serve("ceph-osd", "-i", number)
        wait_until(lambda: "1 up" in self._call("ceph", "osd", "stat"), process, log, SECONDS_TO_WAIT)

    def _make_users_and_storage_classes(self) -> None:
        for name, user in USERS.items():
            keys = ("--access-key", user.access_key, "--secret", user.secret_key)
            self._administer("user", "create", "--uid", name, "--display-name", name, *keys)
        for storage_class in STORAGE_CLASSES:
            place = ("--placement-id", "default-placement", "--storage-class", storage_class)
            self._administer("zonegroup", "placement", "add", "--rgw-zonegroup", "default", *place)
            pool = ("--data-pool", "default.rgw.cold.data")
            self._administer("zone", "placement", "add", "--rgw-zone", "default", *place, *pool)

    def _start_gateway(self, port: int) -> None:
        process, log = self._serve("radosgw", "-n", "client.rgw")
        wait_until(lambda: _answers(port), process, log, SECONDS_TO_WAIT)

    def _administer(self, *words: str) -> None:
        self._call("radosgw-admin", "-n", "client.rgw", *words)

    def _serve(self, program: str, *words: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = self.folder / f"{program}.log"
        process = start([program, "-f", "-c", str(self.configuration), *words], log)
        self.stack.callback(stop, process, patience=0)  # SIGTERM would take three seconds
        return process, log

    def _call(self, program: str, *words: str) -> str:
        configured = [] if program == "monmaptool" else ["-c", str(self.configuration)]
        try:
            ended = subprocess.run(
                [program, *configured, *words], capture_output=True, text=True, timeout=SECONDS_TO_WAIT, check=False
            )
        except subprocess.TimeoutExpired as silent:
            raise ServerDidNotStart(f"{program} {words[0]} did not end within {SECONDS_TO_WAIT} s") from silent
        if ended.returncode:
            raise ServerDidNotStart(f"{program} {' '.join(words)}: {ended.stderr.strip()[-500:]}")
        return ended.stdout


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [one.getsockname()[1] for one in sockets]


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


CONFIGURATION = """\
[global]
fsid = {cluster}
mon host = [v2:127.0.0.1:{monitor}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv4 = true
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms client mode = crc
ms cluster mode = crc
ms service mode = crc
ms mon cluster mode = crc
ms mon service mode = crc
keyring = {folder}/keyring
run dir = {folder}
pid file =
# Not used, and the path of a socket may have at most 107 characters.
admin socket =
log file = {folder}/$name.ceph.log
mon cluster log file = {folder}/cluster.log
crash dir = {folder}/crash
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 2000
[mon]
mon data = {folder}/mon
mon allow pool size one = true
# A test machine may have a full disk.
mon data avail warn = 1
mon data avail crit = 0
# Each of these makes the start faster.
paxos propose interval = 0.05
paxos min wait = 0.02
mon osd min up ratio = 0
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd op num shards = 2
osd class load list = *
osd class default list = *
[client.rgw]
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{gateway} tcp_nodelay=1
rgw thread pool size = 32
# Overwritten and deleted objects leave the memory soon.
rgw gc obj min wait = 5
rgw gc processor period = 10
rgw enable usage log = false
rgw enable quota threads = false
rgw dynamic resharding = false
rgw override bucket index max shards = 1
rgw lc debug interval = {lifecycle_day}
"""
