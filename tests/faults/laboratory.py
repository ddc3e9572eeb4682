"""Run tribolake with one fault of the system: a failed call, a full disk, SIGKILL or a jump of the clock.

`shim.c` is compiled once and loaded before the C library. A warm process has dbt imported and the project parsed, as
that of the watcher (ADR 7). It forks a process for each command, which arms the shim in itself and then is the command
as a user starts it. No function of the product is replaced.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tribolake.settings import PROJECT_DIR, load_settings

SHIM = Path(__file__).with_name("shim.c")
# As in shim.c.
KINDS = {
    "create": 1, "read": 2, "write": 4, "sync": 8, "rename": 16, "link": 32, "folder": 64, "remove": 128, "mode": 256,
    "truncate": 512,
}  # fmt: skip
FAIL_ONCE, FAIL_FROM_THEN_ON, CUT, KILL_BEFORE, KILL_AFTER, CLOCK, STOP = range(1, 8)
EIO, ENOSPC, EDQUOT, EROFS, EACCES, EFBIG, EMFILE = 5, 28, 122, 30, 13, 27, 24
YEARS = 365 * 86400
FAULTS = {
    "EIO once": (FAIL_ONCE, EIO, 0),
    "EIO": (FAIL_FROM_THEN_ON, EIO, 0),
    "EACCES": (FAIL_FROM_THEN_ON, EACCES, 0),
    "EROFS": (FAIL_FROM_THEN_ON, EROFS, 0),
    "ENOSPC": (FAIL_FROM_THEN_ON, ENOSPC, 0),
    "EDQUOT": (FAIL_FROM_THEN_ON, EDQUOT, 0),
    "EFBIG": (FAIL_FROM_THEN_ON, EFBIG, 0),
    "EMFILE": (FAIL_FROM_THEN_ON, EMFILE, 0),
    "ENOSPC in the middle": (CUT, ENOSPC, 0),
    "kill before": (KILL_BEFORE, 0, 0),
    "kill after": (KILL_AFTER, 0, 0),
    "stop": (STOP, 0, 0),
    "clock ahead": (CLOCK, 0, 4 * YEARS),
    "clock back": (CLOCK, 0, -4 * YEARS),
}
LONGEST_SECONDS = 120
STOPPED = -signal.SIGSTOP


@dataclass(frozen=True)
class Armed:
    """A fault at the `nth` call of some kinds on paths below `root` that match `where`."""

    root: str
    kinds: tuple[str, ...]
    where: str
    nth: int
    fault: str

    def arm(self) -> None:
        action, error, seconds = FAULTS[self.fault]
        mask = sum(KINDS[kind] for kind in self.kinds)
        ctypes.CDLL(None).faults_arm(
            self.root.encode(), mask, self.where.encode(), ctypes.c_long(self.nth), action, error,
            ctypes.c_long(seconds),
        )  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A call of the C library on a path, which is relative to the traced folder."""

    kind: str
    path: str

    def matches(self, kinds: Sequence[str], where: str) -> bool:
        return self.kind in kinds and fnmatchcase(self.path, where)


@dataclass(frozen=True)
class Ended:
    """How a command ended. `code` is negative for a signal, `hit` says whether its fault was injected."""

    code: int
    output: str
    hit: bool


class Laboratory:
    """Owns the warm process. It parses the project only if it has to carry out runs."""

    def __init__(self, folder: Path, *, runs: bool) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        shim = folder / "shim.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", shim, SHIM, "-ldl"], check=True)
        environment = os.environ | {"LD_PRELOAD": str(shim), "OPENBLAS_NUM_THREADS": "1"}
        environment["TRIBOLAKE_CACHE_DIR"] = str(folder / "cache")
        environment["TRIBOLAKE_LEASE_SECONDS"] = (
            "3600"  # a slow run renews no lease, so it makes the calls of a traced one
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.laboratory", folder, str(int(runs))],
            cwd=PROJECT_DIR,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, fault: Armed | None = None, environment: Mapping[str, str] | None = None) -> Ended:
        """Run a command to its end, with a fault in it."""
        return self._ask({"words": words, "fault": fault and asdict(fault), "environment": dict(environment or {})})

    def publish(self, root: Path, run: str, mark: int, fault: Armed | None = None, lease: float = 0) -> Ended:
        """Publish the small warehouse of tests/support with this mark in every row.

        An error is told as a run tells it, and ends with 4: a run holds back the client and goes on. With a lease, in
        seconds, it publishes as a machine that may not be alone.
        """
        return self._ask({"publish": [str(root), run, mark, lease], "fault": fault and asdict(fault)})

    def go_on(self) -> Ended:
        """Let a process go on that a fault stopped. Its first part ended with `STOPPED`."""
        return self._ask({"go_on": True})

    def traced(self, root: Path, **request: Any) -> list[Call]:
        """Carry out a request without a fault. Returns its calls on paths below `root`."""
        trace = self._folder / "trace"
        trace.unlink(missing_ok=True)
        ended = self._ask(request | {"trace": [str(root), str(trace)]})
        assert ended.code == 0, ended
        kind_of = {number: kind for kind, number in KINDS.items()}
        lines = trace.read_text(encoding="utf-8").splitlines()
        return [Call(kind_of[int(kind)], path) for kind, _, path in (line.partition(" ") for line in lines)]

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _ask(self, request: Mapping[str, Any]) -> Ended:
        assert self._process.stdin and self._process.stdout
        output = self._folder / "output"
        output.unlink(missing_ok=True)  # a stopped process keeps its own
        output.touch()
        self._process.stdin.write(json.dumps({**request, "output": str(output)}) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        seen = Path(f"{output}.seen")
        at = (request.get("fault") or {}).get("nth", 0)
        hit = code in (-signal.SIGKILL, STOPPED) or (seen.exists() and int(seen.read_text()) >= at)
        seen.unlink(missing_ok=True)
        return Ended(code, output.read_text(encoding="utf-8", errors="replace"), hit)


@contextmanager
def laboratory(folder: Path, *, runs: bool) -> Iterator[Laboratory]:
    opened = Laboratory(folder, runs=runs)
    try:
        yield opened
    finally:
        opened.stop()


@dataclass(frozen=True)
class Bench:
    """A lake with one publication, the calls of the next one, and the lake after it."""

    laboratory: Laboratory
    before: Path
    calls: list[Call]
    after: Path


@contextmanager
def bench_of(folder: Path, lease: float = 0) -> Iterator[Bench]:
    """Publish twice below a folder, the second time with a lease in seconds, if it has one."""
    before, after = folder / "before", folder / "after"
    with laboratory(folder / "laboratory", runs=False) as opened:
        before.mkdir()
        assert opened.publish(before, "run-1", 1).code == 0
        shutil.copytree(before, after, symlinks=True)
        yield Bench(opened, before, opened.traced(after, publish=[str(after), "run-2", 2, lease]), after)


def can_inject() -> bool:
    return sys.platform == "linux" and shutil.which("gcc") is not None


def _serve(folder: Path, *, runs: bool) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for module in ("tests.support.small_warehouse", "pandas", "pyarrow.parquet", "tribolake.cli.options"):
        importlib.import_module(module)
    if runs:
        from tribolake.oil.product import OIL  # noqa: PLC0415 - the tests import this module too
        from tribolake.run.dbt import parse_ahead  # noqa: PLC0415
        from tribolake.watch.warm import IMPORTED_AHEAD  # noqa: PLC0415

        for module in (*IMPORTED_AHEAD, *OIL.imports, "tribolake.cli.run"):
            importlib.import_module(module)
        settings = load_settings(lake=folder / "warm")
        settings.state.mkdir(parents=True, exist_ok=True)
        parse_ahead(OIL, settings)
    stopped = 0
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("go_on"):
            pid = stopped
            os.kill(pid, signal.SIGCONT)
        else:
            pid = os.fork()
            if not pid:
                _carry_out(request)
        code = _wait(pid)
        stopped = pid if code == STOPPED else stopped
        answers.write(f"{code}\n")
        answers.flush()


def _wait(pid: int) -> int:
    """Return the exit code of a child, and end what it left running. `STOPPED` if it is stopped."""
    status = os.waitpid(pid, os.WUNTRACED)[1]
    if os.WIFSTOPPED(status):
        return STOPPED
    code = os.waitstatus_to_exitcode(status)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return code


def _carry_out(request: Mapping[str, Any]) -> None:
    """Be the command, in the forked process. Does not return."""
    os.setpgid(0, 0)
    signal.alarm(LONGEST_SECONDS)  # a hanging command ends with -14
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(request.get("environment", {}))
    if request.get("trace"):
        root, trace = request["trace"]
        ctypes.CDLL(None).faults_trace(root.encode(), trace.encode())
    if request.get("fault"):
        fault = request["fault"]
        Armed(**{**fault, "kinds": tuple(fault["kinds"])}).arm()
    code = 0
    try:
        if request.get("publish"):
            code = _publish(*request["publish"])
        else:
            from tribolake.cli.app import main  # noqa: PLC0415

            sys.argv = ["tribolake", *request["words"]]
            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        code = 70
    finally:
        ctypes.CDLL(None).faults_disarm()
        if request.get("fault"):
            Path(f"{request['output']}.seen").write_text(str(ctypes.CDLL(None).faults_seen()))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _publish(root: str, run: str, mark: int, lease: float = 0) -> int:
    from tests.support.small_warehouse import publish, publish_as_a_machine, warehouse  # noqa: PLC0415
    from tribolake.errors import LakeIsBusy, RunFailed, explain  # noqa: PLC0415

    with warehouse(mark, rows=20) as connection:
        try:
            if lease:
                publish_as_a_machine(connection, Path(root), run, f"2026-01-0{mark}", lease)
            else:
                publish(connection, Path(root), run, at=f"2026-01-0{mark}")
        except (LakeIsBusy, RunFailed) as error:  # these end the run
            print(explain(error))  # noqa: T201
            return 1
        except Exception as error:
            print(explain(error))  # noqa: T201
            return 4
    return 0


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), runs=sys.argv[2] == "1")
