"""Measure a process and its children from outside."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass

import psutil

# Accepted exit codes: done, or published although a file needs a look.
ENDED_WELL = (0, 4)
# These would falsify the measurement: no cached bytecode, or the package of another checkout.
LEFT_OUT = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH"}


@dataclass(frozen=True)
class Measurement:
    """Wall seconds, processor seconds and peak memory of a process and its children."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def measure(*words: str) -> Measurement:
    """Run a command to its end and measure it."""
    environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    used, started = children_cpu_seconds(), time.perf_counter()
    process = psutil.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    peak = Peak(process)
    peak.start()
    _, complaint = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode not in ENDED_WELL:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}: {complaint.decode()[-2000:]}")
    cpu_seconds = children_cpu_seconds() - used
    return Measurement(round(seconds, 2), round(cpu_seconds, 3), round(peak.stop() / 2**20))


def children_cpu_seconds() -> float:
    """Processor seconds of all ended child processes and their children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Peak(threading.Thread):
    """Peak of the common memory of a process and its children, sampled 20 times a second."""

    def __init__(self, process: psutil.Popen) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.bytes = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.05):
            self.bytes = max(self.bytes, self.look())

    def look(self) -> int:
        try:
            family = [self.process, *self.process.children(recursive=True)]
            return sum(member.memory_info().rss for member in family)
        except psutil.Error:
            return 0

    def stop(self) -> int:
        self.ended.set()
        self.join()
        return self.bytes
