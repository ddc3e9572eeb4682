"""Make small lakes with the code of an earlier release, taken from the history of this repository.

    python -m tests.upgrade.earlier_release DIR
    python -m tests.upgrade.earlier_release DIR --commit 603ff8d

A lake has runs of three days:

1. Three days ago: both laboratories deliver, and one file cannot be read.
2. Two days ago: a correction comes, and the file that failed is tried again.
3. One day ago: the correction is written over, more files come, all limits are calculated, a model words the
   recommendations.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from tests.support.als_tables import as_parquet, with_results_times
from tests.support.lake_homes import PRODUCT, InFolder, LakeHome

FIRST_RELEASE = "603ff8d"
REPOSITORY = Path(__file__).resolve().parents[2]
RELEASE_RUNS = Path(__file__).with_name("release_runs.py")
FAILED_KEY = "emin/{day}/broken.parquet"
OK, USAGE, NEEDS_A_LOOK = 0, 2, 4


class HistoryIsMissing(Exception):
    """The commit of the release cannot be exported."""


class ReleaseFailed(Exception):
    """A command of the release ended otherwise than expected."""


@dataclass(frozen=True)
class EarlierLake:
    """A lake as the earlier release left it."""

    home: LakeHome
    lake: str  # for --lake
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> list[str]:
        """Runs that published, in their order."""
        return sorted({Path(key).stem for key in self.home.keys(f"{PRODUCT}/lineage/")})


@dataclass(frozen=True)
class Delivery:
    """Files of one day, by key below bronze, and the commands that the release then runs."""

    days_ago: int
    files: Mapping[str, bytes]
    commands: Sequence[tuple[tuple[str, ...], int]]  # words and exit code

    @property
    def day(self) -> date:
        return day_before(self.days_ago)


@dataclass(frozen=True)
class Release:
    """A release that runs its own commands."""

    process: subprocess.Popen[str]
    log: Path
    deliveries: Sequence[Delivery]

    def make(self, lake: EarlierLake) -> None:
        """Deliver day by day and run the release after each delivery.

        Raises:
            ReleaseFailed: a command ended with another exit code than expected.
        """
        for delivery in self.deliveries:
            for key, content in delivery.files.items():
                lake.home.put(f"{PRODUCT}/bronze/{key.format(day=delivery.day)}", content)
            for words, expected in delivery.commands:
                self.run(*words, "--lake", lake.lake, days_ago=delivery.days_ago, expected=expected, **lake.environment)

    def run(self, *words: str, days_ago: int = 0, expected: int = OK, **environment: str) -> None:
        """Run one command of the release.

        Raises:
            ReleaseFailed: it ended with another exit code than expected.
        """
        assert self.process.stdin and self.process.stdout
        step = {"words": words, "environment": environment, "days_ago": days_ago}
        self.process.stdin.write(json.dumps(step) + "\n")
        self.process.stdin.flush()
        if (exit_code := self.process.stdout.readline().strip()) != str(expected):
            said = self.log.read_text(encoding="utf-8")[-3000:]
            raise ReleaseFailed(f"{' '.join(words)} ended with {exit_code or 'no answer'}, not {expected}: {said}")


@contextmanager
def earlier_release(folder: Path, commit: str = FIRST_RELEASE) -> Iterator[Release]:
    """Start a release, exported into an empty folder, with sample files and a model endpoint of its own.

    Raises:
        HistoryIsMissing: this clone does not have the commit.
    """
    code, log = folder / "code", folder / "release.log"
    export(commit, code)
    with model_endpoint() as address, log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-P", str(RELEASE_RUNS), str(folder / "parsed")],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(code / "python"),
                "OPENBLAS_NUM_THREADS": "1",
                "OPENAI_API_KEY": "sk-of-no-account",
                "OPENAI_BASE_URL": address,
                "TRIBOLAKE_AI_PRICES": "0.4,1.6",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        release = Release(process, log, [])
        try:
            samples = folder / "samples"
            size = ("--finning-units", "2", "--als-units", "6", "--months", "16")
            release.run("synth", "--lake", str(samples), *size)
            yield Release(process, log, deliveries_of(samples / PRODUCT / "bronze"))
        finally:
            process.communicate()


def export(commit: str, folder: Path) -> None:
    """Write the files of a commit into a folder.

    Raises:
        HistoryIsMissing: this clone does not have the commit.
    """
    archived = subprocess.run(
        ["git", "-C", str(REPOSITORY), "archive", "--format=tar", commit], capture_output=True, check=False
    )
    if archived.returncode:
        raise HistoryIsMissing(
            f"commit {commit} cannot be exported from {REPOSITORY}: {archived.stderr.decode().strip()}. Tests of "
            "upgrades need the whole history: clone without --depth, or run `git fetch --unshallow`"
        )
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as files:
        files.extractall(folder, filter="data")


def deliveries_of(bronze: Path) -> list[Delivery]:
    """Share the sample files of both laboratories out over three days."""
    first_workbook, second_workbook = (path.read_bytes() for path in sorted(bronze.glob("cda/*/*.xlsx")))
    (als,) = bronze.glob("emin/*/*.parquet")
    rows = pq.read_table(als)
    rows = rows.take(random.Random(1).sample(range(len(rows)), len(rows)))  # noqa: S311 - an order, not a secret
    first, rest = rows.slice(0, len(rows) // 2), rows.slice(len(rows) // 2)
    corrected = first.slice(0, len(first) // 2)
    return [
        Delivery(
            3,
            {
                "cda/{day}/T-01.xlsx": first_workbook,
                "emin/{day}/first.parquet": as_parquet(first),
                FAILED_KEY: b"this is not Parquet",
            },
            [(("run", "--no-ai"), NEEDS_A_LOOK)],
        ),
        Delivery(
            2,
            {f"emin/{day_before(2)}/correction.parquet": as_parquet(with_results_times(corrected, 3))},
            [(("arrivals", "retry"), OK), (("run", "--no-ai"), NEEDS_A_LOOK)],
        ),
        Delivery(
            1,
            {
                # Half of the correction is withdrawn, the other half has new values.
                f"emin/{day_before(2)}/correction.parquet": as_parquet(
                    with_results_times(corrected.slice(0, len(corrected) // 2), 2)
                ),
                "cda/{day}/T-02.xlsx": second_workbook,
                "emin/{day}/rest.parquet": as_parquet(rest),
            },
            [(("run", "--recalculate-limits"), OK)],
        ),
    ]


def day_before(days: int) -> date:
    return (datetime.now(UTC) - timedelta(days=days)).date()


class _Model(BaseHTTPRequestHandler):
    """A model for prompts of the first release. It repeats the facts of the rule with every value."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        facts: Any = json.loads(asked["messages"][1]["content"])
        essays = [slot.removesuffix(".value") for slot in facts["slots"] if slot.endswith(".value")]
        seen = ", ".join(f"{essay.lower()} {{{essay}.value}}" for essay in essays)
        reply = {
            "observation": f"La muestra presenta {seen}." if seen else "La muestra está fuera de lo habitual.",
            "cause": facts["rules"][0]["cause"],
            "action": facts["rules"][0]["action"],
            "urgency": facts["rules"][0]["urgency"],
        }
        message = {"role": "assistant", "content": json.dumps(reply, ensure_ascii=False), "refusal": None}
        completion = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": asked["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 1500, "completion_tokens": 150, "total_tokens": 1650},
        }
        content = json.dumps(completion).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def model_endpoint() -> Iterator[str]:
    """Start an endpoint that words patterns of the first release. Yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Model) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a new folder: the lake is made in DIR/lake, the code in DIR/code")
    parser.add_argument("--commit", default=FIRST_RELEASE, help="of the release [default: %(default)s]")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True)
    lake = EarlierLake(InFolder(arguments.folder / "lake"), str(arguments.folder.absolute() / "lake"))
    with earlier_release(arguments.folder.absolute(), arguments.commit) as release:
        release.make(lake)
    print(f"{lake.lake}: runs {', '.join(lake.runs)}")  # noqa: T201 - the result


if __name__ == "__main__":
    main()
